SELECT /* querysmith */
    s.userid,
    s.dbid,
    s.queryid,
    true AS toplevel,
    pg_catalog.left(s.query, $2) AS query
FROM pg_stat_statements(true) AS s
WHERE s.queryid = ANY ($1)
