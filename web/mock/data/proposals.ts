import type { Interval, Proposal, ProposalStatement } from "~/api/types.ts";
import { ago, ahead, DAY, HOUR } from "./clock.ts";
import { findingId, proposalId } from "./findings.ts";
import { instanceId } from "./fleet.ts";
import { hex, uuid } from "./random.ts";
import { statement } from "./statements.ts";
import { TERMS } from "./trial.ts";

export const changeId = (key: string) => uuid(`change ${key}`);

interface Draft {
  key: string;
  instance: string;
  title: string;
  kind: Proposal["kind"];
  state: Proposal["state"];
  age: number;
  table: string;
  columns?: string;
  where?: string;
  size?: number;
  predicted: Interval | null;
  simulated?: boolean;
  finding: string;
  reason: string;
  touched: [string, Interval | null, ProposalStatement["verdict"], number, number][];
  change?: string;
  verdict?: Proposal["verdict"];
  risks?: string[];
  writeCost?: string;
}

const span = (estimate: number, low: number, high: number): Interval => ({ estimate, low, high });

const drafts: Draft[] = [
  {
    key: "orders-customer", instance: "orders-prod", title: "Index orders by customer and date", kind: "create_index", state: "waiting", age: 36 * 60_000,
    table: "public.orders", columns: "customer_id, created_at DESC", size: 118 * 1024 ** 2, predicted: span(-0.92, -0.96, -0.81), simulated: true, finding: "orders-missing",
    reason: "31.4 % of the database time of orders-prod is one statement that reads all of public.orders to find the orders of one customer. With the index the planner reads the 18 rows it needs, already in the order the statement asks for.",
    touched: [["orders_by_customer", span(-0.97, -0.99, -0.91), "helps", 51_822, 74.2], ["recommend", span(-0.38, -0.52, -0.21), "helps", 8_214, 5_102], ["order_insert", span(0.03, 0.01, 0.06), "hurts", 0.01, 0.01], ["open_orders_count", null, "unchanged", 51_833, 51_833], ["daily_revenue", null, "not_simulated", 214_000, 214_000]],
    risks: ["public.orders takes 9,120 inserts an hour: each writes one more index entry (about 0.03 ms).", "The build reads the whole table once (3.1 GB) and competes for I/O for about 2 minutes.", "A long transaction on this instance (longest now: 14 min) delays the last phase of the build."],
    writeCost: "+3 % time per INSERT into public.orders; UPDATEs of status stay HOT because the index does not contain it.",
  },
  {
    key: "customer-lower-email", instance: "orders-prod", title: "Index customers by lower-case e-mail", kind: "create_index", state: "waiting", age: 8 * HOUR,
    table: "public.customer", columns: "lower(email)", size: 31 * 1024 ** 2, predicted: span(-0.93, -0.97, -0.84), simulated: true, finding: "customer-email",
    reason: "Sign-in asks for lower(email); the only index is on email. Since the plan changed 9 h ago every sign-in scans public.customer.",
    touched: [["customer_by_email", span(-0.99, -0.995, -0.96), "helps", 6_120, 8.4]],
    writeCost: "+1 % time per INSERT into public.customer.",
  },
  {
    key: "session-analyze", instance: "orders-prod", title: "Refresh the statistics of session", kind: "analyze", state: "waiting", age: 20 * HOUR,
    table: "public.session", predicted: null, simulated: false, finding: "session-stats",
    reason: "The planner believes in 6.1 M rows, there are 49.0 M. ANALYZE reads a sample of 30,000 rows.",
    touched: [["session_purge", null, "not_simulated", 92_000, 92_000], ["session_get", null, "not_simulated", 8.44, 8.44]],
    risks: ["New statistics can change other plans on public.session. The change is watched like an index."],
    writeCost: "none",
  },
  {
    key: "invoice-unpaid", instance: "billing-prod", title: "Partial index on unpaid invoices", kind: "create_index", state: "waiting", age: 25 * HOUR,
    table: "public.invoice", columns: "due_at", where: "paid_at IS NULL", size: 3.2 * 1024 ** 2, predicted: span(-0.88, -0.95, -0.62), simulated: true, finding: "billing-invoices",
    reason: "1.1 % of the invoices are unpaid. A partial index holds only those.",
    touched: [["invoice_due", span(-0.94, -0.97, -0.85), "helps", 28_100, 402], ["dunning_run", span(-0.55, -0.8, -0.1), "helps", 41_200, 9_300]],
  },
  {
    key: "product-category", instance: "catalog-prod", title: "Index active products by category", kind: "create_index", state: "waiting", age: 6 * HOUR,
    table: "public.product", columns: "category_id", where: "active", size: 22 * 1024 ** 2, predicted: span(-0.71, -0.9, -0.35), simulated: false, finding: "catalog-facets",
    reason: "Each call reads 7,400 blocks for one category of 1,900. hypopg is not installed on catalog-prod, so the effect is estimated from statistics and its interval is wide.",
    touched: [["facets", span(-0.71, -0.9, -0.35), "helps", 7_400, 2_100]],
  },
  {
    key: "shipment-event", instance: "orders-prod", title: "Partial index on delivered events", kind: "create_index", state: "approved", age: 3 * HOUR,
    table: "public.shipment_event", columns: "shipment_id", where: "kind = 'delivered'", size: 240 * 1024 ** 2, predicted: span(-0.64, -0.78, -0.4), simulated: true, finding: "shipment-events", change: "shipment-event",
    reason: "The anti-join hashes 11.8 M rows each time.", touched: [["shipments_late", span(-0.81, -0.9, -0.6), "helps", 182_400, 31_000]],
    verdict: { by: "mara", at: ago(5 * 60_000), decision: "approved", reason: null },
  },
  {
    key: "stock-warehouse", instance: "orders-prod", title: "Index stock by warehouse", kind: "create_index", state: "approved", age: 2 * DAY,
    table: "public.stock", columns: "warehouse_id", size: 14 * 1024 ** 2, predicted: span(-0.74, -0.86, -0.52), simulated: true, finding: "stock-resolved", change: "stock-warehouse",
    reason: "Every check of low stock reads all shelves.", touched: [["stock_levels", span(-0.79, -0.88, -0.6), "helps", 1_720, 210], ["stock_reserve", span(0.04, 0.01, 0.08), "hurts", 14, 14]],
    verdict: { by: "mara", at: ago(45 * 60_000), decision: "approved", reason: "tested on staging" },
  },
  {
    key: "ledger-account", instance: "billing-prod", title: "Index ledger entries by account", kind: "create_index", state: "approved", age: 3 * DAY,
    table: "public.ledger_entry", columns: "account_id, posted_at", size: 410 * 1024 ** 2, predicted: span(-0.95, -0.98, -0.86), simulated: true, finding: "ledger-resolved", change: "ledger-account",
    reason: "Balances are summed over the whole ledger.", touched: [["ledger_balance", span(-0.95, -0.98, -0.86), "helps", 9_100, 210], ["entry_insert", span(0.05, 0.02, 0.09), "hurts", 11, 12]],
    verdict: { by: "jonas", at: ago(27 * HOUR), decision: "approved", reason: null },
  },
  {
    key: "price-history", instance: "orders-prod", title: "Index price history by article and time", kind: "create_index", state: "approved", age: 5 * DAY,
    table: "public.price_history", columns: "sku, at DESC", size: 92 * 1024 ** 2, predicted: span(-0.84, -0.92, -0.66), simulated: true, finding: "price-unused", change: "price-history",
    reason: "The price chart of each product page sorts its history.", touched: [["price_history", span(-0.84, -0.92, -0.66), "helps", 2_260, 188]],
    verdict: { by: "mara", at: ago(3.1 * DAY), decision: "approved", reason: null },
  },
  {
    key: "orders-status", instance: "orders-prod", title: "Index orders by status", kind: "create_index", state: "approved", age: 6 * DAY,
    table: "public.orders", columns: "status, created_at", size: 131 * 1024 ** 2, predicted: span(-0.41, -0.7, -0.05), simulated: true, finding: "revenue-top", change: "orders-status",
    reason: "The count of open orders scans the table.", touched: [["open_orders_count", span(-0.6, -0.8, -0.2), "helps", 51_833, 14_000], ["order_insert", span(0.05, 0.02, 0.1), "hurts", 0.01, 0.01]],
    verdict: { by: "jonas", at: ago(5 * DAY), decision: "approved", reason: "low traffic night" },
  },
  {
    key: "audit-subject", instance: "orders-prod", title: "Index the audit log by subject", kind: "create_index", state: "approved", age: 9 * DAY,
    table: "public.audit_log", columns: "subject, at DESC", size: 880 * 1024 ** 2, predicted: span(-0.7, -0.88, -0.3), simulated: true, finding: "revenue-top", change: "audit-subject",
    reason: "Support looks up a subject.", touched: [["audit_trail", span(-0.7, -0.88, -0.3), "helps", 8_800, 130]],
    verdict: { by: "mara", at: ago(8 * DAY), decision: "approved", reason: null },
  },
  {
    key: "refund-open", instance: "orders-prod", title: "Partial index on open refunds", kind: "create_index", state: "rejected", age: 11 * DAY,
    table: "public.refund", columns: "requested_at", where: "settled_at IS NULL", size: 1.1 * 1024 ** 2, predicted: span(-0.8, -0.93, -0.5), simulated: true, finding: "revenue-top",
    reason: "Open refunds are 2 % of all refunds.", touched: [["refunds_open", span(-0.8, -0.93, -0.5), "helps", 2_900, 40]],
    verdict: { by: "jonas", at: ago(10 * DAY), decision: "rejected", reason: "The table moves to the payment service next week." },
  },
  {
    key: "wishlist-old", instance: "orders-prod", title: "Index wishlists by article", kind: "create_index", state: "expired", age: 16 * DAY,
    table: "public.wishlist", columns: "sku", size: 9 * 1024 ** 2, predicted: span(-0.22, -0.5, 0.08), simulated: true, finding: "revenue-top",
    reason: "Small gain.", touched: [["wishlist", span(-0.22, -0.5, 0.08), "helps", 22, 15]],
  },
  {
    key: "funnel-idx", instance: "analytics", title: "Index events by site and time", kind: "create_index", state: "superseded", age: 13 * DAY,
    table: "public.event", columns: "site, at", size: 12.4 * 1024 ** 3, predicted: span(-0.5, -0.7, -0.2), simulated: true, finding: "analytics-cube",
    reason: "Replaced by a BRIN index that is a thousand times smaller.", touched: [["funnel", span(-0.5, -0.7, -0.2), "helps", 1_220_000, 610_000]],
  },
];

function sqlOf(draft: Draft, name: string): Proposal["sql"] {
  if (draft.kind === "analyze") return { apply: [`ANALYZE (SKIP_LOCKED) ${draft.table};`], verify: `SELECT last_analyze\nFROM pg_stat_user_tables\nWHERE relid = '${draft.table}'::regclass;`, undo: [], terms: "" };
  const where = draft.where ? `\nWHERE ${draft.where}` : "";
  const schema = draft.table.split(".")[0] ?? "public";
  return {
    apply: ["SET lock_timeout = '2s';", `CREATE INDEX CONCURRENTLY ${name}\nON ${draft.table} USING btree (${draft.columns ?? ""})${where};`],
    verify: `SELECT i.indisvalid AND i.indisready AS usable\nFROM pg_index AS i\nWHERE i.indexrelid = '${schema}.${name}'::regclass;`,
    undo: ["SET lock_timeout = '2s';", `DROP INDEX CONCURRENTLY IF EXISTS ${schema}.${name};`],
    terms: TERMS,
  };
}

export const objectName = (key: string) => `qs_${hex(`index ${key}`, 12)}`;

export const proposals: Proposal[] = drafts.map((draft) => {
  const total = draft.touched.length;
  return {
    id: proposalId(draft.key),
    instance_id: instanceId(draft.instance),
    instance_name: draft.instance,
    title: draft.title,
    kind: draft.kind,
    state: draft.state,
    created_at: ago(draft.age),
    expires_at: draft.state === "waiting" ? ahead(7 * DAY - draft.age) : ago(draft.age - 7 * DAY),
    predicted: draft.predicted,
    simulated: draft.simulated ?? false,
    size_bytes: draft.size ? Math.round(draft.size) : null,
    statements_helped: draft.touched.filter(([, , verdict]) => verdict === "helps").length,
    statements_hurt: draft.touched.filter(([, , verdict]) => verdict === "hurts").length,
    finding_ids: [findingId(draft.finding)],
    reason: draft.reason,
    evidence: [
      { label: "Rows in the table", value: "4.2 M (3.1 GB)", source: "pg_class, 14 min ago" },
      { label: "Plan with the index", value: draft.simulated ? "Index Scan, simulated with hypopg" : "not simulated", source: draft.simulated ? "what-if plan" : "model" },
      { label: `Statements checked on ${draft.table}`, value: String(total), source: "pg_stat_statements, 7 d" },
      { label: "Similar past changes", value: "11 of 12 helped", source: "outcomes, model version 14" },
    ],
    statements: draft.touched.map(([key, predicted, verdict, before, after]): ProposalStatement => {
      const s = statement(draft.instance, key);
      return {
        statement_id: s.id, text: s.text, time_share: (s.mean * s.calls) / 8_320_000,
        cost_before: verdict === "not_simulated" ? null : before, cost_after: verdict === "not_simulated" ? null : after,
        predicted, verdict, uses_index: verdict === "helps",
      };
    }),
    sql: sqlOf(draft, objectName(draft.key)),
    digest: hex(`digest ${draft.key}`, 64),
    lock: draft.kind === "analyze" ? "ShareUpdateExclusive on the table: reads and writes go on." : "ShareUpdateExclusive on the table: reads and writes go on. Waits at most 2 s for a lock, then gives up.",
    duration_estimate_s: draft.kind === "analyze" ? { low: 2, high: 9 } : { low: 55, high: 160 },
    tried: "before_after",
    write_cost: draft.writeCost ?? "+2 % time per INSERT.",
    risks: draft.risks ?? ["The build reads the whole table once and competes for I/O meanwhile."],
    model_version: 14,
    verdict: draft.verdict ?? null,
    change_id: draft.change ? changeId(draft.change) : null,
  };
});
