SELECT /* querysmith */
    coalesce(nullif(r.application_name, ''), r.client_addr::text, 'without a name') AS name,
    EXTRACT(EPOCH FROM r.replay_lag)::double precision AS lag_s,
    coalesce(
        pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), r.replay_lsn)::double precision, 0
    ) AS lag_bytes
FROM pg_catalog.pg_stat_replication AS r
WHERE r.state IN ('streaming', 'catchup')
    AND r.pid IS NOT NULL
    AND coalesce(r.application_name, '') NOT IN ('pg_basebackup', 'pg_receivewal')
LIMIT 100
