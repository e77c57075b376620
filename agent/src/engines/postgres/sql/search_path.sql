SELECT /* querysmith */
    COALESCE(
        (
            SELECT pg_catalog.substr(c.config, pg_catalog.length('search_path=') + 1)
            FROM pg_catalog.pg_db_role_setting AS s
            CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (config)
            LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
            LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
            WHERE c.config LIKE 'search\_path=%'
                AND (s.setrole = 0 OR r.rolname = $1)
                AND (s.setdatabase = 0 OR d.datname = pg_catalog.current_database())
            ORDER BY
                s.setrole <> 0 AND s.setdatabase <> 0 DESC,
                s.setrole <> 0 DESC,
                s.setdatabase <> 0 DESC
            LIMIT 1
        ),
        (
            SELECT p.reset_val
            FROM pg_catalog.pg_settings AS p
            WHERE p.name = 'search_path'
        )
    ) AS search_path
