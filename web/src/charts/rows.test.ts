import { expect, test } from "vitest";
import { mergeLines, niceTicks, quantile, timeTicks, withBreaks } from "./rows.ts";

test("lines with different moments become rows in the order of time", () => {
  const rows = mergeLines([
    { id: "before", label: "before", color: "", points: [{ at: "2026-01-01T00:01:00Z", value: 2 }, { at: "2026-01-01T00:00:00Z", value: 1 }] },
    { id: "after", label: "after", color: "", points: [{ at: "2026-01-01T00:01:00Z", value: 5 }] },
  ]);
  expect(rows.map((row) => row.values)).toEqual([{ before: 1 }, { before: 2, after: 5 }]);
});

test("quantiles are interpolated, and nothing has none", () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(quantile([], 0.5)).toBeNull();
});

test("an axis ends on a number people like, just above its values", () => {
  expect(niceTicks(0)).toEqual([0, 1]);
  expect(niceTicks(23)).toEqual([0, 10, 20, 30]);
  expect(niceTicks(480)).toEqual([0, 200, 400, 600]);
  expect(niceTicks(4)).toEqual([0, 1, 2, 3, 4]);
});

test("time ticks fall on round moments inside the range", () => {
  const first = new Date(2026, 0, 5, 3, 17).getTime();
  const ticks = timeTicks(first, first + 24 * 3_600_000);
  expect(ticks.map((at) => new Date(at).getHours())).toEqual([4, 8, 12, 16, 20, 0]);
  expect(ticks.every((at) => new Date(at).getMinutes() === 0)).toBe(true);
});

test("a hole in the data breaks the line", () => {
  const row = (at: number) => ({ at, values: { a: 1 } });
  expect(withBreaks([row(0), row(10), row(20), row(90), row(100)]).map((each) => [each.at, each.values.a])).toEqual([
    [0, 1], [10, 1], [20, 1], [30, undefined], [90, 1], [100, 1],
  ]);
  expect(withBreaks([])).toEqual([]);
});
