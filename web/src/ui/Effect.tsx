import type { Interval } from "~/api/types.ts";
import { change, changeWithInterval, direction, MISSING } from "~/format.ts";
import classes from "./Effect.module.css";

type Maybe<T> = T | null | undefined;

type Kind = "predicted" | "measured" | "control";

/** How often an interval holds what it is about: `INTERVAL_LEVEL` of the model, `interval_alpha` of the measurement. */
const LEVEL: Record<Kind, string> = {
  predicted: "predicted: the interval is made to hold what is measured 80 % of the time",
  measured: "measured: the interval holds the true effect 90 % of the time",
  control: "what happened meanwhile to a statement that the change cannot reach; the interval holds it 90 % of the time",
};

/** "−92 % (−95…−88)", green when faster for sure, red when slower for sure; a control is neither to be praised nor blamed. */
export function EffectText({ of, kind, strong = false }: { of: Maybe<Interval>; kind: Kind; strong?: boolean }) {
  if (!of) return <span>{MISSING}</span>;
  const way = direction(of);
  return (
    <span className={`number ${classes.text}`} data-way={kind === "control" ? undefined : way} data-strong={strong || undefined} title={`${way}; ${LEVEL[kind]}`}>
      {changeWithInterval(of)}
    </span>
  );
}

const LEAST = -1;
/** The measurement shows nothing beyond ten times as much. */
const MOST = 9;

/** An interval from −100 % to the other end is what a measurement is before it has seen anything. */
export function saysNothing(of: Interval): boolean {
  return of.low <= LEAST && of.high >= MOST;
}

const clamp = (value: number, most: number) => Math.min(most, Math.max(LEAST, value));

/** The same drawn on an axis from −100 % to at least +50 %, with zero marked: several rows can be compared by eye. */
export function EffectBar({ rows }: { rows: { label: string; of: Maybe<Interval>; kind: Kind }[] }) {
  const most = Math.max(0.5, ...rows.map((row) => Math.min(4, row.of?.high ?? 0)));
  const x = (value: number) => `${((clamp(value, most) - LEAST) / (most - LEAST)) * 100}%`;
  return (
    <div className={classes.bars} role="group" aria-label="Effects on one axis">
      {rows.map((row) => (
        <div key={row.label} className={classes.row}>
          <span className={classes.label}>{row.label}</span>
          <div className={classes.axis} aria-hidden>
            <span className={classes.zero} style={{ left: x(0) }} />
            {row.of && (
              <>
                <span className={classes.range} data-kind={row.kind} style={{ left: x(row.of.low), width: `calc(${x(row.of.high)} - ${x(row.of.low)})` }} />
                <span className={classes.dot} data-kind={row.kind} style={{ left: x(row.of.estimate) }} />
              </>
            )}
          </div>
          <span className={classes.value}>
            <EffectText of={row.of} kind={row.kind} />
          </span>
        </div>
      ))}
      <div className={classes.row} aria-hidden>
        <span />
        <div className={classes.ticks}>
          <span style={{ left: "0%" }}>{change(LEAST)}</span>
          <span style={{ left: x(-0.5) }}>{change(-0.5)}</span>
          <span style={{ left: x(0) }}>0</span>
          <span style={{ left: "100%" }}>{change(most)}</span>
        </div>
        <span />
      </div>
    </div>
  );
}
