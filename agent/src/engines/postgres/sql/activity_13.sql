WITH /* querysmith */ sessions AS MATERIALIZED (
    SELECT
        a.pid,
        a.datname,
        a.usename,
        COALESCE(a.state, 'unknown') AS state,
        a.wait_event_type,
        a.wait_event,
        a.xact_start,
        a.state_change,
        NULL::int8 AS query_id
    FROM pg_catalog.pg_stat_activity AS a
    WHERE a.backend_type = 'client backend'
        AND a.application_name NOT LIKE 'querysmith/%'
        AND a.pid <> pg_catalog.pg_backend_pid()
)
(
    SELECT
        1 AS kind,
        s.state AS a,
        NULL AS b,
        count(*) AS amount,
        0 AS pid,
        NULL::int4[] AS pids,
        NULL AS database,
        NULL AS role,
        NULL::int8 AS query_id
    FROM sessions AS s
    GROUP BY s.state
)
UNION ALL
(
    SELECT 2, COALESCE(s.wait_event_type, 'CPU'), COALESCE(s.wait_event, 'CPU'), count(*), 0, NULL, NULL, NULL, NULL
    FROM sessions AS s
    WHERE s.state = 'active'
    GROUP BY s.wait_event_type, s.wait_event
    LIMIT 500
)
UNION ALL
(
    SELECT
        3,
        NULL,
        NULL,
        GREATEST(0, EXTRACT(epoch FROM pg_catalog.clock_timestamp() - s.state_change) * 1000)::int8,
        s.pid,
        pg_catalog.pg_blocking_pids(s.pid),
        s.datname::text,
        s.usename::text,
        s.query_id
    FROM sessions AS s
    WHERE s.wait_event_type = 'Lock'
    LIMIT 500
)
UNION ALL
(
    SELECT
        4,
        s.state,
        NULL,
        GREATEST(0, EXTRACT(epoch FROM pg_catalog.clock_timestamp() - s.xact_start) * 1000)::int8,
        s.pid,
        NULL,
        s.datname::text,
        s.usename::text,
        s.query_id
    FROM sessions AS s
    WHERE s.xact_start < pg_catalog.clock_timestamp() - $1::float8 * interval '1 second'
    ORDER BY s.xact_start
    LIMIT 500
)
UNION ALL
(
    SELECT
        5,
        NULL,
        NULL,
        GREATEST(
            0,
            pg_catalog.pg_wal_lsn_diff(
                CASE
                    WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn()
                    ELSE pg_catalog.pg_current_wal_lsn()
                END,
                r.replay_lsn
            )
        )::int8,
        0,
        NULL,
        NULL,
        NULL,
        NULL
    FROM pg_catalog.pg_stat_replication AS r
    WHERE r.replay_lsn IS NOT NULL
    LIMIT 500
)
UNION ALL
(
    SELECT 6, NULL, NULL, COALESCE(sum(d.xact_rollback), 0)::int8, 0, NULL, NULL, NULL, NULL
    FROM pg_catalog.pg_stat_database AS d
)
UNION ALL
(
    SELECT 7, NULL, NULL, COALESCE(sum(d.deadlocks), 0)::int8, 0, NULL, NULL, NULL, NULL
    FROM pg_catalog.pg_stat_database AS d
)
UNION ALL
(
    SELECT 8, NULL, NULL, GREATEST(0, EXTRACT(epoch FROM r.replay_lag) * 1000)::int8, 0, NULL, NULL, NULL, NULL
    FROM pg_catalog.pg_stat_replication AS r
    WHERE r.replay_lag IS NOT NULL
    LIMIT 500
)
UNION ALL
SELECT 9, NULL, NULL, pg_catalog.current_setting('max_connections')::int8, 0, NULL, NULL, NULL, NULL
