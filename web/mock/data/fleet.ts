import type { Agent, Collector, Instance, InstanceDetail } from "~/api/types.ts";
import { ago, ahead, DAY, HOUR, MINUTE, STARTED } from "./clock.ts";
import { daily, noise, random, uuid } from "./random.ts";

interface Spec {
  name: string;
  host: string;
  environment: string;
  version: string;
  load: number;
  calls: number;
  status: Instance["status"];
  reason?: string;
  replica?: boolean;
}

const SPECS: Spec[] = [
  { name: "orders-prod", host: "db-orders-1", environment: "production", version: "16.9", load: 3.42, calls: 2841, status: "ok" },
  { name: "orders-replica", host: "db-orders-2", environment: "production", version: "16.9", load: 0.71, calls: 912, status: "ok", replica: true },
  { name: "billing-prod", host: "db-billing-1", environment: "production", version: "15.13", load: 1.18, calls: 406, status: "degraded", reason: "The collector of plans failed: no permission on auth.sessions." },
  { name: "analytics", host: "db-analytics-1", environment: "production", version: "17.5", load: 5.87, calls: 38, status: "ok" },
  { name: "catalog-prod", host: "db-catalog-1", environment: "production", version: "16.9", load: 0.94, calls: 1530, status: "ok" },
  { name: "crm-legacy", host: "db-crm-1", environment: "production", version: "14.18", load: 0, calls: 0, status: "silent", reason: "No report for 3 h: the agent on db-crm-1 is not connected." },
  { name: "orders-staging", host: "db-staging-1", environment: "staging", version: "17.5", load: 0.06, calls: 14, status: "ok" },
  { name: "billing-staging", host: "db-staging-1", environment: "staging", version: "17.5", load: 0, calls: 0, status: "waiting", reason: "Enrolled 2 min ago; the first report has not arrived yet." },
];

export const instanceId = (name: string) => uuid(`instance ${name}`);
export const agentId = (host: string) => uuid(`agent ${host}`);

export const instances: Instance[] = SPECS.map((spec) => {
  const next = random(spec.name);
  const awake = spec.status === "ok" || spec.status === "degraded";
  return {
    id: instanceId(spec.name),
    name: spec.name,
    environment: spec.environment,
    engine: "postgresql",
    version: spec.version,
    agent_id: agentId(spec.host),
    agent_connected: spec.status !== "silent",
    in_recovery: spec.replica ?? false,
    last_report_at: spec.status === "waiting" ? null : spec.status === "silent" ? ago(3 * HOUR) : ago(20_000 + next() * 30_000),
    status: spec.status,
    status_reason: spec.reason ?? null,
    calls_per_s: awake ? spec.calls : null,
    db_time_fraction: awake ? spec.load : null,
    open_findings: 0,
    sparkline: awake
      ? Array.from({ length: 60 }, (_, minute) => spec.load * noise(next, 0.12) * (spec.name === "orders-prod" && minute > 44 ? 1.35 : 1))
      : [],
  };
});

function collectors(name: string): Collector[] {
  const next = random(`collectors ${name}`);
  const names: [string, number, number][] = [
    ["statements", 30, 480],
    ["activity", 10, 37],
    ["plans", 300, 62],
    ["schema", 900, 214],
    ["table_stats", 300, 96],
    ["index_stats", 300, 188],
    ["settings", 900, 361],
    ["host", 30, 1],
  ];
  return names.map(([collector, interval, rows]): Collector => {
    const base = {
      name: collector,
      interval_s: interval,
      timeout_s: 10,
      last_run_at: ago(next() * interval * 1000),
      last_success_at: ago(next() * interval * 1000),
      last_duration_ms: 2 + next() * 40,
      status: "ok" as const,
      message: null,
      fix_statement: null,
      rows: Math.round(rows * (0.7 + next() * 0.6)),
    };
    if (name === "billing-prod" && collector === "plans") {
      return {
        ...base,
        status: "partial",
        message: "3 of 41 statements could not be planned: permission denied for table sessions (SQLSTATE 42501).",
        fix_statement: "GRANT SELECT ON auth.sessions TO querysmith_reader;",
      };
    }
    if (name === "billing-prod" && collector === "host") {
      return { ...base, status: "failed", last_success_at: null, message: "The disk of the data directory is not visible from the agent's container.", fix_statement: null, rows: 0 };
    }
    if (name === "orders-replica" && collector === "statements") {
      return {
        ...base,
        status: "failed",
        last_success_at: ago(2 * DAY),
        message: "relation \"pg_stat_statements\" does not exist (SQLSTATE 42P01).",
        fix_statement: "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;",
        rows: 0,
      };
    }
    if (name === "billing-staging") return { ...base, status: "never_ran", last_run_at: null, last_success_at: null, last_duration_ms: null, rows: 0 };
    return base;
  });
}

export function instanceDetail(instance: Instance): InstanceDetail {
  const next = random(`detail ${instance.name}`);
  const memory = instance.name === "analytics" ? 256 : 64;
  return {
    ...instance,
    system_identifier: instance.status === "waiting" ? null : `75${Math.floor(next() * 1e15).toString().padStart(15, "0")}1`,
    may_apply: true,
    approvers: [],
    databases: instance.name.startsWith("orders") ? ["shop", "sessions"] : [instance.name.split("-")[0] ?? "app"],
    collectors: collectors(instance.name),
    gaps: instance.name === "orders-prod" ? [{ from: ago(7.5 * HOUR), to: ago(7.2 * HOUR), reason: "The agent was restarted for its upgrade to 0.1.0." }] : [],
    settings_pending_restart: instance.name === "analytics" ? ["shared_buffers", "max_parallel_workers"] : [],
    host: instance.status === "waiting" || instance.name === "billing-prod" ? null : {
      cpu_fraction: Math.min(0.92, 0.08 + (instance.db_time_fraction ?? 0) / 9),
      load1: 0.4 + (instance.db_time_fraction ?? 0) * 1.1,
      memory_total_bytes: memory * 1024 ** 3,
      memory_available_bytes: memory * 1024 ** 3 * (0.3 + next() * 0.2),
      disk_total_bytes: 2 * 1024 ** 4,
      disk_free_bytes: 2 * 1024 ** 4 * (instance.name === "analytics" ? 0.08 : 0.41),
      cpu_count: memory === 256 ? 32 : 16,
    },
  };
}

export function seriesValue(instance: Instance, metric: string, at: number): number {
  const next = random(`${instance.name} ${metric} ${Math.floor(at / 60_000)}`);
  const load = (instance.db_time_fraction ?? 0) * daily(at) * noise(next, 0.08);
  const recent = instance.name === "orders-prod" && at > STARTED - 16 * MINUTE ? 1.35 : 1;
  if (metric === "calls") return (instance.calls_per_s ?? 0) * daily(at) * noise(next, 0.06);
  if (metric === "cpu") return Math.min(1, 0.06 + (load * recent) / 9);
  if (metric === "connections") return Math.round(24 + load * 12 + next() * 4);
  return load * recent;
}

export const agents: Agent[] = [...new Set(SPECS.map((spec) => spec.host))].map((host) => {
  const next = random(`agent ${host}`);
  const away = host === "db-crm-1";
  return {
    id: agentId(host),
    host_name: host,
    version: host === "db-analytics-1" ? "0.0.9" : "0.1.0",
    connected: !away,
    last_seen_at: away ? ago(3 * HOUR) : ago(next() * 9000),
    certificate_expires_at: host === "db-billing-1" ? ahead(1 * DAY) : ahead((2.2 + next() * 4.8) * DAY),
    enrolled_at: ago((20 + next() * 60) * DAY),
    revoked_at: null,
    instances: SPECS.filter((spec) => spec.host === host).map((spec) => ({ id: instanceId(spec.name), name: spec.name })),
    spool: away ? { reports_waiting: 0, bytes: 0, dropped_reports: 0 } : { reports_waiting: Math.floor(next() * 3), bytes: Math.floor(next() * 60_000), dropped_reports: host === "db-analytics-1" ? 14 : 0 },
    cost: away ? null : {
      cpu_fraction: host === "db-analytics-1" ? 0.021 : 0.002 + next() * 0.004,
      rss_bytes: (18 + next() * 9) * 1024 ** 2,
      rss_peak_bytes: (29 + next() * 12) * 1024 ** 2,
      database_time_fraction: host === "db-analytics-1" ? 0.0141 : 0.0008 + next() * 0.002,
      bytes_sent_per_s: 420 + next() * 900,
      over_budget: host === "db-analytics-1",
      backoff_factor: host === "db-analytics-1" ? 4 : 1,
    },
  };
});
