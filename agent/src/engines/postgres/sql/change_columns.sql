SELECT /* querysmith */
    a.attnum AS number,
    a.attname::text AS name,
    COALESCE(s.avg_width, CASE WHEN a.attlen > 0 THEN a.attlen::integer ELSE 32 END) AS width,
    NULLIF(a.attstattarget, -1)::integer AS target
FROM pg_catalog.pg_attribute AS a
LEFT JOIN pg_catalog.pg_stats AS s
    ON s.schemaname = $2 AND s.tablename = $3 AND s.attname = a.attname AND NOT s.inherited
WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
