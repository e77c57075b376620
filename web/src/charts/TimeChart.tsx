import { CartesianGrid, Line, LineChart, ReferenceArea, ReferenceLine, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { Link } from "react-router";
import type { Mark } from "~/api/types.ts";
import { axisTime, localTime } from "~/format.ts";
import { links } from "~/links.ts";
import { At } from "~/ui/Time.tsx";
import classes from "./Chart.module.css";
import { ChartFrame } from "./ChartFrame.tsx";
import { distinct, MARK_COLOR, MARK_PREFIX } from "./marks.ts";
import { mergeLines, niceTicks, timeTicks, withBreaks, type ChartLine, type ChartRow } from "./rows.ts";

interface Props {
  title: string;
  lines: readonly ChartLine[];
  format: (value: number) => string;
  marks?: readonly Mark[];
  gaps?: readonly { from: string; to: string; reason: string }[];
  /** End of the time range that was asked for: where nothing came lately, the chart shows that nothing came. */
  until?: number;
  /** Why there is no line, when there is none. */
  emptyReason?: string;
  height?: number;
}

/** Below this many points a lone one would be invisible as a line. */
const FEW_POINTS = 40;

export function TimeChart({ title, lines, format, marks = [], gaps = [], until = 0, emptyReason = "No data in this time range.", height = 190 }: Props) {
  const rows = mergeLines(lines);
  const first = rows[0]?.at ?? 0;
  const last = Math.max(rows.at(-1)?.at ?? 0, until);
  const valueTicks = niceTicks(Math.max(0, ...lines.flatMap((line) => line.points.map((point) => point.value))), height < 150 ? 2 : 4);
  const inside = distinct(marks).filter((mark) => Date.parse(mark.at) >= first && Date.parse(mark.at) <= last);
  if (rows.length === 0) {
    return (
      <ChartFrame title={title} summary={emptyReason} chart={<div className={classes.none} style={{ height }}>{emptyReason}</div>} table={<p className={classes.none}>{emptyReason}</p>} />
    );
  }
  return (
    <ChartFrame
      title={title}
      summary={`${title}, ${localTime(first)} to ${localTime(last)}. ${inside.map((mark) => `${MARK_PREFIX[mark.kind] ?? ""}${mark.label} at ${localTime(mark.at)}.`).join(" ")}`}
      legend={lines.length > 1 ? lines : []}
      table={<Table lines={lines} rows={rows} format={format} />}
      chart={
        <ResponsiveContainer width="100%" height={height}>
          <LineChart data={withBreaks(rows)} margin={{ top: 18, right: 12, bottom: 0, left: 0 }} accessibilityLayer={false}>
            <CartesianGrid stroke="var(--qs-grid)" vertical={false} />
            <XAxis
              dataKey="at"
              type="number"
              domain={[first, last]}
              tickFormatter={(at: number) => axisTime(at, last - first)}
              tick={{ fontSize: 11, fill: "var(--mantine-color-dimmed)" }}
              stroke="var(--qs-line-strong)"
              tickLine={false}
              ticks={timeTicks(first, last)}
              height={22}
              minTickGap={30}
            />
            <YAxis width={66} domain={[0, valueTicks.at(-1) ?? 1]} ticks={valueTicks} interval={0} tickFormatter={format} tick={{ fontSize: 11, fill: "var(--mantine-color-dimmed)" }} axisLine={false} tickLine={false} />
            <Tooltip isAnimationActive={false} content={({ active, payload }) => <Tip row={active ? rowOf(payload) : null} lines={lines} format={format} />} />
            {gaps.map((gap) => (
              <ReferenceArea key={gap.from} x1={Math.max(first, Date.parse(gap.from))} x2={Math.min(last, Date.parse(gap.to))} fill="var(--qs-idle)" fillOpacity={0.12} ifOverflow="hidden" />
            ))}
            {inside.map((mark, index) => (
              <ReferenceLine
                key={`${mark.at} ${mark.label}`}
                x={Date.parse(mark.at)}
                stroke={MARK_COLOR[mark.kind]}
                strokeWidth={1.5}
                strokeDasharray={mark.kind === "change_applied" ? undefined : "4 3"}
                label={{ value: String(index + 1), position: "top", fontSize: 11, fontWeight: 700, fill: MARK_COLOR[mark.kind] }}
              />
            ))}
            {lines.map((line) => (
              <Line
                key={line.id}
                dataKey={(row: ChartRow) => row.values[line.id]}
                name={line.label}
                stroke={line.color}
                strokeWidth={1.7}
                strokeDasharray={line.dashed ? "4 3" : undefined}
                dot={line.points.length <= FEW_POINTS ? { r: 1.8, strokeWidth: 0, fill: line.color } : false}
                activeDot={{ r: 3 }}
                connectNulls={false}
                isAnimationActive={false}
              />
            ))}
          </LineChart>
        </ResponsiveContainer>
      }
    >
      <MarkList marks={inside} gaps={gaps.filter((gap) => Date.parse(gap.to) >= first)} />
    </ChartFrame>
  );
}

interface Hovered {
  payload?: unknown;
}

function isRow(value: unknown): value is ChartRow {
  return typeof value === "object" && value !== null && "at" in value && "values" in value;
}

function rowOf(payload: readonly Hovered[] | undefined): ChartRow | null {
  const row = payload?.[0]?.payload;
  return isRow(row) ? row : null;
}

function Tip({ row, lines, format }: { row: ChartRow | null; lines: readonly ChartLine[]; format: (value: number) => string }) {
  if (!row) return null;
  return (
    <div className={classes.tip}>
      <div className={classes.when}>{localTime(row.at)}</div>
      <dl>
        {lines.map((line) => {
          const value = row.values[line.id];
          return value === undefined ? null : (
            <div key={line.id} style={{ display: "contents" }}>
              <dt>
                <i style={{ background: line.color }} />
                {line.label}
              </dt>
              <dd>{format(value)}</dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}

function Table({ lines, rows, format }: { lines: readonly ChartLine[]; rows: readonly ChartRow[]; format: (value: number) => string }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Time</th>
          {lines.map((line) => (
            <th key={line.id} scope="col">
              {line.label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.at}>
            <td>{localTime(row.at)}</td>
            {lines.map((line) => {
              const value = row.values[line.id];
              return <td key={line.id}>{value === undefined ? "" : format(value)}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function MarkList({ marks, gaps }: { marks: readonly Mark[]; gaps: NonNullable<Props["gaps"]> }) {
  if (marks.length === 0 && gaps.length === 0) return null;
  return (
    <ul className={classes.marks}>
      {marks.map((mark, index) => (
        <li key={`${mark.at} ${mark.label}`}>
          <span className={classes.badge} style={{ background: MARK_COLOR[mark.kind] }}>
            {index + 1}
          </span>
          <span>
            {MARK_PREFIX[mark.kind]}
            {mark.change_id ? <Link to={links.change(mark.change_id)}>{mark.label}</Link> : mark.label}
          </span>
          <span className={classes.when}>
            <At at={mark.at} />
          </span>
        </li>
      ))}
      {gaps.map((gap) => (
        <li key={gap.from}>
          <span className={classes.when}>no data (shaded): {gap.reason}</span>
        </li>
      ))}
    </ul>
  );
}
