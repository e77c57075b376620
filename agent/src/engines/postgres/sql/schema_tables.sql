SELECT /* querysmith */
    c.oid,
    n.nspname::text,
    c.relname::text,
    c.relkind::text,
    c.relispartition,
    EXISTS (
        SELECT
        FROM pg_catalog.unnest(c.reloptions) AS o (option)
        WHERE o.option IN ('autovacuum_enabled=false', 'autovacuum_enabled=off', 'autovacuum_enabled=0', 'autovacuum_enabled=no')
    ) AS autovacuum_off
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1)
ORDER BY c.oid
