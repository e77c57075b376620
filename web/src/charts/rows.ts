// Several lines over time as rows with one moment each, the form the chart and its table share.

export interface ChartLine {
  id: string;
  label: string;
  color: string;
  dashed?: boolean;
  points: readonly { at: string; value: number }[];
}

export interface ChartRow {
  at: number;
  values: Record<string, number | undefined>;
}

export function mergeLines(lines: readonly ChartLine[]): ChartRow[] {
  const rows = new Map<number, ChartRow>();
  for (const line of lines) {
    for (const point of line.points) {
      const at = Date.parse(point.at);
      const row = rows.get(at) ?? { at, values: {} };
      row.values[line.id] = point.value;
      rows.set(at, row);
    }
  }
  return [...rows.values()].sort((a, b) => a.at - b.at);
}

const BREAK_STEPS = 2.6;

/** Where steps are missing the line has to be broken, not drawn through: a row without values is put there. */
export function withBreaks(rows: readonly ChartRow[]): ChartRow[] {
  const steps = rows.slice(1).map((row, index) => row.at - (rows[index]?.at ?? row.at));
  const usual = quantile(steps, 0.5);
  if (usual === null || usual === 0) return [...rows];
  return rows.flatMap((row, index) => {
    const next = rows[index + 1];
    return next && next.at - row.at > usual * BREAK_STEPS ? [row, { at: row.at + usual, values: {} }] : [row];
  });
}

export function quantile(values: readonly number[], q: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const low = sorted[Math.floor(place)] ?? 0;
  const high = sorted[Math.ceil(place)] ?? low;
  return low + (high - low) * (place - Math.floor(place));
}

/** Ticks from zero to just above the value, at steps people like: 1, 2, 2.5 or 5 times a power of ten. */
export function niceTicks(value: number, wanted = 4): number[] {
  if (value <= 0) return [0, 1];
  const rough = value / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((candidate) => candidate * power >= rough * 0.999) ?? 10);
  const last = Math.ceil((value / step) * 0.999);
  return Array.from({ length: last + 1 }, (_, index) => index * step);
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const STEPS = [1, 2, 5, 10, 15, 30].map((n) => n * MINUTE).concat([1, 2, 3, 4, 6, 12, 24, 48, 120, 168, 336].map((n) => n * HOUR));

/** Moments at round times of the reader's day, at most about `wanted` of them. */
export function timeTicks(first: number, last: number, wanted = 7): number[] {
  const step = STEPS.find((candidate) => (last - first) / candidate <= wanted) ?? 720 * HOUR;
  const midnight = new Date(first).setHours(0, 0, 0, 0);
  const ticks: number[] = [];
  for (let at = midnight + Math.ceil((first - midnight) / step) * step; at <= last; at += step) ticks.push(at);
  return ticks;
}
