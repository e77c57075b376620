// What differs between two plans of one statement: which steps went, which came, which stayed and at what cost.
import type { PlanNode } from "~/api/types.ts";

export interface StepChange {
  what: "same" | "gone" | "new";
  before: PlanNode | null;
  after: PlanNode | null;
}

/** Steps of both plans in their order; a step stays if it is the same kind of work on the same object. */
export function planDiff(before: readonly PlanNode[], after: readonly PlanNode[]): StepChange[] {
  const common = commonLengths(before, after);
  const steps: StepChange[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [old, fresh] = [before[i] ?? null, after[j] ?? null];
    if (old && fresh && old.node === fresh.node) {
      steps.push({ what: "same", before: old, after: fresh });
      i += 1;
      j += 1;
    } else if (old && (!fresh || (common[i + 1]?.[j] ?? 0) >= (common[i]?.[j + 1] ?? 0))) {
      steps.push({ what: "gone", before: old, after: null });
      i += 1;
    } else {
      steps.push({ what: "new", before: null, after: fresh });
      j += 1;
    }
  }
  return steps;
}

/** `lengths[i][j]`: how many steps the ends of both plans, from `i` and from `j` on, have in common in their order. */
function commonLengths(before: readonly PlanNode[], after: readonly PlanNode[]): number[][] {
  const lengths = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const row = lengths[i] ?? [];
      row[j] = before[i]?.node === after[j]?.node ? (lengths[i + 1]?.[j + 1] ?? 0) + 1 : Math.max(lengths[i + 1]?.[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return lengths;
}
