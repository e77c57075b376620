// One mock controller: its own copy of the fleet, who is signed in, and the stream of changes.
import type { Agent, AuditEntry, Change, Finding, Instance, Job, Outcome, Proposal, Token, User } from "~/api/types.ts";
import * as admin from "./data/admin.ts";
import { changes } from "./data/changes.ts";
import { findings } from "./data/findings.ts";
import { agents, instances } from "./data/fleet.ts";
import { outcomes } from "./data/learning.ts";
import { proposals } from "./data/proposals.ts";
import { Refusal } from "./router.ts";

export interface MockOptions {
  /** Begin signed in, as tests of pages do. */
  signedIn?: User["role"];
  setupNeeded?: boolean;
  /** A fleet without data: every page explains itself. */
  empty?: boolean;
  /** Milliseconds between the steps of an approved change. */
  pace?: number;
}

export class MockState {
  user: { id: string; name: string; role: User["role"] } | null;
  setupNeeded: boolean;
  readonly pace: number;
  readonly empty: boolean;
  readonly instances: Instance[];
  readonly agents: Agent[];
  readonly findings: Finding[];
  readonly proposals: Proposal[];
  readonly changes: Change[];
  readonly outcomes: Outcome[];
  readonly users: User[];
  readonly tokens: Token[];
  readonly jobs: Job[];
  readonly audit: AuditEntry[];
  private readonly fallback: MockState["user"];
  private readonly listeners = new Set<(topic: string, id: string | null) => void>();

  constructor(options: MockOptions = {}) {
    const some = <T>(all: T[]): T[] => (options.empty ? [] : structuredClone(all));
    this.user = options.signedIn ? { id: "u", name: options.signedIn, role: options.signedIn } : null;
    this.fallback = this.user;
    this.setupNeeded = options.setupNeeded ?? false;
    this.pace = options.pace ?? 900;
    this.empty = options.empty ?? false;
    this.instances = some(instances);
    this.agents = some(agents);
    this.findings = some(findings);
    this.proposals = some(proposals);
    this.changes = some(changes);
    this.outcomes = some(outcomes);
    this.audit = some(admin.audit);
    this.users = structuredClone(admin.users);
    this.tokens = some(admin.tokens);
    this.jobs = structuredClone(admin.jobs);
    for (const instance of this.instances) {
      instance.open_findings = this.findings.filter((f) => f.instance_id === instance.id && f.resolved_at === null).length;
    }
  }

  /** Who asks: the one named by the cookie, or whoever the options say. */
  enter(cookie: string | null): void {
    const name = /(?:^|;\s*)qs_session=([^;]+)/.exec(cookie ?? "")?.[1];
    const user = name ? this.users.find((candidate) => candidate.name === decodeURIComponent(name)) : undefined;
    this.user = user ? { id: user.id, name: user.name, role: user.role } : this.fallback;
  }

  announce(topic: string, id: string | null = null): void {
    for (const listener of this.listeners) listener(topic, id);
  }

  listen(listener: (topic: string, id: string | null) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  log(action: string, subject: string, detail: string | null): void {
    const at = new Date().toISOString();
    this.audit.unshift({ id: `${at} ${action}`, at, actor: this.user?.name ?? "nobody", action, subject, detail });
  }

  require(role: User["role"]): void {
    const rank = { viewer: 0, approver: 1, admin: 2 };
    if (!this.user) throw new Refusal(401, "Not signed in", "Sign in to go on.");
    if (rank[this.user.role] < rank[role]) throw new Refusal(403, "Not allowed", `This needs the role ${role}; you are signed in as ${this.user.role}.`);
  }
}

export function one<T extends { id: string }>(all: T[], id: string, what: string): T {
  const found = all.find((item) => item.id === id);
  if (!found) throw new Refusal(404, "Not found", `There is no ${what} with this id.`, { hint: "It may have been removed by the retention. Look for it in the list." });
  return found;
}
