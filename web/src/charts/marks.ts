// What may have changed the course of a line. The same kind has the same colour on every chart.
import type { Mark } from "~/api/types.ts";

export const MARK_COLOR: Record<Mark["kind"], string> = {
  change_applied: "var(--qs-after)",
  change_undone: "var(--qs-idle)",
  plan_change: "var(--qs-chart-2)",
  stats_reset: "var(--qs-idle)",
  index_gone: "var(--qs-bad)",
  restart: "var(--qs-bad)",
};

/** What stands before the label of a mark; the others' labels say what it is themselves. */
export const MARK_PREFIX: Partial<Record<Mark["kind"], string>> = {
  change_applied: "our change: ",
  change_undone: "undone: ",
};

/** Marks that say the same at the same second are one. */
export function distinct(marks: readonly Mark[]): Mark[] {
  const seen = new Set<string>();
  return marks.filter((mark) => {
    const name = `${mark.kind} ${mark.label} ${Math.round(Date.parse(mark.at) / 1000)}`;
    if (seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}
