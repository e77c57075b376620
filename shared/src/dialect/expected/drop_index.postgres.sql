-- apply
SET lock_timeout = 60000;
SET statement_timeout = 14400000;
DROP INDEX CONCURRENTLY "public"."qs_orders_customer_id_created_at_deadbeef";
-- verify
SELECT bool_or(c.relname = 'qs_orders_customer_id_created_at_deadbeef') IS NOT TRUE AS gone,
       bool_or(c.relname = 'orders_by_customer' AND i.indisvalid AND i.indisready) IS TRUE AS covered
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relname IN ('qs_orders_customer_id_created_at_deadbeef', 'orders_by_customer');
-- undo
SET lock_timeout = 60000;
SET statement_timeout = 14400000;
DROP INDEX CONCURRENTLY IF EXISTS "public"."qs_orders_customer_id_created_at_deadbeef";
CREATE INDEX CONCURRENTLY "qs_orders_customer_id_created_at_deadbeef" ON "public"."orders" ("customer_id", "created_at" DESC) INCLUDE ("Total ""net""");
