INSERT INTO sessions (token, customer_id, user_agent, started_at, seen_at)
VALUES (gen_random_uuid()::text, $1, 'phone', now(), now())
