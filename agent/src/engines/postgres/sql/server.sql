SELECT /* querysmith */
    pg_catalog.current_setting('server_version_num')::int4 AS version,
    (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() AS c) AS system_identifier,
    pg_catalog.pg_postmaster_start_time() AS started_at,
    pg_catalog.pg_is_in_recovery() AS in_recovery,
    pg_catalog.clock_timestamp() AS server_time,
    r.rolname::text AS role,
    r.oid AS role_oid,
    r.rolsuper AS superuser,
    pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS reads_all_stats,
    pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE') AS reads_all_settings,
    EXISTS (
        SELECT
        FROM pg_catalog.pg_roles AS a
        WHERE a.rolname = 'pg_read_all_data' AND pg_catalog.pg_has_role(a.oid, 'USAGE')
    ) AS reads_all_data,
    pg_catalog.current_setting('pg_stat_statements.max', true)::int8 AS statements_max,
    (
        SELECT s.setting
        FROM pg_catalog.pg_settings AS s
        WHERE s.name = 'pg_stat_statements.track' AND s.source IN ('default', 'configuration file', 'command line')
    ) AS statements_track,
    pg_catalog.current_setting('compute_query_id', true) AS compute_query_id,
    pg_catalog.current_setting('track_io_timing', true) AS track_io_timing,
    pg_catalog.current_database()::text AS home,
    (
        SELECT s.setting
        FROM pg_catalog.pg_settings AS s
        WHERE s.name = 'shared_preload_libraries'
    ) AS preloaded,
    pg_catalog.current_setting('pg_stat_statements.track', true) = 'none' AS unseen
FROM pg_catalog.pg_roles AS r
WHERE r.rolname = CURRENT_USER
