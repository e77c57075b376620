SELECT id, sku, name, price_cents
FROM products
WHERE category_id = $1
ORDER BY price_cents
LIMIT 24
