import { expect, test } from "vitest";
import { fixedRange, timeRange, TIME_RANGES } from "./time-range.ts";

const FROM = "2026-11-26T03:00:00.000Z";
const TO = "2026-11-26T04:00:00.000Z";

test("an address without a range is the last hour", () => {
  expect(timeRange({}).name).toBe("1h");
  expect(timeRange({ range: "of course not" }).name).toBe("1h");
});

test("a named range moves with the clock, one between two moments stays", () => {
  const hour = timeRange({ range: "1h" });
  expect(hour.bounds(Date.parse(TO))).toEqual({ from: FROM, to: TO });
  const fixed = timeRange({ from: FROM, to: TO, range: "7d" });
  expect(fixed.bounds(Date.parse("2027-01-01T00:00:00Z"))).toEqual({ from: FROM, to: TO });
  expect(fixed.stepSeconds).toBe(60);
});

test.each([
  [Number.NaN, Date.parse(TO), "incomplete"],
  [Date.parse(TO), Date.parse(FROM), "backwards"],
  [Date.parse(FROM), Date.parse(FROM), "backwards"],
  [Date.parse("2026-09-01T00:00:00Z"), Date.parse(TO), "too long"],
])("from %s to %s is %s", (from, to, problem) => {
  expect(fixedRange(from, to)).toBe(problem);
});

test("no range has more points than a chart can show", () => {
  for (const range of TIME_RANGES) expect(range.ms / 1000 / range.stepSeconds).toBeLessThanOrEqual(180);
  const month = fixedRange(0, 35 * 86_400_000);
  expect(typeof month === "string" ? 0 : month.ms / 1000 / month.stepSeconds).toBeLessThanOrEqual(150);
});
