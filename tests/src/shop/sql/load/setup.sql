-- What the loader needs for itself, kept out of the way of the shop's own schema.

CREATE SCHEMA IF NOT EXISTS shop_setup;

CREATE TABLE IF NOT EXISTS shop_setup.step (
    name        text PRIMARY KEY,
    scale       double precision NOT NULL,
    took_ms     bigint NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now()
);

-- A number in [0, 1) that depends on the stream and the row only: every load makes the same shop.
CREATE OR REPLACE FUNCTION shop_setup.random(stream bigint, row_number bigint)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (hashint8extended(row_number, stream) & 9007199254740991)::double precision / 9007199254740992 $$;

-- A key in 1..keys, some of them far more often than others; the frequent ones are spread over the range.
CREATE OR REPLACE FUNCTION shop_setup.skewed(stream bigint, row_number bigint, keys bigint)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT 1 + (floor(keys * shop_setup.random(stream, row_number) ^ 2)::bigint * 7919) % keys $$;

-- How many rows a table gets that has full_size rows at scale 1.
CREATE OR REPLACE FUNCTION shop_setup.rows(full_size bigint)
RETURNS bigint
LANGUAGE sql STABLE
AS $$ SELECT greatest(10, round(full_size * current_setting('shop.scale')::double precision)::bigint) $$;
