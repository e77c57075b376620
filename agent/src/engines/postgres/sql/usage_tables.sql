WITH /* querysmith */ locked AS MATERIALIZED (
    SELECT l.relation
    FROM pg_catalog.pg_locks AS l
    JOIN pg_catalog.pg_database AS d ON d.oid = l.database
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND d.datname = pg_catalog.current_database()
)
SELECT
    c.oid,
    c.reltuples,
    c.relpages,
    CASE
        WHEN EXISTS (SELECT FROM locked AS l WHERE l.relation = c.oid)
            THEN c.relpages::int8 * pg_catalog.current_setting('block_size')::int8
        ELSE pg_catalog.pg_relation_size(c.oid)
    END AS size,
    pg_catalog.pg_stat_get_live_tuples(c.oid),
    pg_catalog.pg_stat_get_dead_tuples(c.oid),
    pg_catalog.pg_stat_get_mod_since_analyze(c.oid),
    pg_catalog.pg_stat_get_last_analyze_time(c.oid),
    pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid),
    pg_catalog.pg_stat_get_numscans(c.oid),
    pg_catalog.pg_stat_get_tuples_returned(c.oid),
    pg_catalog.pg_stat_get_tuples_inserted(c.oid),
    pg_catalog.pg_stat_get_tuples_updated(c.oid),
    pg_catalog.pg_stat_get_tuples_hot_updated(c.oid),
    pg_catalog.pg_stat_get_tuples_deleted(c.oid)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm')
    AND c.relpersistence <> 't'
    AND n.nspname <> 'information_schema'
    AND n.nspname NOT LIKE 'pg\_%'
ORDER BY c.relpages DESC, c.oid
LIMIT $1
