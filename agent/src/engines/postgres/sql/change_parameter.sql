SELECT /* querysmith */
    s.vartype,
    s.unit,
    s.context,
    s.setting,
    s.source,
    current_user::text AS role,
    r.rolsuper AS is_superuser,
    pg_catalog.has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE') AS may_reload,
    pg_catalog.has_table_privilege('pg_catalog.pg_file_settings', 'SELECT')
        AND pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE') AS may_see_files,
    coalesce(pg_catalog.current_setting('allow_alter_system', true), 'on') <> 'off' AS alter_system_is_on,
    ARRAY(
        SELECT concat_ws(' in ', 'role ' || o.rolname, 'database ' || d.datname)
        FROM pg_catalog.pg_db_role_setting AS c
        LEFT JOIN pg_catalog.pg_roles AS o ON o.oid = c.setrole
        LEFT JOIN pg_catalog.pg_database AS d ON d.oid = c.setdatabase
        WHERE EXISTS (
            SELECT FROM pg_catalog.unnest(c.setconfig) AS entry
            WHERE pg_catalog.lower(pg_catalog.split_part(entry, '=', 1)) = s.name
        )
        ORDER BY 1
        LIMIT 20
    ) AS overrides
FROM pg_catalog.pg_settings AS s
CROSS JOIN pg_catalog.pg_roles AS r
WHERE s.name = $1 AND r.rolname = current_user
