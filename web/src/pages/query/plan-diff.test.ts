import { expect, test } from "vitest";
import type { PlanNode } from "~/api/types.ts";
import { planDiff } from "./plan-diff.ts";

const plan = (...nodes: string[]): PlanNode[] =>
  nodes.map((node, id) => ({ id, parent: id === 0 ? null : id - 1, depth: id, node, words: "", estimated_rows: 1, cost_self: 1, cost_share: 0, remarks: [] }));

const SIGN = { same: "=", gone: "-", new: "+" };
const told = (before: PlanNode[], after: PlanNode[]) => planDiff(before, after).map((step) => `${SIGN[step.what]} ${(step.before ?? step.after)?.node}`);

test("a scan that became an index scan is one step less and one more", () => {
  expect(told(plan("Limit", "Sort", "Seq Scan on orders"), plan("Limit", "Index Scan using i on orders"))).toEqual([
    "= Limit",
    "- Sort",
    "- Seq Scan on orders",
    "+ Index Scan using i on orders",
  ]);
});

test("what stays is kept together around what went and came", () => {
  expect(told(plan("Hash Join", "Seq Scan on a", "Hash", "Seq Scan on b"), plan("Nested Loop", "Seq Scan on a", "Index Scan using i on b"))).toEqual([
    "- Hash Join",
    "+ Nested Loop",
    "= Seq Scan on a",
    "- Hash",
    "- Seq Scan on b",
    "+ Index Scan using i on b",
  ]);
});

test("equal plans differ in nothing, and against nothing everything is new", () => {
  expect(told(plan("Result"), plan("Result"))).toEqual(["= Result"]);
  expect(told([], plan("Result"))).toEqual(["+ Result"]);
});
