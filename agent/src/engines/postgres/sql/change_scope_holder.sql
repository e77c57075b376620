SELECT /* querysmith */
    COALESCE(l.pid, 0) AS pid,
    COALESCE(u.rolname::text, 'nobody, a prepared transaction') AS role,
    COALESCE(u.rolname = SESSION_USER, l.pid IS NOT NULL) AS is_same_role,
    COALESCE(a.application_name, '') AS application_name,
    COALESCE(a.state, '') AS state
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_database AS d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
LEFT JOIN pg_catalog.pg_roles AS u ON u.oid = a.usesysid
WHERE l.locktype = 'advisory'
    AND l.granted
    AND l.objsubid = 1
    AND l.classid::bigint = $1
    AND l.objid::bigint = $2
ORDER BY is_same_role DESC
LIMIT 1
