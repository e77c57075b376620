SELECT id, rating, body, created_at
FROM reviews
WHERE product_id = $1
ORDER BY created_at DESC
LIMIT 10
