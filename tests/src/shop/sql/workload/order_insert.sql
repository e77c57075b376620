INSERT INTO orders
    (customer_id, warehouse_id, status, currency, total_cents, shipping_country, created_at, updated_at)
VALUES ($1, $2, 'new', 'EUR', $3, 'DE', now(), now())
RETURNING id
