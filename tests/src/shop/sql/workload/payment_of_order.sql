SELECT id, method, state, amount_cents
FROM payments
WHERE order_id = $1
