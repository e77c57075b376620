// What a person may do with a proposal or a change, in one table. The controller enforces the same rules;
// this table exists so that a button can say why it is disabled before it is pressed.
import type { Change, ChangeRow, ProposalRow, Role } from "~/api/types.ts";

export type Permission = { allowed: true } | { allowed: false; why: string };

interface Rule<State extends string> {
  role: Role;
  states: readonly State[];
  /** Why the other states do not allow it. */
  refusals: Partial<Record<State, string>>;
}

const RANK: Record<Role, number> = { viewer: 0, approver: 1, admin: 2 };
const YES: Permission = { allowed: true };
const no = (why: string): Permission => ({ allowed: false, why });

const PROPOSAL_DECIDED: Rule<ProposalRow["state"]>["refusals"] = {
  approved: "Already approved. Follow its change instead.",
  rejected: "Already rejected.",
  expired: "Expired before anyone decided. A fresh proposal follows if the finding is still open.",
  withdrawn: "Withdrawn: it is not wanted any more.",
  superseded: "Replaced by a newer proposal.",
};

const PROPOSAL = {
  approve: { role: "approver", states: ["waiting"], refusals: PROPOSAL_DECIDED },
  reject: { role: "approver", states: ["waiting"], refusals: PROPOSAL_DECIDED },
} satisfies Record<string, Rule<ProposalRow["state"]>>;

const TOO_LATE = "It has taken effect: it can be undone.";

const CHANGE = {
  withdraw: {
    role: "approver",
    states: ["approved", "offered", "received", "armed", "applying"],
    refusals: {
      trial: TOO_LATE,
      confirmed: TOO_LATE,
      rejected: "The agent refused it, so there is nothing to withdraw.",
      reverting: "It is being taken back already.",
      reverted: "Already undone.",
      aborted: "It never took effect.",
      stuck: "The agent could not tell what state the database is in. It needs a person on the host.",
    },
  },
  undo: {
    role: "approver",
    states: ["trial", "confirmed"],
    refusals: {
      applying: "It is being applied: it can be withdrawn now, or undone once it is on trial.",
      approved: "Nothing has been applied yet.",
      offered: "Nothing has been applied yet: the agent has not accepted it.",
      received: "Nothing has been applied yet.",
      armed: "Nothing has been applied yet.",
      rejected: "The agent refused it, so there is nothing to undo.",
      reverting: "The undo is already running.",
      reverted: "Already undone.",
      aborted: "It never took effect, so there is nothing to undo.",
      stuck: "The agent could not tell what state the database is in. It needs a person on the host.",
    },
  },
  hold: { role: "approver", states: ["trial"], refusals: {} },
  release: { role: "approver", states: ["trial"], refusals: {} },
  keep: { role: "approver", states: ["trial"], refusals: {} },
} satisfies Record<string, Rule<ChangeRow["state"]>>;

function check<State extends string>(rule: Rule<State>, state: State, role: Role): Permission {
  if (!rule.states.includes(state)) return no(rule.refusals[state] ?? "Its state does not allow this.");
  if (RANK[role] < RANK[rule.role]) return needs(rule.role, role);
  return YES;
}

function needs(wanted: Role, role: Role): Permission {
  return no(`This needs the role ${wanted}; you are signed in as ${role}.`);
}

export function proposalCan(
  action: keyof typeof PROPOSAL,
  proposal: Pick<ProposalRow, "state" | "expires_at">,
  role: Role,
  now: number,
): Permission {
  if (proposal.state === "waiting" && Date.parse(proposal.expires_at) <= now) {
    return no(PROPOSAL_DECIDED.expired ?? "");
  }
  return check(PROPOSAL[action], proposal.state, role);
}

/** The server's own word on a change is stronger than the table: it knows what the agent reported last. */
export function changeCan(
  action: keyof typeof CHANGE,
  change: Pick<Change, "state"> & { can?: Change["can"] },
  role: Role,
): Permission {
  const byState = check(CHANGE[action], change.state, role);
  if (!byState.allowed || !change.can || change.can[action]) return byState;
  return no(change.can[`${action}_reason`] ?? "The controller does not allow it now.");
}

/** Whether a change has not taken effect yet, so that calling it off means something. */
export function isBeforeEffect(state: ChangeRow["state"]): boolean {
  const states: readonly ChangeRow["state"][] = CHANGE.withdraw.states;
  return states.includes(state);
}

export function roleCan(wanted: Role, role: Role): Permission {
  return RANK[role] >= RANK[wanted] ? YES : needs(wanted, role);
}
