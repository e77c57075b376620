import type { PlanVersion } from "~/api/types.ts";
import { amount, change } from "~/format.ts";
import { DataTable, type Column } from "~/ui/DataTable.tsx";
import { StateWord } from "~/ui/StateWord.tsx";
import type { Word } from "~/ui/states.ts";
import { planDiff, type StepChange } from "./plan-diff.ts";
import classes from "./PlanTree.module.css";

const WHAT: Record<StepChange["what"], Word> = {
  same: { word: "stays", tone: "idle", sign: "dash" },
  gone: { word: "gone", tone: "bad", sign: "cross" },
  new: { word: "new", tone: "good", sign: "check" },
};

type Numbered = StepChange & { number: number };

const COLUMNS: readonly Column<Numbered>[] = [
  { id: "what", label: "Step", cell: (s) => <StateWord of={WHAT[s.what]} /> },
  { id: "node", label: "Does", primary: true, wide: true, cell: (s) => <span title={(s.after ?? s.before)?.words}>{(s.after ?? s.before)?.node}</span> },
  { id: "cost", label: "Own cost", numeric: true, cell: (s) => `${amount(s.before?.cost_self)} → ${amount(s.after?.cost_self)}` },
  { id: "rows", label: "Rows expected", numeric: true, cell: (s) => `${amount(s.before?.estimated_rows)} → ${amount(s.after?.estimated_rows)}` },
];

/** Two plans of one statement, step by step. */
export function PlanComparison({ before, after }: { before: PlanVersion; after: PlanVersion }) {
  const steps = planDiff(before.explanation.nodes, after.explanation.nodes).map((step, number) => ({ ...step, number }));
  const ratio = before.total_cost > 0 ? after.total_cost / before.total_cost - 1 : null;
  return (
    <>
      <p className={classes.headline}>
        Total cost {amount(before.total_cost)} → {amount(after.total_cost)} units{ratio === null ? "" : ` (${change(ratio)})`}
      </p>
      <p className={classes.origin}>
        Cost is the planner's guess, not time. Before: {before.explanation.headline}. After: {after.explanation.headline}.
      </p>
      <DataTable label="Steps of both plans" columns={COLUMNS} rows={steps} rowKey={(step) => String(step.number)} />
    </>
  );
}
