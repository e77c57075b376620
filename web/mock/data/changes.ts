import type { Change, ChangeEvent, ChangeStatement, Effect, Interval } from "~/api/types.ts";
import { DAY, HOUR, iso, MINUTE, STARTED } from "./clock.ts";
import { instances } from "./fleet.ts";
import { changeId, objectName, proposals } from "./proposals.ts";
import { proposalId } from "./findings.ts";
import { noise, random } from "./random.ts";
import { hands, lease } from "./trial.ts";
import { blocksAt, meanAt, statement, type Statement } from "./statements.ts";

interface Draft {
  key: string;
  instance: string;
  state: Change["state"];
  /** when the index became usable */
  applied: number | null;
  touched: [string, number][];
  controls: string[];
  measured?: [number, number, number, Effect["verdict"]];
  tail: [Change["state"], number, string, ChangeEvent["actor"]][];
}

const drafts: Draft[] = [
  { key: "shipment-event", instance: "orders-prod", state: "applying", applied: null, touched: [["shipments_late", 1]], controls: [], tail: [] },
  { key: "stock-warehouse", instance: "orders-prod", state: "trial", applied: STARTED - 40 * MINUTE, touched: [["stock_levels", 0.21]], controls: ["order_lines", "review_page", "wishlist"], measured: [-0.77, -0.89, -0.43, "too_little_data"], tail: [] },
  {
    key: "ledger-account", instance: "billing-prod", state: "confirmed", applied: STARTED - 26 * HOUR, touched: [["ledger_balance", 0.07], ["entry_insert", 1.04]], controls: ["dunning_run"], measured: [-0.93, -0.95, -0.9, "helped"],
    tail: [["confirmed", STARTED - 24 * HOUR, "Helped: the effect is beyond the threshold of 5 % with 12 windows on each side.", "controller"]],
  },
  {
    key: "price-history", instance: "orders-prod", state: "confirmed", applied: STARTED - 3 * DAY, touched: [["price_history", 0.12]], controls: ["review_page", "wishlist"], measured: [-0.88, -0.91, -0.83, "helped"],
    tail: [["confirmed", STARTED - 3 * DAY + 2 * HOUR, "Helped: the effect is beyond the threshold of 5 % with 24 windows on each side.", "controller"]],
  },
  {
    key: "orders-status", instance: "orders-prod", state: "reverted", applied: STARTED - 5 * DAY, touched: [["open_orders_count", 0.97], ["order_insert", 1.34]], controls: ["order_lines", "wishlist"], measured: [0.19, 0.08, 0.31, "harmed"],
    tail: [
      ["reverting", STARTED - 5 * DAY + 50 * MINUTE, "Harmed: INSERT into public.orders became 34 % slower, the count did not use the index.", "controller"],
      ["reverted", STARTED - 5 * DAY + 52 * MINUTE, "Read back: the index is gone.", "agent"],
    ],
  },
  {
    key: "audit-subject", instance: "orders-prod", state: "reverted", applied: STARTED - 8 * DAY, touched: [["audit_trail", 0.99]], controls: ["wishlist"], measured: [-0.01, -0.05, 0.03, "no_effect"],
    tail: [
      ["reverting", STARTED - 8 * DAY + 24 * HOUR, "No effect after 24 h: an index that does not help is removed.", "controller"],
      ["reverted", STARTED - 8 * DAY + 24 * HOUR + 2 * MINUTE, "Read back: the index is gone.", "agent"],
    ],
  },
];

const HANDOVER: [Change["state"], number, string, ChangeEvent["actor"]][] = [
  ["approved", -160_000, "Approved on exactly this SQL.", "person"],
  ["offered", -158_000, "Sent to the agent.", "controller"],
  ["received", -157_500, "The agent rendered the same SQL itself and its own rules allow it.", "agent"],
  ["armed", -156_900, "Journalled with its undo. Lock and load limits are met.", "agent"],
  ["applying", -156_000, "CREATE INDEX CONCURRENTLY started.", "agent"],
  ["trial", 0, "Read back: the index is valid and ready. The trial begins.", "agent"],
];

function events(draft: Draft, sql: Change["sql"]): ChangeEvent[] {
  const zero = draft.applied ?? STARTED + 60_000;
  const rows = HANDOVER.filter(([state]) => draft.applied !== null || state !== "trial").map(
    ([state, offset, detail, actor]): ChangeEvent => ({
      at: iso(zero + offset), received_at: iso(zero + offset + 180), state, detail, actor,
      sql: state === "applying" ? sql.apply.join("\n") : state === "trial" ? sql.verify : null,
      duration_ms: state === "trial" ? 156_000 : null,
    }),
  );
  const tail = draft.tail.map(([state, at, detail, actor]): ChangeEvent => ({
    at: iso(at), received_at: iso(at + 210), state, detail, actor,
    sql: state === "reverted" ? sql.undo.join("\n") : null, duration_ms: state === "reverted" ? 840 : null,
  }));
  return [...rows, ...tail];
}

export function statementSeries(s: Statement, applied: number, factor: number, from: number, to: number): ChangeStatement["series"] {
  const step = Math.max(MINUTE, (to - from) / 72);
  const points: ChangeStatement["series"] = [];
  const shifted = s.shift !== undefined;
  for (let at = from; at < to; at += step) {
    const effect = shifted || at < applied ? 1 : factor;
    const next = random(`${s.id} change ${Math.floor(at / MINUTE)}`);
    points.push({ at: iso(at), mean_ms: meanAt(s, at) * effect * noise(next, 0.04), blocks_per_call: blocksAt(s, at) * effect });
  }
  return points;
}

function average(points: ChangeStatement["series"], pick: (p: ChangeStatement["series"][number]) => number): number {
  return points.reduce((sum, point) => sum + pick(point), 0) / Math.max(1, points.length);
}

function changeStatement(draft: Draft, key: string, factor: number, role: ChangeStatement["role"]): ChangeStatement {
  const s = statement(draft.instance, key);
  const zero = draft.applied ?? STARTED;
  const span = Math.min(12 * HOUR, Math.max(2 * HOUR, STARTED - zero));
  const series = statementSeries(s, zero, factor, zero - span, Math.min(STARTED, zero + span));
  const before = series.filter((point) => Date.parse(point.at) < zero);
  const after = series.filter((point) => Date.parse(point.at) >= zero);
  const sample = (points: ChangeStatement["series"]) => points.length === 0 ? null : {
    calls: Math.round((s.calls * points.length * (span / 36)) / HOUR),
    mean_ms: average(points, (point) => point.mean_ms), blocks_per_call: average(points, (point) => point.blocks_per_call),
  };
  const estimate = after.length === 0 ? null : average(after, (point) => point.mean_ms) / average(before, (point) => point.mean_ms) - 1;
  return {
    statement_id: s.id, text: s.text, role, before: sample(before), after: sample(after),
    effect: estimate === null ? null : { estimate, low: Math.max(-1, estimate - 0.04), high: estimate + 0.05 }, series,
  };
}

const interval = ([estimate, low, high]: readonly [number, number, number, ...unknown[]]): Interval => ({ estimate, low, high });

export const METHOD = "Ratio of mean times per call in windows of 5 min before and after, divided by the same ratio of statements the change cannot touch; 95 % interval by a block bootstrap.";

export const changes: Change[] = drafts.map((draft) => {
  const proposal = proposals.find((candidate) => candidate.id === proposalId(draft.key));
  const instance = instances.find((candidate) => candidate.name === draft.instance);
  if (!proposal || !instance) throw new Error(`the mock change ${draft.key} has no proposal`);
  const trail = events(draft, proposal.sql);
  const undoable = draft.state === "trial" || draft.state === "confirmed";
  return {
    id: changeId(draft.key),
    proposal_id: proposal.id,
    instance_id: instance.id,
    instance_name: instance.name,
    title: proposal.title,
    kind: proposal.kind,
    state: draft.state,
    signatures: [],
    missing_signatures: null,
    signing: proposal.signing,
    switchback: null,
    state_since: trail.at(-1)?.at ?? iso(STARTED),
    effect: draft.measured ? interval(draft.measured) : null,
    verdict: draft.measured?.[3] ?? null,
    created_at: trail[0]?.at ?? iso(STARTED),
    sql: proposal.sql,
    events: trail,
    predicted: proposal.predicted,
    measured: draft.measured ? {
      ...interval(draft.measured), verdict: draft.measured[3],
      windows_before: 24, windows_after: draft.state === "trial" ? 7 : 24,
      blocks: interval([draft.measured[0] * 0.98, draft.measured[1], draft.measured[2]]),
      controls: { estimate: 0.012, low: -0.021, high: 0.044 }, method: METHOD,
      measured_at: iso(STARTED - (draft.state === "trial" ? 2 * MINUTE : 20 * HOUR)),
    } : null,
    statements: [
      ...draft.touched.map(([key, factor]) => changeStatement(draft, key, factor, "touched")),
      ...draft.controls.map((key) => changeStatement(draft, key, 1, "control")),
    ],
    can: {
      ...hands(draft.state, null),
      undo: undoable, undo_reason: undoable ? null : draft.state === "applying" ? "The index is being built; it can be undone once it is on trial." : "Nothing of it is left in the database.",
      withdraw: draft.state === "applying", withdraw_reason: draft.state === "applying" ? null : `A change that is ${draft.state} can't be withdrawn any more.`,
    },
    object_name: objectName(draft.key),
    verified_at: draft.applied ? iso(draft.applied) : null,
    lease: draft.state === "trial" ? lease(Date.now()) : null,
    held: null,
  };
});

/** A parameter that is tried in turns: eight pairs so far, the third of no use. */
function tried(like: Change): Change {
  const half = 6 * MINUTE;
  const begun = STARTED - 15.5 * half;
  const order = [true, false, false, true, true, true, false, true];
  const turns = order.flatMap((first, pair) => [first, !first].map((withChange, second) => ({ at: iso(begun + (2 * pair + second) * half), with_change: withChange, pair: pair + 1, is_void: pair === 2 && second === 1 })));
  const sql: Change["sql"] = {
    apply: ["SET lock_timeout = 2000;", "ALTER SYSTEM SET \"work_mem\" = '64MB';", "SELECT pg_catalog.pg_reload_conf();"],
    verify: "SELECT setting, unit, source, pending_restart\nFROM pg_catalog.pg_settings\nWHERE name = 'work_mem';",
    undo: ["ALTER SYSTEM RESET \"work_mem\";", "SELECT pg_catalog.pg_reload_conf();"],
    terms: "Instead of 4MB. On trial for 38 h at most, and no longer than 15 min without word from the controller; then the agent takes it back. Tried in 60 pairs of windows of 5 min at most.",
  };
  const found = { pairs: 7, counted: 6, missing_windows: 1, coverage: 0.94, harm: 0.4, harm_threshold: 100, benefit: 7.3, benefit_threshold: 20 };
  const effect = { estimate: -0.11, low: -0.19, high: -0.01 };
  return {
    ...like, id: changeId("work-mem"), title: "Set work_mem to 64MB instead of 4MB", kind: "set_parameter", sql, object_name: null, predicted: null,
    effect, verdict: "too_little_data",
    measured: { ...effect, verdict: "too_little_data", windows_before: 6, windows_after: 6, blocks: null, controls: null, measured_at: iso(STARTED), method: "Randomized switchback: 6 of 7 pairs of windows, with and without the change, counted; the interval holds at every look." },
    switchback: { window_s: 300, washout_s: 60, most_pairs: 60, turns, paused_until: null, found },
  };
}

const onTrial = changes.find((change) => change.state === "trial");
if (onTrial) changes.push(tried(onTrial));
