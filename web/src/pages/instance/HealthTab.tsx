import { useQuery } from "@tanstack/react-query";
import type { InstanceDetail, SeriesMetric } from "~/api/types.ts";
import { read } from "~/api/read.ts";
import { TimeChart } from "~/charts/TimeChart.tsx";
import type { ChartLine } from "~/charts/rows.ts";
import { amount, bytes, count, MISSING, perSecond, sentence, share } from "~/format.ts";
import { Facts } from "~/ui/Facts.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Panel, Section } from "~/ui/Page.tsx";
import { useTimeRange } from "~/ui/TimeRangePicker.tsx";
import { AgentCost } from "./AgentCost.tsx";
import classes from "./Instance.module.css";

const PALETTE = ["var(--qs-chart-1)", "var(--qs-chart-2)", "var(--qs-chart-3)", "var(--qs-chart-4)", "var(--qs-chart-5)"];

export function HealthTab({ instance }: { instance: InstanceDetail }) {
  const { host } = instance;
  return (
    <div className={classes.stack}>
      <Section title="Now">
        <Facts
          of={[
            { label: "Active sessions", value: amount(instance.db_time_fraction), note: "statement time per second" },
            { label: "Calls", value: perSecond(instance.calls_per_s) },
            { label: "CPU of the host", value: share(host?.cpu_fraction), note: host ? `${count(host.cpu_count)} cores, load ${amount(host.load1)}` : "the host is not visible to the agent" },
            { label: "Memory available", value: bytes(host?.memory_available_bytes), note: host ? `of ${bytes(host.memory_total_bytes)}` : undefined },
            { label: "Disk free", value: bytes(host?.disk_free_bytes), note: host ? `of ${bytes(host.disk_total_bytes)}` : undefined },
            { label: "Changes", value: instance.may_apply ? "allowed" : "not allowed", note: approvals(instance) },
            { label: "Databases", value: instance.databases.join(", ") || MISSING },
          ]}
        />
      </Section>
      <Panel>
        <SeriesChart instance={instance} metric="db_time" title="Database time (average active sessions)" format={amount} height={210} />
      </Panel>
      <div className={classes.pair}>
        <Panel>
          <SeriesChart instance={instance} metric="waits" title="Sessions by wait" format={amount} />
        </Panel>
        <Panel>
          <SeriesChart instance={instance} metric="calls" title="Calls per second" format={perSecond} />
        </Panel>
        <Panel>
          <SeriesChart instance={instance} metric="cpu" title="CPU of the host" format={share} />
        </Panel>
        <Panel>
          <SeriesChart instance={instance} metric="connections" title="Connections" format={count} />
        </Panel>
      </div>
      <AgentCost agentId={instance.agent_id} />
    </div>
  );
}

/** Whose yes is enough on that host. */
function approvals(instance: InstanceDetail): string {
  if (!instance.may_apply) return "by the host's own allow-list, or it is a standby";
  if (instance.approvers.length === 0) return "an approval in this console is enough";
  return `signed by ${instance.approvers.map((approver) => approver.name).join(", ")}`;
}

/** Which collector a chart is drawn from. */
const SOURCE: Record<SeriesMetric, string> = { db_time: "query_stats", calls: "query_stats", cpu: "host", connections: "activity", waits: "activity" };

function whyEmpty(instance: InstanceDetail, metric: SeriesMetric): string {
  if (instance.status === "waiting") return "The first report has not arrived yet.";
  const collector = instance.collectors.find((candidate) => candidate.name === SOURCE[metric]);
  return collector && collector.status !== "ok" && collector.message ? sentence(collector.message) : "Nothing was collected in this time range.";
}

function SeriesChart({ instance, metric, title, format, height = 160 }: { instance: InstanceDetail; metric: SeriesMetric; title: string; format: (value: number) => string; height?: number }) {
  const range = useTimeRange();
  const series = useQuery(read.series(instance.id, metric, range));
  return (
    <Loaded query={series} lines={4}>
      {(data) => {
        const named = data.series ?? [];
        const lines: ChartLine[] =
          named.length > 0
            ? named.map((each, index) => ({ id: each.name, label: each.name, color: PALETTE[index % PALETTE.length] ?? "", points: each.points }))
            : data.points.length > 0
              ? [{ id: metric, label: title, color: "var(--qs-chart-1)", points: data.points }]
              : [];
        return (
          <TimeChart
            title={title}
            lines={lines}
            format={format}
            marks={metric === "db_time" ? data.marks : []}
            gaps={metric === "db_time" ? instance.gaps : []}
            height={height}
            until={Date.parse(range.bounds(series.dataUpdatedAt).to)}
            emptyReason={whyEmpty(instance, metric)}
          />
        );
      }}
    </Loaded>
  );
}
