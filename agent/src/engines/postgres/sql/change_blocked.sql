SELECT /* querysmith */ count(*) AS sessions
FROM pg_catalog.pg_stat_activity AS a
WHERE a.wait_event_type = 'Lock'
    AND a.application_name NOT LIKE 'querysmith/%'
    AND a.query_start < pg_catalog.clock_timestamp() - $1::double precision * INTERVAL '1 second'
