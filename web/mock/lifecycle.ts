// What follows an approval, an undo and a withdrawal, at a pace a person (or a test) can watch.
import { isBeforeEffect } from "~/access/capabilities.ts";
import type { Change, ChangeEvent, Proposal } from "~/api/types.ts";
import { METHOD, statementSeries } from "./data/changes.ts";
import { HOUR } from "./data/clock.ts";
import { hex, uuid } from "./data/random.ts";
import { statements } from "./data/statements.ts";
import { hands, lease, NO_HAND } from "./data/trial.ts";
import type { MockState } from "./state.ts";

function step(state: MockState, change: Change, to: Change["state"], detail: string, actor: ChangeEvent["actor"], sql: string | null = null, duration: number | null = null): void {
  const at = new Date().toISOString();
  change.state = to;
  change.state_since = at;
  change.events.push({ at, received_at: at, state: to, detail, actor, sql, duration_ms: duration });
  change.can = { ...hands(to, change.held), undo: to === "trial" || to === "confirmed", undo_reason: null, withdraw: isBeforeEffect(to), withdraw_reason: null };
  change.lease = to === "trial" ? lease(Date.now()) : null;
  state.announce("changes", change.id);
}

export function approve(state: MockState, proposal: Proposal): Change {
  const now = new Date().toISOString();
  const change: Change = {
    id: uuid(`change of ${proposal.id}`), proposal_id: proposal.id, instance_id: proposal.instance_id, instance_name: proposal.instance_name,
    title: proposal.title, kind: proposal.kind, state: "approved", state_since: now, effect: null, verdict: null, created_at: now,
    sql: proposal.sql, events: [], predicted: proposal.predicted, measured: null, statements: [], can: { ...NO_HAND, undo: false, undo_reason: null, withdraw: true, withdraw_reason: null },
    lease: null, held: null, switchback: null, signatures: [], missing_signatures: null, signing: proposal.signing,
    object_name: `qs_${hex(`index ${proposal.id}`, 12)}`, verified_at: null,
  };
  state.changes.unshift(change);
  proposal.change_id = change.id;
  step(state, change, "approved", "Approved on exactly this SQL.", "person");
  const script: [number, () => void][] = [
    [1, () => step(state, change, "offered", "Sent to the agent.", "controller")],
    [2, () => step(state, change, "received", "The agent rendered the same SQL itself and its own rules allow it.", "agent")],
    [3, () => step(state, change, "armed", "Journalled with its undo. Lock and load limits are met.", "agent")],
    [4, () => step(state, change, "applying", "Started.", "agent", proposal.sql.apply.join("\n"))],
    [7, () => beginTrial(state, change, proposal)],
    [10, () => confirm(state, change, proposal)],
  ];
  const goesOn = () => isBeforeEffect(change.state) || change.state === "trial";
  for (const [ticks, run] of script) setTimeout(() => goesOn() && run(), ticks * state.pace);
  return change;
}

function beginTrial(state: MockState, change: Change, proposal: Proposal): void {
  const zero = Date.now();
  change.verified_at = new Date(zero).toISOString();
  change.statements = proposal.statements.flatMap((row): Change["statements"] => {
    const s = statements.find((candidate) => candidate.id === row.statement_id);
    if (!s || row.verdict === "not_simulated") return [];
    const factor = 1 + (row.predicted?.estimate ?? 0);
    const series = statementSeries(s, zero, factor, zero - HOUR, zero + HOUR);
    return [{
      statement_id: s.id, text: s.text, role: row.verdict === "unchanged" ? "control" : "touched", series,
      before: { calls: s.calls, mean_ms: s.mean, blocks_per_call: s.blocks },
      after: { calls: s.calls, mean_ms: s.mean * factor, blocks_per_call: s.blocks * factor },
      effect: row.predicted ?? { estimate: 0.01, low: -0.03, high: 0.04 },
    }];
  });
  step(state, change, "trial", "Read back: the index is valid and ready. The trial begins.", "agent", proposal.sql.verify, 3 * state.pace);
}

function confirm(state: MockState, change: Change, proposal: Proposal): void {
  if (change.state !== "trial" || change.held) return;
  const realised = proposal.predicted ?? { estimate: -0.04, low: -0.09, high: 0.01 };
  change.effect = realised;
  change.verdict = "helped";
  change.measured = { ...realised, verdict: "helped", windows_before: 12, windows_after: 12, blocks: realised, controls: { estimate: 0.01, low: -0.03, high: 0.04 }, method: METHOD, measured_at: new Date().toISOString() };
  step(state, change, "confirmed", "Helped: the effect is beyond the threshold of 5 %.", "controller");
}

export function undo(state: MockState, change: Change, reason: string): void {
  step(state, change, "reverting", reason, "person");
  setTimeout(() => step(state, change, "reverted", "Read back: the index is gone.", "agent", change.sql.undo.join("\n"), 840), 2 * state.pace);
}

export function withdraw(state: MockState, change: Change, reason: string): void {
  const begun = change.state === "applying";
  step(state, change, begun ? "reverting" : "aborted", reason, "person");
  if (begun) setTimeout(() => step(state, change, "reverted", "Read back: the index is gone.", "agent", change.sql.undo.join("\n"), 840), 2 * state.pace);
}

export function layHand(state: MockState, change: Change, hand: "hold" | "release" | "keep", by: string, reason: string): void {
  if (hand === "keep") return step(state, change, "confirmed", reason, "person");
  change.held = hand === "hold" ? { by, reason, at: new Date().toISOString() } : null;
  step(state, change, "trial", reason, "person");
}
