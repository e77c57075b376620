SELECT id, customer_id, total_cents, created_at
FROM orders
WHERE warehouse_id = $1
  AND status = $2
ORDER BY created_at
