-- apply
SET lock_timeout = 2000;
SET statement_timeout = 600000;
ALTER TABLE "public"."orders" ALTER COLUMN "city" SET STATISTICS 500;
ANALYZE "public"."orders" ("city");
-- verify
SELECT a.attstattarget AS target, s.last_analyze
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = c.oid
WHERE n.nspname = 'public' AND c.relname = 'orders' AND a.attname = 'city';
-- undo
SET lock_timeout = 2000;
SET statement_timeout = 600000;
ALTER TABLE "public"."orders" ALTER COLUMN "city" SET STATISTICS -1;
ANALYZE "public"."orders" ("city");
