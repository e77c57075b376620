SELECT /* querysmith */
    CURRENT_USER::text AS role,
    o.rolname::text AS owner,
    (
        SELECT r.rolname::text
        FROM pg_catalog.pg_roles AS r
        WHERE pg_catalog.pg_has_role(o.oid, r.oid, 'MEMBER')
            AND (
                r.rolsuper
                OR r.rolcreaterole
                OR r.rolreplication
                OR r.rolbypassrls
                OR r.rolname LIKE 'pg\_%'
                AND (
                    r.oid = o.oid
                    OR r.rolname NOT IN (
                        'pg_monitor', 'pg_database_owner', 'pg_read_all_settings', 'pg_read_all_stats', 'pg_stat_scan_tables'
                    )
                )
            )
        ORDER BY r.oid <> o.oid, r.rolname
        LIMIT 1
    ) AS power,
    count(*) AS tables,
    pg_catalog.current_setting('server_version_num')::int4 >= 160000 AS can_set_only
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
WHERE c.relkind IN ('r', 'p', 'm')
    AND c.relpersistence = 'p'
    AND n.nspname <> 'information_schema'
    AND n.nspname NOT LIKE 'pg\_%'
    AND NOT pg_catalog.pg_has_role(c.relowner, 'MEMBER')
GROUP BY o.rolname, o.oid
ORDER BY count(*) DESC
LIMIT 50
