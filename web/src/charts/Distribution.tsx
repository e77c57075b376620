import { useElementSize } from "@mantine/hooks";
import { duration, localTime } from "~/format.ts";
import classes from "./Distribution.module.css";
import { ChartFrame } from "./ChartFrame.tsx";
import { niceTicks, quantile } from "./rows.ts";

export interface Group {
  label: string;
  color: string;
  points: readonly { at: string; value: number }[];
}

const UNMEASURED = 520;
const ROW = 82;
const LEFT = 56;
const RIGHT = 20;

/** Before and after as two distributions on one axis: each dot is one minute, the bar its middle half, the tick its median. */
export function Distribution({ title, groups }: { title: string; groups: readonly Group[] }) {
  const values = groups.flatMap((group) => group.points.map((point) => point.value));
  const { ref, width: measured } = useElementSize();
  const width = measured || UNMEASURED;
  const ticks = niceTicks(Math.max(0, ...values), 3);
  const top = ticks.at(-1) ?? 1;
  const x = (value: number) => LEFT + (value / top) * (width - LEFT - RIGHT);
  const height = groups.length * ROW + 22;
  const summary = groups.map((group) => `${group.label}: median ${duration(quantile(group.points.map((p) => p.value), 0.5))} over ${group.points.length} minutes`).join("; ");
  return (
    <ChartFrame
      title={title}
      summary={summary}
      table={<Table groups={groups} />}
      chart={
        <div ref={ref}>
        <svg width={width} height={height} className={classes.plot}>
          {ticks.map((tick) => (
            <g key={tick}>
              <line className={classes.grid} x1={x(tick)} x2={x(tick)} y1={0} y2={height - 20} />
              <text className={classes.tick} x={x(tick)} y={height - 5} textAnchor="middle">
                {duration(tick)}
              </text>
            </g>
          ))}
          {groups.map((group, index) => (
            <Strip key={group.label} group={group} y={index * ROW + ROW / 2} x={x} />
          ))}
        </svg>
        </div>
      }
    />
  );
}

function Strip({ group, y, x }: { group: Group; y: number; x: (value: number) => number }) {
  const values = group.points.map((point) => point.value);
  const [low, median, high] = [quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)];
  return (
    <g>
      <text className={classes.label} x={0} y={y + 4}>
        {group.label}
      </text>
      {group.points.map((point, index) => (
        <circle key={point.at} cx={x(point.value)} cy={y + (((index * 7) % 9) - 4) * 4} r={2.8} fill={group.color} opacity={0.42} />
      ))}
      {low !== null && median !== null && high !== null && (
        <>
          <rect x={x(low)} width={Math.max(2, x(high) - x(low))} y={y - 3} height={6} rx={3} fill={group.color} opacity={0.75} />
          <line x1={x(median)} x2={x(median)} y1={y - 22} y2={y + 22} stroke={group.color} strokeWidth={2.5} />
          <text className={classes.median} x={x(median)} textAnchor="middle" y={y - 24} fill={group.color}>
            {duration(median)}
          </text>
        </>
      )}
    </g>
  );
}

function Table({ groups }: { groups: readonly Group[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Side</th>
          <th scope="col">When</th>
          <th scope="col">Mean time</th>
        </tr>
      </thead>
      <tbody>
        {groups.flatMap((group) =>
          group.points.map((point) => (
            <tr key={`${group.label} ${point.at}`}>
              <td>{group.label}</td>
              <td>{localTime(point.at)}</td>
              <td>{duration(point.value)}</td>
            </tr>
          )),
        )}
      </tbody>
    </table>
  );
}
