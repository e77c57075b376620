-- apply
SET lock_timeout = 2000;
SET statement_timeout = 600000;
ANALYZE "public"."orders";
-- verify
SELECT last_analyze, n_mod_since_analyze AS changed_since_analyze
FROM pg_catalog.pg_stat_all_tables
WHERE schemaname = 'public' AND relname = 'orders';
-- undo
