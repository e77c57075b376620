SELECT /* querysmith */
    k.conrelid,
    k.conname::text,
    k.contype::text,
    ARRAY (
        SELECT a.attname::text
        FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (attnum, position)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.attnum
        ORDER BY u.position
    ) AS columns,
    fn.nspname::text,
    f.relname::text
FROM pg_catalog.pg_constraint AS k
LEFT JOIN pg_catalog.pg_class AS f ON f.oid = k.confrelid
LEFT JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.relnamespace
WHERE k.conrelid = ANY ($1) AND k.contype IN ('p', 'u', 'f', 'c', 'x')
ORDER BY k.conrelid, k.conname
