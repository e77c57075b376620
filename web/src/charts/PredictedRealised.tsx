import { Link } from "react-router";
import type { Interval, Outcome } from "~/api/types.ts";
import { change, changeWithInterval } from "~/format.ts";
import { links } from "~/links.ts";
import { ChartFrame } from "./ChartFrame.tsx";
import classes from "./PredictedRealised.module.css";

const SIZE = 380;
const PAD = { left: 56, right: 26, top: 12, bottom: 40 };
const LEAST = -1;

type Predicted = Outcome & { predicted: Interval };

function wasPredicted(outcome: Outcome): outcome is Predicted {
  return outcome.predicted != null;
}

/** Each change as a point: what was predicted across, what was measured up. On the diagonal the prediction was right. */
export function PredictedRealised({ outcomes: all }: { outcomes: readonly Outcome[] }) {
  const outcomes = all.filter(wasPredicted);
  const most = Math.max(0.25, ...outcomes.map((o) => Math.max(o.predicted.high, o.realised.high)));
  const top = Math.min(1, Math.ceil(most * 4) / 4);
  const inner = SIZE - PAD.left - PAD.right;
  const clamp = (value: number) => Math.min(top, Math.max(LEAST, value));
  const x = (value: number) => PAD.left + ((clamp(value) - LEAST) / (top - LEAST)) * inner;
  const height = SIZE - PAD.top - PAD.bottom;
  const y = (value: number) => PAD.top + height - ((clamp(value) - LEAST) / (top - LEAST)) * height;
  const ticks = [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1].filter((tick) => tick <= top);
  const covered = outcomes.filter((o) => o.covered).length;
  return (
    <ChartFrame
      title="Predicted and measured effect of each change"
      summary={`${outcomes.length} changes; ${covered} were measured inside the predicted interval.`}
      legend={[
        { label: "measured inside the predicted interval", color: "var(--qs-chart-1)" },
        { label: "outside", color: "var(--qs-chart-2)" },
        { label: "exactly as predicted", color: "var(--qs-line-strong)", dashed: true },
      ]}
      table={<Table outcomes={outcomes} />}
      chart={
        <svg viewBox={`0 0 ${SIZE} ${SIZE}`} className={classes.plot}>
          {ticks.map((tick) => (
            <g key={tick}>
              <line className={classes.grid} data-zero={tick === 0 || undefined} x1={x(tick)} x2={x(tick)} y1={PAD.top} y2={PAD.top + height} />
              <line className={classes.grid} data-zero={tick === 0 || undefined} y1={y(tick)} y2={y(tick)} x1={PAD.left} x2={PAD.left + inner} />
              {Math.round(tick * 100) % 50 === 0 && (
                <>
                  <text className={classes.tick} x={x(tick)} y={SIZE - 24} textAnchor="middle">
                    {change(tick)}
                  </text>
                  <text className={classes.tick} x={PAD.left - 6} y={y(tick) + 4} textAnchor="end">
                    {change(tick)}
                  </text>
                </>
              )}
            </g>
          ))}
          <line className={classes.diagonal} x1={x(LEAST)} y1={y(LEAST)} x2={x(top)} y2={y(top)} />
          {outcomes.map((o) => (
            <g key={o.change_id} className={classes.point} data-covered={o.covered || undefined}>
              <title>{`${o.title}, ${o.instance_name}: predicted ${changeWithInterval(o.predicted)}, measured ${changeWithInterval(o.realised)}`}</title>
              <line x1={x(o.predicted.low)} x2={x(o.predicted.high)} y1={y(o.realised.estimate)} y2={y(o.realised.estimate)} />
              <line x1={x(o.predicted.estimate)} x2={x(o.predicted.estimate)} y1={y(o.realised.low)} y2={y(o.realised.high)} />
              {o.covered ? (
                <circle cx={x(o.predicted.estimate)} cy={y(o.realised.estimate)} r={4} />
              ) : (
                <rect x={x(o.predicted.estimate) - 4} y={y(o.realised.estimate) - 4} width={8} height={8} transform={`rotate(45 ${x(o.predicted.estimate)} ${y(o.realised.estimate)})`} />
              )}
            </g>
          ))}
          <text className={classes.axis} x={PAD.left + inner / 2} y={SIZE - 6} textAnchor="middle">
            predicted
          </text>
          <text className={classes.axis} transform={`translate(12 ${PAD.top + height / 2}) rotate(-90)`} textAnchor="middle">
            measured
          </text>
        </svg>
      }
    />
  );
}

function Table({ outcomes }: { outcomes: readonly Outcome[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Change</th>
          <th scope="col">Predicted</th>
          <th scope="col">Measured</th>
        </tr>
      </thead>
      <tbody>
        {outcomes.map((o) => (
          <tr key={o.change_id}>
            <td>
              <Link to={links.change(o.change_id)}>{o.title}</Link>
            </td>
            <td>{changeWithInterval(o.predicted)}</td>
            <td>{changeWithInterval(o.realised)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
