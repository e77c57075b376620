import type { Interval, Outcome, OutcomesSummary } from "~/api/types.ts";
import { ago, DAY } from "./clock.ts";
import { changes } from "./changes.ts";
import { noise, random, uuid } from "./random.ts";

const next = random("outcomes");
const TABLES = ["orders", "customer", "invoice", "ledger_entry", "product", "session", "event", "shipment", "review", "payment", "coupon", "stock"];
const FLEET = ["orders-prod", "billing-prod", "catalog-prod", "analytics", "orders-staging"];

const fromChanges: Outcome[] = changes.flatMap((change): Outcome[] => {
  const { measured, predicted } = change;
  if (!measured || !predicted || measured.verdict === "too_little_data") return [];
  return [outcome(change.id, change.title, change.instance_name, predicted, measured, measured.verdict, measured.measured_at, 14)];
});

function outcome(id: string, title: string, instance: string, predicted: Interval, realised: Outcome["realised"], verdict: Outcome["verdict"], at: string, version: number): Outcome {
  return {
    change_id: id, title, kind: "create_index", instance_name: instance,
    predicted, realised: { estimate: realised.estimate, low: realised.low, high: realised.high },
    covered: realised.estimate >= predicted.low && realised.estimate <= predicted.high,
    accuracy: Math.max(0, 1 - Math.abs(predicted.estimate - realised.estimate)),
    verdict, measured_at: at, model_version: version,
  };
}

const older: Outcome[] = Array.from({ length: 27 }, (_, index) => {
  const predicted = -(0.15 + next() * 0.82);
  const miss = next() < 0.12;
  const realised = miss ? -0.02 + next() * 0.12 : Math.max(-0.99, predicted * noise(next, 0.12));
  const width = 0.05 + next() * 0.14;
  const tight = 0.02 + next() * 0.05;
  const table = TABLES[Math.floor(next() * TABLES.length)] ?? "orders";
  const verdict: Outcome["verdict"] = realised > 0.05 ? "harmed" : realised > -0.05 ? "no_effect" : "helped";
  return outcome(
    uuid(`old change ${index}`), `Index ${table} for its slowest statement`, FLEET[Math.floor(next() * FLEET.length)] ?? "orders-prod",
    { estimate: predicted, low: Math.max(-0.995, predicted - width), high: predicted + width * 1.2 },
    { estimate: realised, low: Math.max(-0.998, realised - tight), high: realised + tight },
    verdict, ago((10 + index * 2.2) * DAY), Math.max(1, 13 - Math.floor(index / 2.3)),
  );
});

export const outcomes: Outcome[] = [...fromChanges, ...older];

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const verdicts = (verdict: Outcome["verdict"]) => outcomes.filter((o) => o.verdict === verdict).length;

export const outcomesSummary: OutcomesSummary = {
  outcomes: outcomes.length,
  accuracy: mean(outcomes.map((o) => o.accuracy ?? 0)),
  interval_coverage: mean(outcomes.map((o) => (o.covered ? 1 : 0))),
  interval_level: 0.8,
  formula: "accuracy of one change = max(0, 1 − |predicted − realised|), both as fractions of the statements' time before; the number shown is the mean over all changes with a verdict",
  model: { version: 14, updated_at: ago(20 * 3_600_000), trained_on: outcomes.length, correction: 0.94, spread: 0.17 },
  history: Array.from({ length: 14 }, (_, index) => ({
    version: index + 1, at: ago((70 - index * 5) * DAY), trained_on: Math.round(((index + 1) / 14) * outcomes.length), correction: 1 - 0.22 * Math.exp(-index / 3) + 0.01 * Math.sin(index) - 0.05,
  })),
  by_verdict: { helped: verdicts("helped"), no_effect: verdicts("no_effect"), harmed: verdicts("harmed"), too_little_data: 1 },
};
