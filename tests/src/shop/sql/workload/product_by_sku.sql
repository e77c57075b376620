SELECT p.id, p.name, p.price_cents, p.stock, p.description, c.name AS category
FROM products p
JOIN categories c ON c.id = p.category_id
WHERE p.sku = $1
