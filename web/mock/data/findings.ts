import type { Finding } from "~/api/types.ts";
import { ago, DAY, HOUR, MINUTE } from "./clock.ts";
import { instanceId } from "./fleet.ts";
import { uuid } from "./random.ts";
import { statement } from "./statements.ts";

type Draft = Omit<Finding, "id" | "instance_id" | "instance_name" | "statement_id" | "reopened" | "resolved_at" | "proposal_ids" | "last_seen_at"> & {
  key: string;
  instance: string;
  statement?: string;
  resolved_at?: string;
  reopened?: number;
  proposals?: string[];
};

export const findingId = (key: string) => uuid(`finding ${key}`);
export const proposalId = (key: string) => uuid(`proposal ${key}`);

const drafts: Draft[] = [
  {
    key: "orders-missing", instance: "orders-prod", statement: "orders_by_customer", kind: "missing_index", severity: "critical",
    title: "Orders of one customer are found by reading the whole table", object: "public.orders",
    summary: "The statement reads 48,210 blocks to return 18 rows. The planner scans public.orders (4.2 M rows) because no index leads with customer_id.",
    advice: "An index on (customer_id, created_at DESC) finds the rows and returns them in order.",
    evidence: [
      { label: "Blocks read per row returned", value: "2,678", source: "pg_stat_statements, last 24 h" },
      { label: "Share of the instance's database time", value: "31.4 %", source: "pg_stat_statements, last 24 h" },
      { label: "Rows removed by the filter", value: "99.9996 %", source: "generic plan, 12 min ago" },
      { label: "Indexes on public.orders", value: "orders_pkey (id), orders_created_at_idx (created_at)", source: "pg_index" },
      { label: "Distinct values of customer_id", value: "612,000", source: "pg_stats" },
    ],
    time_share: 0.314, lost_ms_per_hour: 2_404_000, first_seen_at: ago(2 * DAY), proposals: ["orders-customer"],
  },
  {
    key: "customer-email", instance: "orders-prod", statement: "customer_by_email", kind: "regression", severity: "high",
    title: "Sign-in by e-mail became 14 times slower", object: "public.customer",
    summary: "Mean time went from 3.4 ms to 48.2 ms at 18:12. The plan changed from an index scan on customer_email_idx to a sequential scan at the same minute.",
    advice: "customer_email_idx indexes email, the statement asks for lower(email). An expression index, or a statement that compares email directly, brings the index scan back.",
    evidence: [
      { label: "Mean before", value: "3.4 ms over 1,204,000 calls", source: "pg_stat_statements" },
      { label: "Mean since", value: "48.2 ms over 46,900 calls", source: "pg_stat_statements" },
      { label: "Plan change", value: "Index Scan → Seq Scan", source: "plans collector, 9 h ago" },
    ],
    time_share: 0.031, lost_ms_per_hour: 233_000, first_seen_at: ago(9 * HOUR), proposals: ["customer-lower-email"],
  },
  {
    key: "shipment-events", instance: "orders-prod", statement: "shipments_late", kind: "missing_index", severity: "high",
    title: "Late shipments join every shipment event", object: "public.shipment_event",
    summary: "The anti-join hashes 11.8 M rows of public.shipment_event for each run.",
    advice: "A partial index on (shipment_id) where kind = 'delivered' lets the planner probe instead of hash.",
    evidence: [
      { label: "Blocks per call", value: "182,400", source: "pg_stat_statements, last 24 h" },
      { label: "Rows hashed", value: "11.8 M", source: "generic plan, 1 h ago" },
    ],
    time_share: 0.0098, lost_ms_per_hour: 71_000, first_seen_at: ago(5 * DAY), proposals: ["shipment-event"],
  },
  {
    key: "session-stats", instance: "orders-prod", statement: "session_purge", kind: "stale_statistics", severity: "medium",
    title: "Statistics of session are 9 days old while 84 % of its rows changed", object: "public.session",
    summary: "autovacuum's analyze did not finish on public.session since 14 Nov: 41.2 M rows changed, the planner still believes in 6.1 M rows.",
    advice: "ANALYZE public.session now; then lower autovacuum_analyze_scale_factor for this table.",
    evidence: [
      { label: "Rows changed since the last analyze", value: "41.2 M of 49.0 M", source: "pg_stat_user_tables" },
      { label: "Estimated and actual rows", value: "6.1 M and 49.0 M", source: "pg_class, pg_stat_user_tables" },
    ],
    time_share: 0.001, lost_ms_per_hour: 8400, first_seen_at: ago(30 * HOUR), reopened: 1, proposals: ["session-analyze"],
  },
  {
    key: "orders-status-dup", instance: "orders-prod", kind: "duplicate_index", severity: "low",
    title: "order_line_order_idx repeats the first column of order_line_pkey", object: "public.order_line",
    summary: "Both indexes lead with order_id; every lookup on order_id can use the primary key.",
    advice: "Drop order_line_order_idx after a week without scans that the primary key could not serve.",
    evidence: [
      { label: "Size", value: "1.9 GB", source: "pg_relation_size" },
      { label: "Scans since 1 Nov", value: "12,400", source: "pg_stat_user_indexes" },
    ],
    time_share: null, lost_ms_per_hour: 1900, first_seen_at: ago(12 * DAY),
  },
  {
    key: "price-unused", instance: "orders-prod", kind: "unused_index", severity: "low",
    title: "price_history_old_idx was not scanned for 94 days", object: "public.price_history",
    summary: "No scan since the statistics were reset on 21 Aug, on the primary and on its replica.",
    advice: "Drop it. It costs 640 MB and one extra index write for each price change.",
    evidence: [
      { label: "Scans", value: "0 on the primary, 0 on orders-replica", source: "pg_stat_user_indexes" },
      { label: "Size", value: "640 MB", source: "pg_relation_size" },
    ],
    time_share: null, lost_ms_per_hour: 720, first_seen_at: ago(20 * DAY),
  },
  {
    key: "revenue-top", instance: "orders-prod", statement: "daily_revenue", kind: "top_consumer", severity: "medium",
    title: "The daily revenue report reads all orders each hour", object: "public.orders",
    summary: "24 calls a day take 2.84 s each; 88 % of the rows they read were already read an hour before.",
    advice: "Keep the closed days in a summary table, or move the report to orders-replica.",
    evidence: [{ label: "Time per day", value: "68 s", source: "pg_stat_statements" }],
    time_share: 0.009, lost_ms_per_hour: 68_000, first_seen_at: ago(14 * DAY),
  },
  {
    key: "billing-invoices", instance: "billing-prod", statement: "invoice_due", kind: "missing_index", severity: "medium",
    title: "Unpaid invoices are found by reading all invoices", object: "public.invoice",
    summary: "1.1 % of the invoices are unpaid; the statement reads 28,100 blocks to find 200 of them.",
    advice: "A partial index on (due_at) where paid_at IS NULL is 3 MB and serves both statements that look for unpaid invoices.",
    evidence: [{ label: "Blocks per call", value: "28,100", source: "pg_stat_statements, last 24 h" }],
    time_share: 0.112, lost_ms_per_hour: 118_000, first_seen_at: ago(26 * HOUR), proposals: ["invoice-unpaid"],
  },
  {
    key: "catalog-facets", instance: "catalog-prod", statement: "facets", kind: "missing_index", severity: "medium",
    title: "Facets read every product of the shop for one category", object: "public.product",
    summary: "7,400 blocks per call for one category of 1,900.",
    advice: "An index on (category_id) where active.",
    evidence: [{ label: "Blocks per call", value: "7,400", source: "pg_stat_statements, last 24 h" }],
    time_share: 0.22, lost_ms_per_hour: 320_000, first_seen_at: ago(7 * HOUR), proposals: ["product-category"],
  },
  {
    key: "analytics-cube", instance: "analytics", statement: "sales_cube", kind: "top_consumer", severity: "high",
    title: "One report takes 46 % of the database time", object: "public.fact_sales",
    summary: "11 calls an hour take 48 s each.",
    advice: "Partition public.fact_sales by year, or build the cube once a night.",
    evidence: [{ label: "Time per hour", value: "8.8 min", source: "pg_stat_statements" }],
    time_share: 0.46, lost_ms_per_hour: 530_000, first_seen_at: ago(40 * DAY),
  },
  {
    key: "ledger-resolved", instance: "billing-prod", statement: "ledger_balance", kind: "missing_index", severity: "high",
    title: "Account balances are summed over the whole ledger", object: "public.ledger_entry",
    summary: "Solved by the index that was applied yesterday.", advice: "Nothing to do.",
    evidence: [{ label: "Mean before and after", value: "92.4 ms and 6.5 ms", source: "change" }],
    time_share: 0.4, lost_ms_per_hour: 690_000, first_seen_at: ago(6 * DAY), resolved_at: ago(24 * HOUR), proposals: ["ledger-account"],
  },
  {
    key: "stock-resolved", instance: "orders-prod", statement: "stock_levels", kind: "missing_index", severity: "medium",
    title: "Low stock is found by reading every shelf", object: "public.stock",
    summary: "An index on (warehouse_id) is on trial since 40 min.", advice: "Wait for the verdict.",
    evidence: [{ label: "Blocks per call", value: "1,720", source: "pg_stat_statements" }],
    time_share: 0.0031, lost_ms_per_hour: 20_000, first_seen_at: ago(4 * DAY), resolved_at: ago(20 * MINUTE), proposals: ["stock-warehouse"],
  },
];

export const findings: Finding[] = drafts.map(({ key, instance, statement: of, proposals, reopened, resolved_at, ...draft }) => ({
  ...draft,
  id: findingId(key),
  instance_id: instanceId(instance),
  instance_name: instance,
  statement_id: of ? statement(instance, of).id : null,
  last_seen_at: resolved_at ?? ago(4 * MINUTE),
  resolved_at: resolved_at ?? null,
  reopened: reopened ?? 0,
  proposal_ids: (proposals ?? []).map(proposalId),
}));
