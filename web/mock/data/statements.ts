import type { Query, QueryRow } from "~/api/types.ts";
import { ago, DAY, HOUR, iso, MINUTE, STARTED } from "./clock.ts";
import { instanceId } from "./fleet.ts";
import { daily, hex, noise, random } from "./random.ts";

export interface Statement {
  id: string;
  key: string;
  instance: string;
  database: string;
  user: string;
  text: string;
  /** mean time in ms, calls per hour, blocks and rows per call */
  mean: number;
  calls: number;
  blocks: number;
  rows: number;
  /** from this moment on the mean time is multiplied */
  shift?: { at: number; factor: number };
}

const SHOP: [string, string, number, number, number, number, string?][] = [
  ["orders_by_customer", "SELECT o.id, o.status, o.total_cents, o.created_at FROM orders o WHERE o.customer_id = $1 AND o.status = ANY($2) ORDER BY o.created_at DESC LIMIT $3", 184, 14203, 48210, 18],
  ["open_orders_count", "SELECT count(*) FROM orders WHERE status = $1 AND created_at > now() - $2::interval", 412, 1860, 51833, 1],
  ["order_lines", "SELECT l.order_id, l.sku, l.quantity, l.price_cents, p.title FROM order_line l JOIN product p ON p.sku = l.sku WHERE l.order_id = $1", 1.84, 210400, 31, 4.1],
  ["cart_touch", "UPDATE cart SET updated_at = now(), items = $2 WHERE session_id = $1", 0.62, 388000, 9, 1],
  ["stock_reserve", "UPDATE stock SET reserved = reserved + $2 WHERE sku = $1 AND available - reserved >= $2 RETURNING available - reserved", 2.31, 86400, 14, 0.98],
  ["customer_by_email", "SELECT id, name, email, locale FROM customer WHERE lower(email) = lower($1)", 48.2, 5210, 6120, 1, "auth"],
  ["shipments_late", "SELECT s.id, s.order_id, s.promised_at, c.name AS carrier FROM shipment s JOIN carrier c ON c.id = s.carrier_id LEFT JOIN shipment_event e ON e.shipment_id = s.id AND e.kind = 'delivered' WHERE s.promised_at < now() AND e.id IS NULL ORDER BY s.promised_at LIMIT 500", 1320, 62, 182400, 500, "worker"],
  ["order_insert", "INSERT INTO orders (customer_id, status, total_cents, currency, created_at) VALUES ($1, $2, $3, $4, now()) RETURNING id", 1.12, 9120, 12, 1],
  ["order_status_log", "INSERT INTO order_status_log (order_id, status, actor, at) VALUES ($1, $2, $3, now())", 0.41, 31200, 6, 1],
  ["session_get", "SELECT payload FROM session WHERE token = $1 AND expires_at > now()", 0.09, 1264000, 4, 1, "auth"],
  ["session_purge", "DELETE FROM session WHERE expires_at < now() - interval '7 days'", 8400, 1, 92000, 41200, "worker"],
  ["price_history", "SELECT at, price_cents FROM price_history WHERE sku = $1 ORDER BY at DESC LIMIT 90", 6.2, 12100, 188, 90],
  ["product_search", "SELECT p.sku, p.title, ts_rank(p.search, query) AS rank FROM product p, websearch_to_tsquery('english', $1) query WHERE p.search @@ query AND p.active ORDER BY rank DESC LIMIT 40", 21.4, 18400, 1460, 36],
  ["recommend", "WITH recent AS (SELECT sku FROM order_line l JOIN orders o ON o.id = l.order_id WHERE o.customer_id = $1 ORDER BY o.created_at DESC LIMIT 20) SELECT p.sku, p.title, sum(s.score) AS score FROM product_similarity s JOIN recent r ON r.sku = s.sku JOIN product p ON p.sku = s.other_sku WHERE p.active GROUP BY p.sku, p.title ORDER BY score DESC LIMIT 12", 36.8, 9840, 2210, 12],
  ["payment_pending", "SELECT id, order_id, provider, amount_cents FROM payment WHERE state = 'pending' AND created_at < now() - interval '15 minutes' FOR UPDATE SKIP LOCKED LIMIT 50", 12.1, 720, 3100, 7, "worker"],
  ["coupon_check", "SELECT id, percent, valid_until FROM coupon WHERE code = upper($1) AND valid_until > now()", 0.34, 8840, 5, 0.6],
  ["review_page", "SELECT r.id, r.stars, r.body, c.name FROM review r JOIN customer c ON c.id = r.customer_id WHERE r.sku = $1 AND r.visible ORDER BY r.helpful DESC, r.at DESC OFFSET $2 LIMIT 10", 9.7, 22100, 340, 10],
  ["address_default", "SELECT * FROM address WHERE customer_id = $1 AND is_default", 0.18, 40100, 5, 1],
  ["invoice_number", "SELECT nextval('invoice_number_seq')", 0.04, 8800, 1, 1],
  ["daily_revenue", "SELECT date_trunc('day', created_at) AS day, currency, sum(total_cents) FROM orders WHERE status <> 'cancelled' AND created_at >= $1 GROUP BY 1, 2 ORDER BY 1", 2840, 24, 214000, 31, "report"],
  ["refunds_open", "SELECT r.id, r.order_id, r.amount_cents FROM refund r WHERE r.settled_at IS NULL ORDER BY r.requested_at", 31.5, 410, 2900, 44, "worker"],
  ["wishlist", "SELECT w.sku, p.title, p.price_cents FROM wishlist w JOIN product p USING (sku) WHERE w.customer_id = $1", 0.88, 15200, 22, 6],
  ["audit_trail", "SELECT at, actor, action FROM audit_log WHERE subject = $1 ORDER BY at DESC LIMIT 200", 74, 340, 8800, 120, "report"],
  ["stock_levels", "SELECT sku, available, reserved FROM stock WHERE warehouse_id = $1 AND available - reserved < threshold", 18.3, 1440, 1720, 210, "worker"],
  ["carrier_rates", "SELECT carrier_id, zone, price_cents FROM carrier_rate WHERE weight_g >= $1 AND zone = $2 ORDER BY price_cents LIMIT 5", 0.77, 9020, 18, 5],
  ["notify_queue", "SELECT id, kind, payload FROM notification WHERE sent_at IS NULL ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED", 5.4, 7200, 610, 14, "worker"],
];

const OTHERS: [string, string, string, string, string, number, number, number, number][] = [
  ["billing-prod", "ledger_balance", "billing", "app", "SELECT sum(amount_cents) FROM ledger_entry WHERE account_id = $1 AND posted_at <= $2", 92.4, 8120, 9100, 1],
  ["billing-prod", "invoice_due", "billing", "worker", "SELECT i.id, i.number, i.due_at, a.email FROM invoice i JOIN account a ON a.id = i.account_id WHERE i.paid_at IS NULL AND i.due_at < now() ORDER BY i.due_at LIMIT 200", 340, 360, 28100, 200],
  ["billing-prod", "entry_insert", "billing", "app", "INSERT INTO ledger_entry (account_id, amount_cents, kind, posted_at) VALUES ($1, $2, $3, $4)", 0.52, 21400, 11, 1],
  ["billing-prod", "dunning_run", "billing", "worker", "SELECT account_id, count(*) FROM invoice WHERE paid_at IS NULL GROUP BY account_id HAVING count(*) > 2", 880, 24, 41200, 311],
  ["analytics", "sales_cube", "warehouse", "report", "SELECT d.year, d.month, p.category, s.region, sum(f.revenue) AS revenue FROM fact_sales f JOIN dim_date d ON d.id = f.date_id JOIN dim_product p ON p.id = f.product_id JOIN dim_store s ON s.id = f.store_id WHERE d.year >= $1 GROUP BY 1, 2, 3, 4", 48200, 11, 3_810_000, 5210],
  ["analytics", "funnel", "warehouse", "report", "SELECT step, count(DISTINCT visitor_id) FROM event WHERE at >= $1 AND at < $2 AND site = $3 GROUP BY step", 18400, 40, 1_220_000, 6],
  ["analytics", "event_copy", "warehouse", "loader", "INSERT INTO event SELECT * FROM event_staging WHERE batch = $1", 6200, 60, 210_000, 48000],
  ["catalog-prod", "product_get", "catalog", "app", "SELECT sku, title, description, attributes FROM product WHERE sku = $1", 0.21, 402000, 5, 1],
  ["catalog-prod", "category_tree", "catalog", "app", "WITH RECURSIVE tree AS (SELECT id, parent_id, title, 0 AS depth FROM category WHERE parent_id IS NULL UNION ALL SELECT c.id, c.parent_id, c.title, t.depth + 1 FROM category c JOIN tree t ON c.parent_id = t.id) SELECT * FROM tree", 14.2, 18100, 820, 640],
  ["catalog-prod", "facets", "catalog", "app", "SELECT attributes->>'colour' AS colour, count(*) FROM product WHERE category_id = $1 AND active GROUP BY 1", 58.1, 6200, 7400, 14],
  ["orders-staging", "orders_by_customer", "shop", "app", "SELECT o.id, o.status, o.total_cents, o.created_at FROM orders o WHERE o.customer_id = $1 AND o.status = ANY($2) ORDER BY o.created_at DESC LIMIT $3", 3.1, 210, 402, 2],
];

const shop = SHOP.map(([key, text, mean, calls, blocks, rows, user]): Statement => ({
  id: hex(`orders-prod ${key}`, 16), key, instance: "orders-prod", database: "shop", user: user ?? "app", text, mean, calls, blocks, rows,
  ...(key === "customer_by_email" ? { shift: { at: STARTED - 9 * HOUR, factor: 14 } } : {}),
  ...(key === "price_history" ? { shift: { at: STARTED - 3 * DAY, factor: 0.12 } } : {}),
  ...(key === "stock_levels" ? { shift: { at: STARTED - 40 * MINUTE, factor: 0.21 } } : {}),
}));
const others = OTHERS.map(([instance, key, database, user, text, mean, calls, blocks, rows]): Statement => ({
  id: hex(`${instance} ${key}`, 16), key, instance, database, user, text, mean, calls, blocks, rows,
  ...(key === "ledger_balance" ? { shift: { at: STARTED - 26 * HOUR, factor: 0.07 } } : {}),
}));

export const statements: Statement[] = [...shop, ...others];

export function statement(instance: string, key: string): Statement {
  const found = statements.find((candidate) => candidate.instance === instance && candidate.key === key);
  if (!found) throw new Error(`the mock fleet has no statement ${key} on ${instance}`);
  return found;
}

export function meanAt(s: Statement, at: number): number {
  const next = random(`${s.id} ${Math.floor(at / MINUTE)}`);
  const settled = s.shift && s.shift.factor > 1 ? 1 : 1 / (s.shift?.factor ?? 1);
  const factor = s.shift ? (at >= s.shift.at ? settled * s.shift.factor : settled) : 1;
  return s.mean * factor * (0.85 + 0.3 * daily(at)) * noise(next, 0.1);
}

export function blocksAt(s: Statement, at: number): number {
  const next = random(`${s.id} blocks ${Math.floor(at / MINUTE)}`);
  return s.blocks * (meanAt(s, at) / s.mean) ** 0.9 * noise(next, 0.03);
}

export function row(s: Statement, from: number, to: number, total: number): QueryRow {
  const hours = (to - from) / HOUR;
  const calls = Math.round(s.calls * hours);
  const buckets = 24;
  return {
    instance_id: instanceId(s.instance),
    instance_name: s.instance,
    statement_id: s.id,
    database: s.database,
    user: s.user,
    text: s.text.slice(0, 400),
    calls,
    total_ms: calls * s.mean,
    mean_ms: s.mean,
    time_share: (s.calls * s.mean) / total,
    blocks_per_call: s.blocks,
    rows_per_call: s.rows,
    trend: Array.from({ length: buckets }, (_, index) => meanAt(s, from + ((index + 0.5) * (to - from)) / buckets)),
    open_findings: 0,
  };
}

export const latencyStep = (from: number, to: number) => Math.max(1, Math.ceil((to - from) / MINUTE / 96)) * MINUTE;

export function latency(s: Statement, from: number, to: number): Query["latency"] {
  const step = latencyStep(from, to);
  const points: Query["latency"] = [];
  for (let at = from; at < to; at += step) {
    const next = random(`${s.id} latency ${Math.floor(at / MINUTE)}`);
    points.push({
      at: iso(at),
      mean_ms: meanAt(s, at),
      calls: Math.round(s.calls * (step / HOUR) * daily(at) * noise(next, 0.1)),
      blocks_per_call: blocksAt(s, at),
      rows_per_call: s.rows,
      stddev_ms: s.mean * (0.2 + next() * 0.2),
    });
  }
  return points;
}

export const firstSeen = (s: Statement) => ago((5 + random(s.id)() * 60) * DAY);
