SELECT /* querysmith */
    a.attrelid,
    a.attname::text,
    pg_catalog.format_type(a.atttypid, a.atttypmod),
    a.attnotnull,
    NULLIF(a.attstattarget, -1)::integer
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
