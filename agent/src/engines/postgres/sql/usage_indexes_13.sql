WITH /* querysmith */ locked AS MATERIALIZED (
    SELECT l.relation
    FROM pg_catalog.pg_locks AS l
    JOIN pg_catalog.pg_database AS d ON d.oid = l.database
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND d.datname = pg_catalog.current_database()
)
SELECT
    i.indrelid,
    i.indexrelid,
    CASE
        WHEN EXISTS (SELECT FROM locked AS l WHERE l.relation = i.indexrelid)
            THEN c.relpages::int8 * pg_catalog.current_setting('block_size')::int8
        ELSE pg_catalog.pg_relation_size(i.indexrelid)
    END AS size,
    pg_catalog.pg_stat_get_numscans(i.indexrelid),
    pg_catalog.pg_stat_get_tuples_returned(i.indexrelid),
    NULL::timestamptz AS last_scan
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't'
    AND n.nspname <> 'information_schema'
    AND n.nspname NOT LIKE 'pg\_%'
ORDER BY i.indrelid, i.indexrelid
