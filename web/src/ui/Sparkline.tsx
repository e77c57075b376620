import classes from "./Sparkline.module.css";

interface Props {
  /** At equal distances; null where nothing is known. */
  values: readonly (number | null)[];
  label: string;
  width?: number;
  height?: number;
}

/** The course of a number, without axes: for a row of a table. The words around it carry the value. */
export function Sparkline({ values, label, width = 96, height = 22 }: Props) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return <span className={classes.none}>no data yet</span>;
  const top = Math.max(...known) || 1;
  const step = width / (values.length - 1);
  const point = (index: number, value: number) => `${(index * step).toFixed(1)},${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`;
  return (
    <svg className={classes.spark} viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
      <title>{label}</title>
      {stretches(values).map(({ start, values: stretch }) => {
        const line = stretch.map((value, index) => point(start + index, value)).join(" ");
        const [from, to] = [start * step, (start + stretch.length - 1) * step];
        return (
          <g key={start}>
            <polygon className={classes.area} points={`${from.toFixed(1)},${height} ${line} ${to.toFixed(1)},${height}`} />
            <polyline className={classes.line} points={line} />
          </g>
        );
      })}
    </svg>
  );
}

interface Stretch {
  start: number;
  values: number[];
}

/** The stretches without a gap; a lone value is drawn as a short line. */
function stretches(values: readonly (number | null)[]): Stretch[] {
  const found: Stretch[] = [];
  values.forEach((value, index) => {
    if (value === null) return;
    const last = found.at(-1);
    if (last && last.start + last.values.length === index) last.values.push(value);
    else found.push({ start: index, values: [value] });
  });
  return found.map((stretch) => (stretch.values.length === 1 ? { ...stretch, values: [...stretch.values, ...stretch.values] } : stretch));
}

/** A mean of nothing is sent as 0. */
export const zeroIsUnknown = (values: readonly number[]) => values.map((value) => (value === 0 ? null : value));

/** Before the first load nothing was watched. */
export function sinceFirst(values: readonly number[]): (number | null)[] {
  const first = values.findIndex((value) => value !== 0);
  return values.map((value, index) => (index < first ? null : value));
}
