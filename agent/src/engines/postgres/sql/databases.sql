SELECT /* querysmith */
    d.oid,
    d.datname::text,
    pg_catalog.has_database_privilege(d.oid, 'CONNECT') AS may_connect
FROM pg_catalog.pg_database AS d
WHERE d.datallowconn AND NOT d.datistemplate
ORDER BY d.datname
LIMIT 1000
