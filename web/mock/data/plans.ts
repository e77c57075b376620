import type { PlanVersion, Query } from "~/api/types.ts";
import { ago, DAY, HOUR, iso, MINUTE } from "./clock.ts";
import { changeId } from "./proposals.ts";
import { hex } from "./random.ts";
import { firstSeen, type Statement } from "./statements.ts";

type Nodes = PlanVersion["explanation"]["nodes"];

const SEQ: Nodes = [
  { id: 0, parent: null, depth: 0, node: "Limit", words: "Stops after the first 20 rows.", estimated_rows: 20, cost_self: 0.1, cost_share: 0.0001, condition: null, remarks: [] },
  { id: 1, parent: 0, depth: 1, node: "Gather Merge", words: "Collects the sorted rows of 2 parallel workers.", estimated_rows: 18, cost_self: 1002, cost_share: 0.019, condition: null, remarks: [{ severity: "info", text: "Starting workers costs about 1,000 units even when few rows come back." }] },
  { id: 2, parent: 1, depth: 2, node: "Sort", words: "Sorts by created_at, newest first.", estimated_rows: 9, cost_self: 12.4, cost_share: 0.0002, condition: "Sort Key: created_at DESC", remarks: [] },
  { id: 3, parent: 2, depth: 3, node: "Parallel Seq Scan on orders", words: "Reads every row of public.orders and keeps those of one customer.", estimated_rows: 9, cost_self: 50_808, cost_share: 0.98, condition: "Filter: (customer_id = $1) AND (status = ANY ($2))", remarks: [
    { severity: "warning", text: "Reads 4.2 M rows to keep about 18: no index leads with customer_id." },
    { severity: "info", text: "The table is 3.1 GB; 71 % of it was in the cache." },
  ] },
];
const INDEX: Nodes = [
  { id: 0, parent: null, depth: 0, node: "Limit", words: "Stops after the first 20 rows.", estimated_rows: 20, cost_self: 0.1, cost_share: 0.001, condition: null, remarks: [] },
  { id: 1, parent: 0, depth: 1, node: "Index Scan using orders_customer_id_created_at on orders", words: "Finds the customer in the index and reads the newest orders first; no sort is needed.", estimated_rows: 18, cost_self: 74.1, cost_share: 0.999, condition: "Index Cond: (customer_id = $1), Filter: (status = ANY ($2))", remarks: [{ severity: "info", text: "Hypothetical index, not built yet." }] },
];
const GENERIC: Nodes = [
  { id: 0, parent: null, depth: 0, node: "Nested Loop", words: "For each row of the first input, looks up the matching rows of the second.", estimated_rows: 4, cost_self: 1.2, cost_share: 0.05, condition: null, remarks: [] },
  { id: 1, parent: 0, depth: 1, node: "Index Scan using order_line_pkey on order_line", words: "Finds the lines of one order in the index.", estimated_rows: 4, cost_self: 8.6, cost_share: 0.34, condition: "Index Cond: (order_id = $1)", remarks: [] },
  { id: 2, parent: 0, depth: 1, node: "Memoize", words: "Remembers products it has already looked up.", estimated_rows: 1, cost_self: 0.4, cost_share: 0.02, condition: "Cache Key: l.sku", remarks: [] },
  { id: 3, parent: 2, depth: 2, node: "Index Scan using product_pkey on product", words: "Finds the product by its article number.", estimated_rows: 1, cost_self: 15.1, cost_share: 0.59, condition: "Index Cond: (sku = l.sku)", remarks: [] },
];

function version(s: Statement, name: string, origin: PlanVersion["origin"], cost: number, headline: string, nodes: Nodes, first: string, last: string): PlanVersion {
  return { plan_id: hex(`${s.id} ${name}`, 16), shape_hash: hex(`${s.id} shape ${name}`, 16), first_seen_at: first, last_seen_at: last, origin, total_cost: cost, explanation: { headline, nodes } };
}

export function plans(s: Statement): PlanVersion[] {
  if (s.key === "orders_by_customer" && s.instance === "orders-prod") {
    return [
      version(s, "seq", "generic", 51_822, "98 % of the cost is reading the whole of public.orders", SEQ, ago(21 * DAY), ago(12 * MINUTE)),
      version(s, "what-if", "what_if", 74.2, "With the proposed index: reads only the rows of the customer", INDEX, ago(36 * MINUTE), ago(36 * MINUTE)),
    ];
  }
  if (s.key === "session_get") return [];
  return [version(s, "generic", "generic", 25.3, "59 % of the cost is looking up products one by one", GENERIC, firstSeen(s), ago(30 * MINUTE))];
}

export function marks(s: Statement): Query["marks"] {
  if (s.key === "customer_by_email") return [{ at: ago(9 * HOUR), kind: "plan_change", label: "Index Scan → Seq Scan on customer", change_id: null }];
  if (s.shift && s.shift.factor < 1) {
    const change = { price_history: "price-history", stock_levels: "stock-warehouse", ledger_balance: "ledger-account" }[s.key];
    return [
      { at: iso(s.shift.at), kind: "change_applied", label: "Our index became usable", change_id: change ? changeId(change) : null },
      { at: iso(s.shift.at + 2 * MINUTE), kind: "plan_change", label: "Seq Scan → Index Scan", change_id: null },
    ];
  }
  if (s.key === "orders_by_customer") return [{ at: ago(14 * HOUR), kind: "stats_reset", label: "pg_stat_statements was reset", change_id: null }];
  return [];
}
