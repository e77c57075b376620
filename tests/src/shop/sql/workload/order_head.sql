SELECT o.id, o.status, o.total_cents, o.created_at, c.name, c.email
FROM orders o
JOIN customers c ON c.id = o.customer_id
WHERE o.id = $1
