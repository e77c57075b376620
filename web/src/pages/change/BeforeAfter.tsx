import { NativeSelect } from "@mantine/core";
import type { Change, ChangeStatement } from "~/api/types.ts";
import { Distribution } from "~/charts/Distribution.tsx";
import { TimeChart } from "~/charts/TimeChart.tsx";
import { duration } from "~/format.ts";
import { Empty } from "~/ui/Empty.tsx";
import { Section } from "~/ui/Page.tsx";
import { SqlLine } from "~/ui/SqlText.tsx";
import { useUrl } from "~/url-state.ts";
import classes from "./Change.module.css";

const LABEL_LENGTH = 70;

/** One statement's time before and after on one axis, with the moment the change became effective. */
export function BeforeAfter({ change }: { change: Change }) {
  const url = useUrl();
  const measurable = change.statements.filter((s) => s.series.length > 0);
  const chosen = measurable.find((s) => s.statement_id === url.get("statement")) ?? measurable.find((s) => s.role === "touched") ?? measurable[0];
  if (!chosen) {
    return (
      <Section title="Before and after">
        <Empty title="Nothing to compare yet">The touched statements are sampled from the moment the change is effective.</Empty>
      </Section>
    );
  }
  return (
    <Section
      title="Before and after"
      actions={
        measurable.length > 1 && (
          <NativeSelect
            aria-label="Statement"
            maw={420}
            value={chosen.statement_id}
            onChange={(event) => url.set({ statement: event.currentTarget.value })}
            data={measurable.map((s) => ({ value: s.statement_id, label: `${s.role}: ${s.text.slice(0, LABEL_LENGTH)}` }))}
          />
        )
      }
    >
      <div style={{ marginBottom: 10 }}>
        <SqlLine sql={chosen.text} />
      </div>
      <Charts change={change} statement={chosen} />
    </Section>
  );
}

function Charts({ change, statement }: { change: Change; statement: ChangeStatement }) {
  const applied = change.verified_at ?? change.events.find((event) => event.state === "trial")?.at;
  const undone = change.events.find((event) => event.state === "reverted")?.at;
  const isAfter = (at: string) => applied != null && at >= applied && (undone === undefined || at < undone);
  const side = (after: boolean) => statement.series.filter((point) => isAfter(point.at) === after).map((point) => ({ at: point.at, value: point.mean_ms }));
  const before = { id: "before", label: "before", color: "var(--qs-before)", points: side(false) };
  const after = { id: "after", label: "after", color: "var(--qs-after)", points: side(true) };
  const marks = [
    ...(applied ? [{ at: applied, kind: "change_applied" as const, label: "effective, read back from the database" }] : []),
    ...(undone ? [{ at: undone, kind: "change_undone" as const, label: "as before, read back from the database" }] : []),
  ];
  return (
    <div className={classes.sides}>
      <TimeChart title="Mean time per call" lines={[before, after].filter((line) => line.points.length > 0)} marks={marks} format={duration} height={200} />
      <Distribution title="The same minutes as distributions" groups={[before, after].filter((group) => group.points.length > 0)} />
    </div>
  );
}
