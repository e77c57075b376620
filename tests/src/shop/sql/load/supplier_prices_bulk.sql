-- Planted, second half: whole price lists are loaded in bulk, with autovacuum off and no ANALYZE after it.
INSERT INTO supplier_prices (delivery, sku, price_cents, received_at)
SELECT
    1000 + delivery,
    'SKU-' || lpad(product::text, 6, '0'),
    100 + (product * 7919) % 20000 + CASE WHEN shop_setup.random(81, delivery * 10000 + product) < 0.05 THEN delivery ELSE 0 END,
    timestamptz '2025-06-01 00:00+00' + delivery * interval '1 day'
FROM generate_series(1, 100) AS delivery,
     generate_series(1, shop_setup.rows(3000)) AS product
ORDER BY delivery, product;
