SELECT id, customer_id, status, total_cents, created_at
FROM orders
ORDER BY id DESC
LIMIT 50
