SELECT count(*) AS orders, sum(total_cents) AS spent_cents, max(created_at) AS last_order
FROM orders
WHERE customer_id = $1
