import type { Change } from "~/api/types.ts";
import { Note } from "~/ui/Note.tsx";
import { Facts } from "~/ui/Facts.tsx";
import { Section } from "~/ui/Page.tsx";
import { Ago, At } from "~/ui/Time.tsx";

/** How long the agent goes on by itself, and who holds the verdict. */
export function TrialTime({ change }: { change: Change }) {
  const { lease, held } = change;
  if (!lease && !held) return null;
  return (
    <Section title="Time on trial" hint={change.sql.terms}>
      {held && (
        <Note tone="warn">
          {held.by} holds the verdict since <Ago at={held.at} />: {held.reason}. Whatever is measured, the change stays until somebody releases, keeps or undoes it, or its time is over.
        </Note>
      )}
      {lease && (
        <Facts
          of={[
            { label: "Agent misses the controller", value: <Ago at={lease.lease_until} />, note: "each word from the controller sets this back" },
            { label: "Trial is over", value: <Ago at={lease.trial_until} />, note: <At at={lease.trial_until} /> },
          ]}
        />
      )}
    </Section>
  );
}
