import type { Collector, InstanceDetail } from "~/api/types.ts";
import { count, duration, durationOfSeconds } from "~/format.ts";
import { DataTable, type Column } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Section } from "~/ui/Page.tsx";
import { SqlBlock } from "~/ui/SqlText.tsx";
import { COLLECTOR_STATUS } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";
import classes from "./Instance.module.css";

const COLUMNS: readonly Column<Collector>[] = [
  { id: "name", label: "Collector", primary: true, cell: (c) => <strong>{c.name.replaceAll("_", " ")}</strong> },
  { id: "status", label: "State", cell: (c) => <StateWord of={COLLECTOR_STATUS[c.status]} /> },
  { id: "message", label: "What it says", wide: true, cell: (c) => <span title={c.message ?? undefined}>{c.message}</span> },
  { id: "interval", label: "Every", numeric: true, cell: (c) => durationOfSeconds(c.interval_s) },
  { id: "timeout", label: "Time-out", numeric: true, cell: (c) => durationOfSeconds(c.timeout_s) },
  { id: "took", label: "Took", numeric: true, cell: (c) => duration(c.last_duration_ms) },
  { id: "rows", label: "Rows", numeric: true, cell: (c) => count(c.rows) },
  { id: "run", label: "Last run", numeric: true, cell: (c) => <Ago at={c.last_run_at} /> },
  { id: "success", label: "Last success", numeric: true, cell: (c) => <Ago at={c.last_success_at} /> },
];

export function CollectorsTab({ instance }: { instance: InstanceDetail }) {
  const troubled = instance.collectors.filter((c) => c.status === "failed" || c.status === "partial");
  return (
    <div className={classes.stack}>
      {troubled.map((collector) => (
        <Fix key={collector.name} collector={collector} />
      ))}
      <Section title="Collectors" hint="what the agent reads, how often, and whether it may" flush>
        <DataTable label="Collectors" columns={COLUMNS} rows={instance.collectors} rowKey={(c) => c.name} empty={<Empty title="No collector has run">They start when the agent has connected to the database.</Empty>} />
      </Section>
    </div>
  );
}

function Fix({ collector }: { collector: Collector }) {
  return (
    <Section title={`The collector of ${collector.name.replaceAll("_", " ")} needs help`} actions={<StateWord of={COLLECTOR_STATUS[collector.status]} />}>
      <p style={{ margin: "0 0 8px" }}>{collector.message}</p>
      {collector.fix_statement ? (
        <>
          <p style={{ margin: "0 0 6px" }}>This statement fixes it; run it as a superuser, in the database it is about:</p>
          <SqlBlock sql={collector.fix_statement} label="Statement that fixes the collector" />
        </>
      ) : (
        <p style={{ margin: 0, color: "var(--mantine-color-dimmed)" }}>No statement can fix this; it needs a change on the host.</p>
      )}
    </Section>
  );
}
