// The words of the console. Each state of the API has one word, one tone and one icon, here.
import type { Agent, Change, ChangeRow, Collector, Finding, Instance, Job, ProposalRow, ProposalStatement, Verdict } from "~/api/types.ts";

export type Tone = "good" | "bad" | "warn" | "busy" | "idle";
export type Sign = "check" | "cross" | "alert" | "clock" | "play" | "undo" | "dash" | "flask" | "up" | "down" | "info";
export interface Word {
  word: string;
  tone: Tone;
  sign: Sign;
}

const word = (text: string, tone: Tone, sign: Sign): Word => ({ word: text, tone, sign });

export const PROPOSAL_STATE: Record<ProposalRow["state"], Word> = {
  waiting: word("waiting for a decision", "warn", "clock"),
  approved: word("approved", "good", "check"),
  rejected: word("rejected", "idle", "cross"),
  expired: word("expired", "idle", "clock"),
  withdrawn: word("withdrawn", "idle", "dash"),
  superseded: word("superseded", "idle", "dash"),
};

export const CHANGE_STATE: Record<ChangeRow["state"], Word> = {
  approved: word("approved", "busy", "clock"),
  offered: word("sent to the agent", "busy", "clock"),
  received: word("accepted by the agent", "busy", "clock"),
  rejected: word("refused by the agent", "bad", "cross"),
  armed: word("ready to apply", "busy", "clock"),
  applying: word("applying", "busy", "play"),
  trial: word("on trial", "warn", "flask"),
  confirmed: word("kept", "good", "check"),
  reverting: word("undoing", "busy", "undo"),
  reverted: word("reverted", "idle", "undo"),
  aborted: word("aborted", "idle", "dash"),
  stuck: word("stuck: needs a person", "bad", "alert"),
};

export const VERDICT: Record<Verdict, Word> = {
  helped: word("helped", "good", "down"),
  no_effect: word("no effect", "idle", "dash"),
  harmed: word("harmed", "bad", "up"),
  too_little_data: word("too little data yet", "idle", "clock"),
};

/** "kept: helped", "reverted: harmed": the state and why, in one word. */
export function changeWord(change: Pick<Change, "state"> & { verdict?: Verdict | null; missing_signatures?: Change["missing_signatures"] }): Word {
  if (change.missing_signatures) return word("waits for signatures", "warn", "clock");
  const state = CHANGE_STATE[change.state];
  const { verdict } = change;
  if (!verdict || verdict === "too_little_data") return state;
  if (change.state === "confirmed") return { ...VERDICT[verdict], word: `kept: ${VERDICT[verdict].word}` };
  if (change.state === "reverted") {
    return { ...state, tone: verdict === "harmed" ? "bad" : "idle", word: `reverted: ${VERDICT[verdict].word}` };
  }
  return state;
}

export const SEVERITY: Record<Finding["severity"], Word> = {
  critical: word("critical", "bad", "alert"),
  high: word("high", "bad", "up"),
  medium: word("medium", "warn", "alert"),
  low: word("low", "idle", "info"),
};

export const FINDING_KIND: Record<Finding["kind"], string> = {
  missing_index: "missing index",
  unused_index: "unused index",
  duplicate_index: "duplicate index",
  stale_statistics: "stale statistics",
  regression: "regression",
  top_consumer: "top consumer",
};

export const CHANGE_KIND: Record<ProposalRow["kind"], string> = {
  create_index: "create index",
  analyze: "analyze",
  drop_index: "drop index",
  create_statistics: "create statistics",
  set_statistics_target: "statistics target",
  set_parameter: "set parameter",
};

export function findingWord(finding: Pick<Finding, "resolved_at" | "reopened">): Word {
  if (finding.resolved_at) return word("resolved", "good", "check");
  return finding.reopened > 0 ? word("open again", "warn", "alert") : word("open", "warn", "alert");
}

export const INSTANCE_STATUS: Record<Instance["status"], Word> = {
  ok: word("ok", "good", "check"),
  degraded: word("degraded", "warn", "alert"),
  silent: word("silent", "bad", "cross"),
  waiting: word("waiting for data", "idle", "clock"),
};

export const COLLECTOR_STATUS: Record<Collector["status"], Word> = {
  ok: word("ok", "good", "check"),
  partial: word("partial", "warn", "alert"),
  failed: word("failed", "bad", "cross"),
  never_ran: word("never ran", "idle", "clock"),
};

export const STATEMENT_VERDICT: Record<ProposalStatement["verdict"], Word> = {
  helps: word("faster", "good", "down"),
  hurts: word("slower", "bad", "up"),
  unchanged: word("unchanged", "idle", "dash"),
  not_simulated: word("not simulated", "idle", "info"),
};

export const JOB_STATUS: Record<Job["status"], Word> = {
  ok: word("ok", "good", "check"),
  failed: word("failed", "bad", "cross"),
  running: word("running", "busy", "play"),
  never_ran: word("never ran", "idle", "clock"),
};

export function agentWord(agent: Pick<Agent, "connected"> & { revoked_at?: string | null; ahead_since?: string | null }): Word {
  if (agent.revoked_at) return word("revoked", "idle", "cross");
  if (agent.ahead_since) return word("gets no orders", "bad", "cross");
  return agent.connected ? word("connected", "good", "check") : word("not connected", "bad", "cross");
}

export const ACTOR: Record<Change["events"][number]["actor"], string> = {
  controller: "the controller",
  agent: "the agent",
  person: "a person",
};
