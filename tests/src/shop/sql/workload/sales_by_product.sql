SELECT product_id,
       count(*) AS lines,
       sum(quantity) AS units,
       sum(quantity::bigint * price_cents - discount_cents) AS revenue_cents,
       sum((quantity::bigint * price_cents - discount_cents) * tax_percent / 100) AS tax_cents
FROM order_items
GROUP BY product_id
ORDER BY revenue_cents DESC
LIMIT 20
