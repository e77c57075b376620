-- apply
SET lock_timeout = 2000;
SET statement_timeout = 30000;
ALTER SYSTEM SET "work_mem" = '64MB';
SELECT pg_catalog.pg_reload_conf();
-- verify
SELECT setting, unit, source, pending_restart
FROM pg_catalog.pg_settings
WHERE name = 'work_mem';
-- undo
SET lock_timeout = 2000;
SET statement_timeout = 30000;
ALTER SYSTEM RESET "work_mem";
SELECT pg_catalog.pg_reload_conf();
