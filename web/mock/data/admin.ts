import type { AuditEntry, Job, Setting, IndexRow, Token, User } from "~/api/types.ts";
import { ago, ahead, DAY, HOUR, MINUTE } from "./clock.ts";
import { random, uuid } from "./random.ts";

export const users: User[] = [
  { id: uuid("user admin"), name: "admin", role: "admin", disabled: false, created_at: ago(80 * DAY), last_sign_in_at: ago(2 * MINUTE) },
  { id: uuid("user mara"), name: "mara", role: "approver", disabled: false, created_at: ago(60 * DAY), last_sign_in_at: ago(35 * MINUTE) },
  { id: uuid("user jonas"), name: "jonas", role: "approver", disabled: false, created_at: ago(60 * DAY), last_sign_in_at: ago(26 * HOUR) },
  { id: uuid("user dev"), name: "checkout-team", role: "viewer", disabled: false, created_at: ago(21 * DAY), last_sign_in_at: ago(4 * HOUR) },
  { id: uuid("user pia"), name: "pia", role: "viewer", disabled: true, created_at: ago(70 * DAY), last_sign_in_at: ago(40 * DAY) },
];

export const tokens: Token[] = [
  { id: uuid("token ci"), name: "ci: export of proposals", role: "viewer", created_at: ago(30 * DAY), expires_at: ahead(60 * DAY), last_used_at: ago(3 * HOUR) },
  { id: uuid("token graf"), name: "dashboards", role: "viewer", created_at: ago(12 * DAY), expires_at: null, last_used_at: ago(40_000) },
];

export const jobs: Job[] = [
  ["ingest-rollup", "every 1 min", 412, "ok"],
  ["detect", "every 2 min, and when reports arrive", 890, "ok"],
  ["propose", "when findings change", 1320, "ok"],
  ["measure", "every 1 min", 264, "ok"],
  ["learn", "when a change has a verdict", 96, "ok"],
  ["expire", "every 5 min", 12, "ok"],
  ["retention", "daily at 03:30", 18_400, "ok"],
  ["partitions", "daily at 00:10", 230, "ok"],
  ["certificates", "every 6 h", 44, "failed"],
  ["notify", "when something waits for a person", 0, "never_ran"],
].map(([name, schedule, ms, status]): Job => {
  const next = random(`job ${name}`);
  const never = status === "never_ran";
  const finished = ago((1 + next() * 40) * MINUTE);
  return {
    name: String(name), schedule: String(schedule),
    last_started_at: never ? null : finished, last_finished_at: never ? null : finished, last_duration_ms: never ? null : Number(ms),
    status: status === "failed" ? "failed" : never ? "never_ran" : "ok",
    message: status === "failed" ? "renew certificate of db-billing-1: the agent did not answer within 10 s" : never ? "no receiver is configured" : null,
    next_run_at: never ? null : ahead(next() * 30 * MINUTE), runs: never ? 0 : Math.floor(800 + next() * 40_000), failures: status === "failed" ? 3 : 0,
  };
});

const ACTIONS: [string, string, string, string | null][] = [
  ["mara", "proposal.approve", "Partial index on delivered events · orders-prod", "digest 4f1c…"],
  ["agent db-orders-1", "change.trial", "Index stock by warehouse · orders-prod", "read back: valid and ready"],
  ["mara", "proposal.approve", "Index stock by warehouse · orders-prod", "tested on staging"],
  ["controller", "finding.resolve", "Low stock is found by reading every shelf", null],
  ["admin", "session.sign_in", "admin", null],
  ["controller", "change.confirm", "Index ledger entries by account · billing-prod", "helped: −93 % (−95…−90)"],
  ["jonas", "proposal.approve", "Index ledger entries by account · billing-prod", null],
  ["admin", "agent.enrol", "db-staging-1", "join token “staging”"],
  ["controller", "job.fail", "certificates", "db-billing-1 did not answer within 10 s"],
  ["admin", "token.create", "dashboards (viewer)", null],
  ["controller", "change.revert", "Index orders by status · orders-prod", "harmed: +19 % (+8…+31)"],
  ["jonas", "proposal.reject", "Partial index on open refunds · orders-prod", "The table moves to the payment service next week."],
  ["admin", "user.create", "checkout-team (viewer)", null],
  ["admin", "user.disable", "pia", "left the company"],
];

export const audit: AuditEntry[] = Array.from({ length: 96 }, (_, index) => {
  const [actor, action, subject, detail] = ACTIONS[index % ACTIONS.length] ?? ["admin", "session.sign_in", "admin", null];
  return { id: uuid(`audit ${index}`), at: ago(5 * MINUTE + index * 97 * MINUTE), actor, action, subject, detail };
});

export const settings: Setting[] = [
  ["autovacuum_analyze_scale_factor", "0.1", null, "default", "sighup", "0.1"],
  ["autovacuum_max_workers", "3", null, "default", "postmaster", "3"],
  ["checkpoint_timeout", "900", "s", "configuration file", "sighup", "300"],
  ["checkpoint_completion_target", "0.9", null, "default", "sighup", "0.9"],
  ["default_statistics_target", "100", null, "default", "user", "100"],
  ["effective_cache_size", "6291456", "8kB", "configuration file", "user", "524288"],
  ["effective_io_concurrency", "200", null, "configuration file", "user", "1"],
  ["jit", "on", null, "default", "user", "on"],
  ["log_min_duration_statement", "-1", "ms", "default", "superuser", "-1"],
  ["maintenance_work_mem", "2097152", "kB", "configuration file", "user", "65536"],
  ["max_connections", "300", null, "configuration file", "postmaster", "100"],
  ["max_parallel_workers", "16", null, "configuration file", "user", "8"],
  ["max_wal_size", "16384", "MB", "configuration file", "sighup", "1024"],
  ["random_page_cost", "1.1", null, "configuration file", "user", "4"],
  ["shared_buffers", "2097152", "8kB", "configuration file", "postmaster", "16384"],
  ["shared_preload_libraries", "pg_stat_statements", null, "configuration file", "postmaster", ""],
  ["synchronous_commit", "on", null, "default", "user", "on"],
  ["temp_buffers", "1024", "8kB", "default", "user", "1024"],
  ["track_io_timing", "on", null, "configuration file", "superuser", "off"],
  ["wal_compression", "lz4", null, "configuration file", "superuser", "off"],
  ["work_mem", "32768", "kB", "configuration file", "user", "4096"],
].map(([name, value, unit, source, context, boot]): Setting => ({
  name: name ?? "", value: value ?? null, unit: unit ?? null, source: source ?? "", context: context ?? "", boot_value: boot ?? null, pending_restart: name === "shared_buffers" || name === "max_parallel_workers",
  choices: name === "wal_compression" ? ["pglz", "lz4", "zstd", "on", "off"] : [], by_alter_system: name === "work_mem",
  min: unit === "kB" ? "64" : null, max: unit === "kB" ? "2147483647" : null, not_settable: notSettable(name ?? "", context ?? ""),
}));

function notSettable(name: string, context: string): string | null {
  if (name === "shared_preload_libraries") return "lets the server load or run code";
  if (name === "synchronous_commit") return "guards the data against loss or corruption";
  if (name.startsWith("track_")) return "is what changes are watched by";
  return context === "postmaster" ? "takes effect at a restart only" : null;
}

const INDEXES: [string, string, string, boolean, boolean, number, number][] = [
  ["orders", "orders_pkey", "id", true, true, 92, 18_400_210],
  ["orders", "orders_created_at_idx", "created_at", false, false, 94, 1_204_400],
  ["order_line", "order_line_pkey", "order_id, line_no", true, true, 1980, 210_400_118],
  ["order_line", "order_line_order_idx", "order_id", false, false, 1904, 12_400],
  ["order_line", "order_line_sku_idx", "sku", false, false, 1411, 88_210],
  ["customer", "customer_pkey", "id", true, true, 14, 9_400_000],
  ["customer", "customer_email_idx", "email", true, false, 28, 12],
  ["session", "session_pkey", "token", true, true, 3120, 1_264_000_000],
  ["session", "session_expires_idx", "expires_at", false, false, 1110, 211],
  ["price_history", "price_history_old_idx", "price_cents", false, false, 640, 0],
  ["product", "product_pkey", "sku", true, true, 31, 402_000_120],
  ["product", "product_search_idx", "search", false, false, 212, 18_400_000],
  ["review", "review_sku_idx", "sku, helpful DESC", false, false, 118, 22_100_990],
  ["shipment", "shipment_pkey", "id", true, true, 88, 1_320_000],
  ["shipment", "shipment_promised_idx", "promised_at", false, false, 91, 64_200],
  ["stock", "stock_pkey", "sku, warehouse_id", true, true, 44, 86_400_000],
];

export const indexes: IndexRow[] = INDEXES.map(([table, name, columns, unique, constraint, megabytes, scans]) => ({
  database: "shop", schema: "public", table, name,
  definition: `CREATE ${unique ? "UNIQUE " : ""}INDEX ${name} ON public.${table} USING ${name.includes("search") ? "gin" : "btree"} (${columns})`,
  unique, valid: true, constraint, size_bytes: megabytes * 1024 ** 2, scans, stats_since: ago(94 * DAY),
}));
