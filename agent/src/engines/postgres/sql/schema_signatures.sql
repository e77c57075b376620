SELECT /* querysmith */
    c.oid,
    pg_catalog.hashtext(c.xmin::text || n.nspname::text)::int8
    + COALESCE((
        SELECT sum(pg_catalog.hashtext(a.xmin::text || '.' || a.attnum::text)::int8)
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0
    ), 0)::int8
    + COALESCE((
        SELECT sum(pg_catalog.hashtext(i.xmin::text || '.' || ic.xmin::text || '.' || i.indexrelid::text)::int8)
        FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
        WHERE i.indrelid = c.oid
    ), 0)::int8
    + COALESCE((
        SELECT sum(pg_catalog.hashtext(k.xmin::text || '.' || k.oid::text)::int8)
        FROM pg_catalog.pg_constraint AS k
        WHERE k.conrelid = c.oid
    ), 0)::int8
    + pg_catalog.hashtext(
        COALESCE(pg_catalog.pg_stat_get_last_analyze_time(c.oid)::text, '')
        || COALESCE(pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)::text, '')
    )::int8 AS signature
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm')
    AND c.relpersistence <> 't'
    AND n.nspname <> 'information_schema'
    AND n.nspname NOT LIKE 'pg\_%'
ORDER BY c.relpages DESC, c.oid
LIMIT 200000
