import type { Change } from "~/api/types.ts";
import { amount, count, plural, share } from "~/format.ts";
import { Facts } from "~/ui/Facts.tsx";
import { Note } from "~/ui/Note.tsx";
import { Section } from "~/ui/Page.tsx";
import { Ago, At } from "~/ui/Time.tsx";
import classes from "./Switchback.module.css";

type Trial = NonNullable<Change["switchback"]>;
type Turn = Trial["turns"][number];

/** The turns of a change that is put in place and taken back, and what they have shown so far. */
export function Switchback({ change, trial }: { change: Change; trial: Trial }) {
  const { found } = trial;
  const pairs = byPair(trial.turns);
  const now = trial.turns.at(-1);
  const isOn = change.state === "trial";
  return (
    <Section title="Trial by switchback" hint={`pairs of windows of ${count(trial.window_s)} s, each ${count(trial.washout_s)} s after a switch, in random order; at most ${count(trial.most_pairs)} pairs`}>
      {isOn && trial.paused_until && (
        <Note tone="warn">
          It pauses without the change until <At at={trial.paused_until} />. What happened says why.
        </Note>
      )}
      <Facts
        of={[
          ...(isOn && now ? [{ label: "In place now", value: now.with_change ? "with the change" : "without the change", note: <>since <Ago at={now.at} />{now.pair == null ? ", between pairs" : `, pair ${count(now.pair)}`}</> }] : []),
          { label: "Pairs that counted", value: found ? `${count(found.counted)} of ${count(found.pairs)}` : "none yet", note: found && found.missing_windows > 0 ? `${plural(found.missing_windows, "window")} could not be read` : undefined },
          { label: "Time compared", value: found && found.pairs > 0 ? share(found.coverage) : "–", note: "of the database's time; four fifths are needed" },
        ]}
      />
      {found && (
        <div className={classes.evidence} role="group" aria-label="Evidence so far">
          <Evidence label="that it harms" wealth={found.harm} threshold={found.harm_threshold} tone="harm" then="it is taken back" />
          <Evidence label="that it helps" wealth={found.benefit} threshold={found.benefit_threshold} tone="help" then="it is kept" />
        </div>
      )}
      {pairs.length > 0 && (
        <ol className={classes.pairs} aria-label="Pairs">
          {pairs.map((pair) => (
            <li key={pair.number} className={classes.pair} data-void={pair.isVoid || undefined} title={inWords(pair)}>
              <span className={classes.hidden}>{inWords(pair)}</span>
              {pair.turns.map((turn) => (
                <i key={turn.at} aria-hidden data-with={turn.with_change || undefined} />
              ))}
            </li>
          ))}
        </ol>
      )}
      {pairs.length > 0 && <p className={classes.legend}><i data-with aria-hidden /> with the change <i aria-hidden /> without it; a pair that does not count is crossed out</p>}
    </Section>
  );
}

/** On a scale of logarithms, as bets grow: from 1 to what decides. */
function Evidence({ label, wealth, threshold, tone, then }: { label: string; wealth: number; threshold: number; tone: "harm" | "help"; then: string }) {
  const way = Math.min(1, Math.max(0, Math.log(Math.max(1, wealth)) / Math.log(threshold)));
  return (
    <div className={classes.bet}>
      <span>Evidence {label}</span>
      <div className={classes.track} aria-hidden>
        <span data-tone={tone} style={{ width: `${way * 100}%` }} />
      </div>
      <span className="number">
        {amount(wealth)} <small>of {count(threshold)}; then {then}</small>
      </span>
    </div>
  );
}

interface Pair {
  number: number;
  turns: Turn[];
  isVoid: boolean;
}

function byPair(turns: readonly Turn[]): Pair[] {
  const pairs: Pair[] = [];
  for (const turn of turns) {
    if (turn.pair == null) continue;
    const last = pairs.at(-1);
    if (last?.number === turn.pair) {
      last.turns.push(turn);
      last.isVoid ||= turn.is_void;
    } else {
      pairs.push({ number: turn.pair, turns: [turn], isVoid: turn.is_void });
    }
  }
  return pairs;
}

function inWords({ number, turns, isVoid }: Pair): string {
  const order = turns.map((turn) => (turn.with_change ? "with" : "without")).join(", then ");
  return `pair ${number}: ${order}${isVoid ? "; it does not count" : ""}`;
}
