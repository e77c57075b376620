import type { OutcomesSummary } from "~/api/types.ts";
import { TimeChart } from "~/charts/TimeChart.tsx";
import { amount, count } from "~/format.ts";
import { DataTable } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Ago } from "~/ui/Time.tsx";
import classes from "./Outcomes.module.css";

const SHOWN = 10;

/** What each version of the model learned: by how much the planner's promise is corrected. */
export function ModelVersions({ of }: { of: OutcomesSummary }) {
  if (of.history.length === 0) return <Empty title="The model has not learned yet">It starts with a correction of {amount(of.model.correction)}, from a published comparison of index advisors, and with a wide interval.</Empty>;
  const newest = [...of.history].sort((a, b) => b.version - a.version);
  return (
    <>
      {newest.length > 1 && (
        <TimeChart
          title="Correction of the planner's promise (1 = none)"
          format={amount}
          height={140}
          lines={[{ id: "correction", label: "Correction", color: "var(--qs-chart-1)", points: newest.map((v) => ({ at: v.at, value: v.correction })) }]}
        />
      )}
      <div className={classes.versions}>
        <DataTable
          label="Model versions"
          rows={newest.slice(0, SHOWN)}
          rowKey={(v) => String(v.version)}
          columns={[
            { id: "version", label: "Version", primary: true, cell: (v) => `v${v.version}` },
            { id: "at", label: "Learned", wide: true, cell: (v) => <Ago at={v.at} /> },
            { id: "trained", label: "Outcomes", numeric: true, cell: (v) => count(v.trained_on) },
            { id: "correction", label: "Correction", numeric: true, cell: (v) => amount(v.correction) },
          ]}
        />
      </div>
    </>
  );
}
