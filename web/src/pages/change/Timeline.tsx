import type { ChangeEvent } from "~/api/types.ts";
import { duration, sentence } from "~/format.ts";
import { Empty } from "~/ui/Empty.tsx";
import { SqlBlock } from "~/ui/SqlText.tsx";
import { ACTOR, CHANGE_STATE } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { At } from "~/ui/Time.tsx";
import classes from "./Change.module.css";

const LATE_MS = 60_000;

/** Each step, when it happened where it happened, and the SQL that ran. Newest last. */
export function Timeline({ events }: { events: readonly ChangeEvent[] }) {
  if (events.length === 0) return <Empty title="Nothing happened yet">The first event appears when the change is offered to the agent.</Empty>;
  return (
    <ol className={classes.timeline}>
      {events.map((event, index) => (
        <li key={`${index} ${event.at}`} className={classes.event} data-latest={index === events.length - 1 || undefined}>
          <span className={classes.when}>
            <At at={event.at} />
          </span>
          <div className={classes.detail}>
            <div className={classes.head}>
              <StateWord of={CHANGE_STATE[event.state]} plain />
              <span className={classes.small}>
                by {ACTOR[event.actor]}
                {event.duration_ms == null ? "" : `, took ${duration(event.duration_ms)}`}
              </span>
            </div>
            {event.detail && <div>{sentence(event.detail)}</div>}
            {event.sql && !events.slice(0, index).some((earlier) => earlier.sql === event.sql) && <SqlBlock sql={event.sql} label={`SQL of the step ${CHANGE_STATE[event.state].word}`} collapse />}
            <Late event={event} />
          </div>
        </li>
      ))}
    </ol>
  );
}

/** Says so when the report of an event came much later than the event. */
function Late({ event }: { event: ChangeEvent }) {
  const late = Date.parse(event.received_at) - Date.parse(event.at);
  return late > LATE_MS ? <span className={classes.small}>reported {duration(late)} later: the agent could not reach the controller</span> : null;
}
