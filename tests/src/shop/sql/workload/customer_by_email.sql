SELECT id, name, country, segment
FROM customers
WHERE email = $1
