-- apply
SET lock_timeout = 2000;
SET statement_timeout = 600000;
CREATE STATISTICS "public"."qs_orders_city_zip_deadbeef" ON "city", "Zip ""code""" FROM "public"."orders";
ANALYZE "public"."orders";
-- verify
SELECT pg_catalog.pg_get_statisticsobjdef(e.oid) AS definition, s.last_analyze
FROM pg_catalog.pg_statistic_ext AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.stxnamespace
LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = e.stxrelid
WHERE n.nspname = 'public' AND e.stxname = 'qs_orders_city_zip_deadbeef';
-- undo
SET lock_timeout = 2000;
SET statement_timeout = 600000;
DROP STATISTICS IF EXISTS "public"."qs_orders_city_zip_deadbeef";
