SELECT /* querysmith */
    n.nspname::text AS schema,
    e.stxname::text AS name,
    e.stxrelid::bigint AS table_oid,
    ARRAY(SELECT unnest(e.stxkeys::int2[])) AS columns,
    e.stxkind::text[] @> ARRAY['d', 'f', 'm'] AND NOT e.stxkind::text[] @> ARRAY['e'] AS whole,
    pg_catalog.pg_get_statisticsobjdef(e.oid) AS definition
FROM pg_catalog.pg_statistic_ext AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.stxnamespace
WHERE e.stxrelid = $1::bigint::oid OR n.nspname = $2 AND e.stxname = $3
ORDER BY n.nspname, e.stxname
