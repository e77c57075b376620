// Every number, time and size on the screen goes through here, so that the same quantity reads the same on every page.
// Fractions stay fractions up to this file; only here do they become percentages.

export const MISSING = "–";
const NBSP = "\u00a0";
const MINUS = "\u2212";

type Maybe<T> = T | null | undefined;
export interface Span {
  estimate: number;
  low: number;
  high: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function known(value: Maybe<number>): value is number {
  return value != null && Number.isFinite(value);
}

/** Three significant digits, never an exponent: 0.042, 1.24, 38.5, 412. */
function significant(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 100) return grouped(Math.round(value));
  if (size >= 10) return trimmed(value.toFixed(1));
  if (size >= 1) return trimmed(value.toFixed(2));
  return trimmed(value.toFixed(3));
}

function trimmed(text: string): string {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

function grouped(value: number): string {
  return signed(value.toLocaleString("en-GB", { maximumFractionDigits: 0 }));
}

function signed(text: string): string {
  return text.replace("-", MINUS);
}

/** A duration in the unit a person reads: 0.42 ms, 1.24 s, 2 min 5 s, 3 h 12 min, 4 d 2 h. */
export function duration(ms: Maybe<number>): string {
  if (!known(ms)) return MISSING;
  const size = Math.abs(ms);
  const sign = ms < 0 ? MINUS : "";
  if (size === 0) return `0${NBSP}ms`;
  if (size < 0.001) return `<${NBSP}0.001${NBSP}ms`;
  if (size < 999.5) return `${sign}${significant(size)}${NBSP}ms`;
  if (size < MINUTE) return `${sign}${significant(size / 1000)}${NBSP}s`;
  if (size < HOUR) return sign + twoUnits(Math.round(size / 1000), 60, "min", "s");
  if (size < DAY) return sign + twoUnits(Math.round(size / MINUTE), 60, "h", "min");
  return sign + twoUnits(Math.round(size / HOUR), 24, "d", "h");
}

function twoUnits(total: number, per: number, large: string, small: string): string {
  const rest = total % per;
  const whole = Math.floor(total / per);
  return rest === 0 ? `${whole}${NBSP}${large}` : `${whole}${NBSP}${large} ${rest}${NBSP}${small}`;
}

export function durationOfSeconds(seconds: Maybe<number>): string {
  return known(seconds) ? duration(seconds * 1000) : MISSING;
}

/** "2…5 s": a range of durations in the unit of its upper end. */
export function durationRange(range: Maybe<{ low: number; high: number }>): string {
  if (!range) return MISSING;
  return range.low === range.high
    ? durationOfSeconds(range.high)
    : `${durationOfSeconds(range.low)} to ${durationOfSeconds(range.high)}`;
}

/** A share of a whole: 0.1234 is "12.3 %". */
export function share(fraction: Maybe<number>): string {
  if (!known(fraction)) return MISSING;
  const percent = fraction * 100;
  if (percent !== 0 && Math.abs(percent) < 0.1) return `<${NBSP}0.1${NBSP}%`;
  return `${trimmed(percent.toFixed(Math.abs(percent) >= 99.95 || percent === 0 ? 0 : 1))}${NBSP}%`;
}

function percentPoints(fraction: number): string {
  const percent = fraction * 100;
  const digits = digitsOf(percent);
  const text = percent.toFixed(digits);
  const value = Number(text);
  if (value === 0) return "0";
  return (value > 0 ? "+" : MINUS) + Math.abs(value).toLocaleString("en-GB", { maximumFractionDigits: digits });
}

/** Small changes to a tenth; and what is left of nearly everything to one digit: −99.9 % is not −100 %. */
function digitsOf(percent: number): number {
  const left = 100 + percent;
  if (left > 0 && left < 0.995) return left < 0.0995 ? 2 : 1;
  return Math.abs(percent) < 9.95 && Math.round(percent) !== percent ? 1 : 0;
}

/** A relative change: -0.92 is "−92 %", 0.04 is "+4 %". */
export function change(fraction: Maybe<number>): string {
  return known(fraction) ? `${percentPoints(fraction)}${NBSP}%` : MISSING;
}

/** A relative change with its interval: "−92 % (−95…−88)". */
export function changeWithInterval(span: Maybe<Span>): string {
  if (!span || !known(span.estimate)) return MISSING;
  return `${change(span.estimate)} (${percentPoints(span.low)}…${percentPoints(span.high)})`;
}

/** "faster", "slower" or "about the same", for sentences. */
export function direction(span: Span): "faster" | "slower" | "not distinguishable" {
  if (span.high < 0) return "faster";
  if (span.low > 0) return "slower";
  return "not distinguishable";
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes as pg_size_pretty counts them (1 kB = 1024 B). */
export function bytes(value: Maybe<number>): string {
  if (!known(value)) return MISSING;
  let size = Math.abs(value);
  let unit = 0;
  while (size >= 1023.5 && unit < BYTE_UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const text = unit === 0 ? String(Math.round(size)) : significant(size);
  return `${value < 0 ? MINUS : ""}${text}${NBSP}${BYTE_UNITS[unit] ?? "PB"}`;
}

const UNIT_BYTES: Record<string, number> = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };
const UNIT_MS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, min: MINUTE, h: HOUR, d: DAY };

/** A setting of the server as a person reads it: 2097152 in units of 8kB is "16 GB", 900 s is "15 min". */
export function setting(value: Maybe<string>, unit: Maybe<string>): string {
  if (value == null || value === "") return MISSING;
  const number = Number(value);
  const [, factor = "", name = ""] = /^(\d*)(.*)$/.exec(unit ?? "") ?? [];
  // Settings use −1 and 0 as words: off, automatic, the other one's value.
  if (!unit || !Number.isFinite(number) || number <= 0) return value;
  const whole = number * Number(factor || 1);
  if (name in UNIT_BYTES) return bytes(whole * (UNIT_BYTES[name] ?? 1));
  if (name in UNIT_MS) return duration(whole * (UNIT_MS[name] ?? 1));
  return `${value}${NBSP}${unit}`;
}

/** A whole number with separators: 14,203. */
export function count(value: Maybe<number>): string {
  return known(value) ? grouped(Math.round(value)) : MISSING;
}

/** A number that may be small or large: 0.42, 38.5, 14,203, 1.24 M. */
export function amount(value: Maybe<number>): string {
  if (!known(value)) return MISSING;
  const size = Math.abs(value);
  if (size >= 1e9) return signed(`${significant(value / 1e9)}${NBSP}G`);
  if (size >= 1e6) return signed(`${significant(value / 1e6)}${NBSP}M`);
  return signed(significant(value));
}

export function perSecond(value: Maybe<number>): string {
  return known(value) ? `${amount(value)}/s` : MISSING;
}

/** Database time per hour, in one unit: "40 min/h", "3.9 min/h", "8.4 s/h". */
export function timePerHour(ms: Maybe<number>): string {
  if (!known(ms)) return MISSING;
  return Math.abs(ms) < MINUTE ? `${duration(ms)}/h` : `${inOneUnit(ms)}/h`;
}

function inOneUnit(ms: number): string {
  const [size, unit] = Math.abs(ms) < 2 * HOUR ? [ms / MINUTE, "min"] : [ms / HOUR, "h"];
  return `${signed(Math.abs(size) >= 10 ? size.toFixed(0) : trimmed(size.toFixed(1)))}${NBSP}${unit}`;
}

/** "1 finding", "3 findings". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)}${NBSP}${n === 1 ? one : many}`;
}

/** "3 min ago", "in 2 h", "just now". */
export function relative(at: Maybe<string>, now: number): string {
  if (at == null) return MISSING;
  const then = Date.parse(at);
  if (Number.isNaN(then)) return MISSING;
  const gap = Math.abs(now - then);
  if (gap < 10_000) return "just now";
  const text = coarse(gap);
  return then > now ? `in ${text}` : `${text} ago`;
}

function coarse(ms: number): string {
  if (ms < MINUTE) return `${Math.round(ms / 1000)}${NBSP}s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)}${NBSP}min`;
  if (ms < DAY) return `${Math.round(ms / HOUR)}${NBSP}h`;
  return `${Math.round(ms / DAY)}${NBSP}d`;
}

const LOCAL: Intl.DateTimeFormatOptions = {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
};

/** "23 Nov 2026, 03:14:05" in the reader's zone. */
export function localTime(at: Maybe<string | number>, timeZone?: string): string {
  const date = moment(at);
  return date ? date.toLocaleString("en-GB", { ...LOCAL, timeZone }) : MISSING;
}

/** The same with its zone, and in UTC: what a person copies into a ticket. */
export function timeWithZone(at: Maybe<string | number>, timeZone?: string): string {
  const date = moment(at);
  if (!date) return MISSING;
  const local = date.toLocaleString("en-GB", { ...LOCAL, timeZone, timeZoneName: "short" });
  return `${local} · ${date.toISOString().replace(/\.\d+Z$/, "Z")}`;
}

/** An axis label: the clock within two days, the date beyond. */
export function axisTime(at: number, spanMs: number, timeZone?: string): string {
  const options: Intl.DateTimeFormatOptions =
    spanMs <= 2 * DAY ? { hour: "2-digit", minute: "2-digit", timeZone } : { day: "numeric", month: "short", timeZone };
  return new Date(at).toLocaleString("en-GB", options);
}

/** "26 Nov, 03:00 – 04:30"; the day is said again where it is another one. */
export function momentRange(from: number, to: number, timeZone?: string): string {
  const day = (at: number) => new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone });
  const clock = (at: number) => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone });
  const end = day(from) === day(to) ? clock(to) : `${day(to)}, ${clock(to)}`;
  return `${day(from)}, ${clock(from)} – ${end}`;
}

/** A moment in the reader's zone, to the minute, as an input of type datetime-local takes it. */
export function clockInput(at: string): string {
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * MINUTE).toISOString().slice(0, "2026-11-26T03:00".length);
}

function moment(at: Maybe<string | number>): Date | null {
  if (at == null) return null;
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** A message of the server as a sentence. Names such as pg_stat_statements keep their spelling. */
export function sentence(text: Maybe<string>): string {
  if (!text) return "";
  const start = /^[a-z]+[ ,]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}
