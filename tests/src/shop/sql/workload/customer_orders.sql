SELECT id, status, total_cents, currency, created_at
FROM orders
WHERE customer_id = $1
ORDER BY created_at DESC
LIMIT 20
