INSERT INTO reviews (product_id, customer_id, rating, body, created_at)
VALUES ($1, $2, $3, 'Arrived quickly and does what it should.', now())
