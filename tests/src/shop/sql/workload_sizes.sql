SELECT (SELECT max(id) FROM customers) AS customers,
       (SELECT max(id) FROM products) AS products,
       (SELECT max(id) FROM orders) AS orders,
       (SELECT count(*) FROM sessions WHERE length(token) = 13) AS sessions
