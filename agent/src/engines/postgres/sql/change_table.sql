SELECT /* querysmith */
    c.oid::bigint AS oid,
    c.relkind::text AS kind,
    c.relpersistence::text AS persistence,
    pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
    current_user::text AS role,
    pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owns,
    pg_catalog.pg_has_role(c.relowner, $3) AS may_become_owner,
    pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS may_create,
    pg_catalog.has_schema_privilege(c.relowner, n.oid, 'CREATE') AS owner_may_create,
    pg_catalog.pg_has_role(d.datdba, 'USAGE') AS owns_database,
    CASE
        WHEN c.reltuples < 0 OR c.relpages = 0 THEN NULL
        ELSE c.reltuples::double precision / c.relpages
    END AS rows_per_page,
    pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint AS pages,
    pg_catalog.pg_table_size(c.oid) AS bytes,
    (EXTRACT(EPOCH FROM s.last_analyze) * 1000000)::bigint AS last_analyze,
    COALESCE(s.n_mod_since_analyze, 0) AS changed_since_analyze
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = c.oid
WHERE n.nspname = $1 AND c.relname = $2
