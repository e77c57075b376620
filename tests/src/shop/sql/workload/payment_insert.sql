INSERT INTO payments (order_id, method, state, amount_cents, created_at)
VALUES (currval('orders_id_seq'), 'card', 'settled', $1, now())
