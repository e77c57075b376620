// The time ranges a page offers, and the one somebody chose by the clock. The address carries the name of the one
// and the bounds of the other; what a name means is worked out when data is read.

export interface TimeRange {
  /** Tells ranges apart: what is cached for one is not shown for another. */
  name: string;
  ms: number;
  stepSeconds: number;
  bounds: (now: number) => { from: string; to: string };
}

/** A range between two moments. */
export interface FixedRange extends TimeRange {
  from: number;
  to: number;
}

function range(name: string, hours: number, stepSeconds: number): TimeRange {
  const ms = hours * 3_600_000;
  return {
    name,
    ms,
    stepSeconds,
    bounds: (now) => ({ from: new Date(now - ms).toISOString(), to: new Date(now).toISOString() }),
  };
}

/** What is going on now; and a server that is watched since minutes has something to show. */
const HOUR = range("1h", 1, 60);

export const TIME_RANGES: readonly TimeRange[] = [
  HOUR,
  range("6h", 6, 120),
  range("24h", 24, 600),
  range("7d", 168, 3600),
  range("30d", 720, 14_400),
];

/** The controller answers no longer stretch. */
export const LONGEST_DAYS = 35;
const LONGEST_MS = LONGEST_DAYS * 86_400_000;
/** About as many points as the named ranges have; the controller sums by the minute. */
const POINTS = 150;
const MINUTE_S = 60;

export type FixedRangeProblem = "incomplete" | "backwards" | "too long";

/** The range between two moments in milliseconds, or why there is none. */
export function fixedRange(from: number, to: number): FixedRange | FixedRangeProblem {
  if (!Number.isFinite(from) || !Number.isFinite(to)) return "incomplete";
  if (from >= to) return "backwards";
  const ms = to - from;
  if (ms > LONGEST_MS) return "too long";
  const bounds = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  const minutes = Math.max(1, Math.ceil(ms / 1000 / MINUTE_S / POINTS));
  return { name: `${bounds.from}/${bounds.to}`, from, to, ms, stepSeconds: minutes * MINUTE_S, bounds: () => bounds };
}

/** What the address says: two moments, or a name; the last hour where it says neither. */
export function timeRange(address: { range?: string; from?: string; to?: string }): TimeRange | FixedRange {
  const fixed = fixedRange(Date.parse(address.from ?? ""), Date.parse(address.to ?? ""));
  if (typeof fixed !== "string") return fixed;
  return TIME_RANGES.find((candidate) => candidate.name === address.range) ?? HOUR;
}
