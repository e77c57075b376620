import type { Change } from "~/api/types.ts";
import { count } from "~/format.ts";
import { isUnderWay } from "~/access/lifecycle.ts";
import { EffectBar, saysNothing } from "~/ui/Effect.tsx";
import { Note } from "~/ui/Note.tsx";
import { Section } from "~/ui/Page.tsx";
import { VERDICT } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";
import classes from "./Change.module.css";

function whyNot({ state, measured, switchback }: Change): string {
  if (switchback && !isUnderWay(state)) return "It ended before the pairs of windows told what it does.";
  if (!isUnderWay(state)) return "It was never measured: the touched statements were not called often enough.";
  if (measured) return `Too little data yet. ${measured.method}`;
  return "Not measured yet: the trial begins when the change has been read back from the database.";
}

/** Predicted, measured, and what statements did that it cannot have touched: on one axis. */
export function MeasuredEffect({ change }: { change: Change }) {
  const { measured } = change;
  if (!measured || saysNothing(measured)) {
    return (
      <Section title="Effect">
        {change.predicted && <EffectBar rows={[{ label: "predicted", of: change.predicted, kind: "predicted" }]} />}
        <p style={{ margin: "8px 0 0" }}>{whyNot(change)}</p>
      </Section>
    );
  }
  return (
    <Section
      title="Effect"
      hint={
        <>
          measured <Ago at={measured.measured_at} /> over {count(measured.windows_before)} windows {change.switchback ? "without it and" : "before and"} {count(measured.windows_after)} {change.switchback ? "with it" : "after"}
        </>
      }
      actions={<StateWord of={VERDICT[measured.verdict]} />}
    >
      <EffectBar
        rows={[
          { label: "predicted", of: change.predicted, kind: "predicted" },
          { label: "measured time", of: measured, kind: "measured" },
          { label: "blocks per call", of: measured.blocks, kind: "measured" },
          { label: "controls", of: measured.controls, kind: "control" },
        ].filter((row): row is typeof row & { kind: "predicted" | "measured" | "control" } => row.of != null)}
      />
      <p className={classes.small} style={{ margin: "10px 0 0", maxWidth: "95ch" }}>
        {measured.method}
      </p>
      {measured.verdict === "too_little_data" && change.kind !== "set_parameter" && <Note tone="idle">Too little to say yet; above stands what is missing. The trial ends when there is enough, or after half an hour where waiting would not help.</Note>}
    </Section>
  );
}
