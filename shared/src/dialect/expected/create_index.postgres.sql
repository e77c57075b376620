-- apply
SET lock_timeout = 60000;
SET statement_timeout = 14400000;
CREATE INDEX CONCURRENTLY "qs_orders_customer_id_created_at_deadbeef" ON "public"."orders" ("customer_id", "created_at" DESC) INCLUDE ("Total ""net""");
-- verify
SELECT i.indisvalid AND i.indisready AS valid, pg_catalog.pg_get_indexdef(i.indexrelid) AS definition
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relname = 'qs_orders_customer_id_created_at_deadbeef';
-- undo
SET lock_timeout = 60000;
SET statement_timeout = 14400000;
DROP INDEX CONCURRENTLY IF EXISTS "public"."qs_orders_customer_id_created_at_deadbeef";
