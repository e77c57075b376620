SELECT /* querysmith */
    e.extname::text,
    e.extversion,
    n.nspname::text,
    v.default_version
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
LEFT JOIN pg_catalog.pg_available_extensions AS v ON v.name = e.extname
WHERE e.extname IN ('pg_stat_statements', 'hypopg')
