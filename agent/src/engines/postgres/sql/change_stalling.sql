SELECT /* querysmith */
    a.pid AS pid,
    COALESCE(a.state, 'unknown') AS state,
    EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.xact_start)::double precision AS seconds
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = pg_catalog.current_database()
    AND a.pid <> pg_catalog.pg_backend_pid()
    AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
    AND a.xact_start < pg_catalog.clock_timestamp() - $1::double precision * INTERVAL '1 second'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum AS v WHERE v.pid = a.pid)
UNION ALL
SELECT 0, 'prepared transaction', NULL::double precision
FROM pg_catalog.pg_locks AS l
WHERE l.relation = $2::bigint::oid AND l.pid IS NULL AND l.granted
ORDER BY seconds DESC NULLS FIRST
LIMIT 3
