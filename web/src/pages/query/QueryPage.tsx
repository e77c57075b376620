import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { read } from "~/api/read.ts";
import type { Query } from "~/api/types.ts";
import { TimeChart } from "~/charts/TimeChart.tsx";
import { amount, count, duration, durationOfSeconds, share } from "~/format.ts";
import { links } from "~/links.ts";
import { DataTable } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Facts } from "~/ui/Facts.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Note } from "~/ui/Note.tsx";
import { Page, Section } from "~/ui/Page.tsx";
import { SqlBlock } from "~/ui/SqlText.tsx";
import { Ago } from "~/ui/Time.tsx";
import { TimeRangePicker, useTimeRange } from "~/ui/TimeRangePicker.tsx";
import { CHANGE_COLUMNS } from "../change/columns.tsx";
import { FINDING_COLUMNS } from "../findings/columns.tsx";
import { Plans } from "./Plans.tsx";

const WITHOUT_INSTANCE = (column: { id: string }) => column.id !== "instance";

export function Component() {
  const { instanceId = "", statementId = "" } = useParams();
  const range = useTimeRange();
  const query = useQuery(read.query(instanceId, statementId, range));
  if (!query.data) {
    return (
      <Page title={`Statement ${statementId}`} crumbs={[{ label: "Queries", to: links.queries() }]}>
        <Loaded query={query}>{() => null}</Loaded>
      </Page>
    );
  }
  const until = Date.parse(range.bounds(query.dataUpdatedAt).to);
  return <Loaded query={query}>{(data) => <QueryView query={data} until={until} />}</Loaded>;
}

function QueryView({ query, until }: { query: Query; until: number }) {
  const points = (pick: (point: Query["latency"][number]) => number) => query.latency.map((point) => ({ at: point.at, value: pick(point) }));
  return (
    <Page
      title={`Statement ${query.statement_id}`}
      crumbs={[
        { label: "Queries", to: links.queries() },
        { label: query.instance_name, to: links.queries({ instance: query.instance_id }) },
      ]}
      subtitle={
        <>
          <Link to={links.instance(query.instance_id)}>{query.instance_name}</Link>
          <span>database {query.database}</span>
          <span>user {query.user}</span>
          <span>
            first seen <Ago at={query.first_seen_at} />
          </span>
          <span>
            last seen <Ago at={query.last_seen_at} />
          </span>
        </>
      }
      actions={<TimeRangePicker />}
    >
      {query.full_text ? <SqlBlock sql={query.full_text} label="Text of the statement" collapse /> : <Note tone="idle">The text of this statement is not known yet: the agent sends each text once, and it has not arrived.</Note>}
      <Section title="In this time range">
        <Facts
          of={[
            { label: "Mean time", value: duration(query.mean_ms) },
            { label: "Calls", value: count(query.calls) },
            { label: "Total time", value: duration(query.total_ms) },
            { label: "Share of the instance's time", value: share(query.time_share) },
            { label: "Blocks per call", value: amount(query.blocks_per_call), note: "read or found in the cache" },
            { label: "Rows per call", value: amount(query.rows_per_call) },
          ]}
        />
      </Section>
      <Section title="Over time">
        <TimeChart title="Mean time per call" format={duration} until={until} marks={query.marks} lines={[{ id: "mean", label: "Mean time", color: "var(--qs-chart-1)", points: points((p) => p.mean_ms) }]} height={210} />
        <TimeChart title="Blocks per call" format={amount} until={until} lines={[{ id: "blocks", label: "Blocks per call", color: "var(--qs-chart-4)", points: points((p) => p.blocks_per_call) }]} height={120} />
        <TimeChart title={`Calls per ${durationOfSeconds(query.latency_step_s)}`} format={amount} until={until} lines={[{ id: "calls", label: "Calls", color: "var(--qs-chart-5)", points: points((p) => p.calls) }]} height={110} />
      </Section>
      <Plans of={query.plans} problem={query.plan_problem} />
      <Section title="Findings" flush>
        <DataTable label="Findings of this statement" columns={FINDING_COLUMNS.filter(WITHOUT_INSTANCE)} rows={query.findings} rowKey={(f) => f.id} empty={<Empty title="No finding">The detectors have nothing to say about this statement.</Empty>} />
      </Section>
      <Section title="Changes that touch it" flush>
        <DataTable label="Changes that touch this statement" columns={CHANGE_COLUMNS.filter(WITHOUT_INSTANCE)} rows={query.changes} rowKey={(c) => c.id} empty={<Empty title="No change">Nothing was changed for this statement yet.</Empty>} />
      </Section>
    </Page>
  );
}
