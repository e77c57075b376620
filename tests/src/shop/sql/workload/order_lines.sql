SELECT i.id, p.sku, p.name, i.quantity, i.price_cents, i.discount_cents
FROM order_items i
JOIN products p ON p.id = i.product_id
WHERE i.order_id = $1
ORDER BY i.id
