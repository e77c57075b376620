import { expect, test } from "vitest";
import * as format from "./format.ts";

const plain = (text: string) => text.replaceAll("\u00a0", " ");

test.each([
  [0, "0 ms"],
  [0.0004, "< 0.001 ms"],
  [0.042, "0.042 ms"],
  [0.42, "0.42 ms"],
  [1, "1 ms"],
  [12.34, "12.3 ms"],
  [412.4, "412 ms"],
  [999.7, "1 s"],
  [1240, "1.24 s"],
  [59_940, "59.9 s"],
  [125_000, "2 min 5 s"],
  [120_000, "2 min"],
  [11_520_000, "3 h 12 min"],
  [98 * 3_600_000, "4 d 2 h"],
  [-250, "−250 ms"],
  [null, "–"],
  [Number.NaN, "–"],
])("a duration of %s ms reads as %s", (ms, expected) => {
  expect(plain(format.duration(ms))).toBe(expected);
});

test.each([
  [-0.92, "−92 %"],
  [-0.0434, "−4.3 %"],
  [-0.9987, "−99.9 %"],
  [-0.9996, "−99.96 %"],
  [-0.991, "−99.1 %"],
  [-0.989, "−99 %"],
  [-1, "−100 %"],
  [0.04, "+4 %"],
  [0.125, "+13 %"],
  [12.5, "+1,250 %"],
  [0.0004, "0 %"],
  [undefined, "–"],
])("a change of %s reads as %s", (fraction, expected) => {
  expect(plain(format.change(fraction))).toBe(expected);
});

test("a change carries its interval", () => {
  expect(plain(format.changeWithInterval({ estimate: -0.92, low: -0.95, high: -0.88 }))).toBe("−92 % (−95…−88)");
  expect(plain(format.changeWithInterval({ estimate: 0.01, low: -0.03, high: 0.055 }))).toBe("+1 % (−3…+5.5)");
  expect(format.changeWithInterval(null)).toBe("–");
});

test("an interval that contains zero is not called faster or slower", () => {
  expect(format.direction({ estimate: -0.02, low: -0.06, high: 0.02 })).toBe("not distinguishable");
  expect(format.direction({ estimate: -0.5, low: -0.6, high: -0.4 })).toBe("faster");
  expect(format.direction({ estimate: 0.5, low: 0.4, high: 0.6 })).toBe("slower");
});

test.each([
  [0.1234, "12.3 %"],
  [0.5, "50 %"],
  [1, "100 %"],
  [0, "0 %"],
  [0.0002, "< 0.1 %"],
])("a share of %s reads as %s", (fraction, expected) => {
  expect(plain(format.share(fraction))).toBe(expected);
});

test.each([
  [0, "0 B"],
  [512, "512 B"],
  [1024, "1 kB"],
  [48 * 1024 * 1024, "48 MB"],
  [1.5 * 1024 ** 3, "1.5 GB"],
  [null, "–"],
])("%s bytes read as %s", (value, expected) => {
  expect(plain(format.bytes(value))).toBe(expected);
});

test("counts are grouped, amounts are short", () => {
  expect(format.count(14203)).toBe("14,203");
  expect(plain(format.amount(1_240_000))).toBe("1.24 M");
  expect(format.amount(0.4217)).toBe("0.422");
  expect(plain(format.plural(1, "finding"))).toBe("1 finding");
  expect(plain(format.plural(3, "finding"))).toBe("3 findings");
});

test.each([
  [2_404_000, "40 min/h"],
  [233_000, "3.9 min/h"],
  [8400, "8.4 s/h"],
  [720, "720 ms/h"],
  [4 * 3_600_000, "4 h/h"],
  [null, "–"],
])("%s ms of database time per hour read as %s", (ms, expected) => {
  expect(plain(format.timePerHour(ms))).toBe(expected);
});

test("relative times look both ways", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  expect(format.relative("2026-11-23T11:59:57Z", now)).toBe("just now");
  expect(plain(format.relative("2026-11-23T11:57:00Z", now))).toBe("3 min ago");
  expect(plain(format.relative("2026-11-23T14:00:00Z", now))).toBe("in 2 h");
  expect(plain(format.relative("2026-11-20T12:00:00Z", now))).toBe("3 d ago");
  expect(format.relative(null, now)).toBe("–");
});

test("a time is local, and says its zone when asked", () => {
  expect(format.localTime("2026-11-23T03:14:05Z", "Europe/Berlin")).toBe("23 Nov 2026, 04:14:05");
  expect(format.timeWithZone("2026-11-23T03:14:05Z", "UTC")).toBe("23 Nov 2026, 03:14:05 UTC · 2026-11-23T03:14:05Z");
  expect(format.localTime("not a time")).toBe("–");
});

test("a range of durations reads as a range", () => {
  expect(plain(format.durationRange({ low: 4, high: 9 }))).toBe("4 s to 9 s");
  expect(format.durationRange(null)).toBe("–");
});

test("a message becomes a sentence, a name keeps its spelling", () => {
  expect(format.sentence("nothing was collected yet")).toBe("Nothing was collected yet.");
  expect(format.sentence("pg_stat_statements is missing.")).toBe("pg_stat_statements is missing.");
  expect(format.sentence(null)).toBe("");
});

test.each([
  ["2097152", "8kB", "16 GB"],
  ["65536", "kB", "64 MB"],
  ["16384", "MB", "16 GB"],
  ["900", "s", "15 min"],
  ["250", "ms", "250 ms"],
  ["-1", "ms", "-1"],
  ["0", "kB", "0"],
  ["on", null, "on"],
  ["1.1", "", "1.1"],
  ["", null, "–"],
])("the setting %s in units of %s reads as %s", (value, unit, expected) => {
  expect(plain(format.setting(value, unit))).toBe(expected);
});

test("a range of moments names its day once, or both days", () => {
  const at = (text: string) => Date.parse(text);
  expect(format.momentRange(at("2026-11-26T03:00:00Z"), at("2026-11-26T04:30:00Z"), "UTC")).toBe("26 Nov, 03:00 – 04:30");
  expect(format.momentRange(at("2026-11-25T22:00:00Z"), at("2026-11-26T04:30:00Z"), "UTC")).toBe("25 Nov, 22:00 – 26 Nov, 04:30");
});

test("what an input of the clock is given comes back as the same minute", () => {
  expect(new Date(format.clockInput("2026-11-26T03:07:00.000Z")).toISOString()).toBe("2026-11-26T03:07:00.000Z");
});
