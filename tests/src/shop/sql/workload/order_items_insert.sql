INSERT INTO order_items (order_id, product_id, quantity, price_cents, discount_cents, tax_percent)
VALUES (currval('orders_id_seq'), $1, $2, $3, 0, 19),
       (currval('orders_id_seq'), $4, $5, $6, 0, 7)
