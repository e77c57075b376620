SELECT /* querysmith */
    c.relname::text AS name,
    i.indrelid::bigint AS table_oid,
    i.indisvalid AND i.indisready AND i.indislive AS usable,
    i.indisunique AS is_unique,
    m.amname = 'btree'
        AND i.indpred IS NULL
        AND i.indexprs IS NULL
        AND NOT EXISTS (
            SELECT
            FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) AS k (at)
            JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[k.at]
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.at]
            WHERE NOT o.opcdefault OR i.indcollation[k.at] <> a.attcollation
        ) AS plain,
    i.indnkeyatts AS key_count,
    ARRAY(
        SELECT u.number
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u (number, at)
        ORDER BY u.at
    ) AS columns,
    ARRAY(
        SELECT u.flags
        FROM unnest(i.indoption::int2[]) WITH ORDINALITY AS u (flags, at)
        ORDER BY u.at
    ) AS options,
    pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
    COALESCE(pg_catalog.pg_relation_size(i.indexrelid), 0) AS bytes,
    COALESCE(pg_catalog.pg_stat_get_numscans(i.indexrelid), 0) AS scans,
    CASE
        WHEN i.indisprimary OR i.indisunique OR i.indisexclusion THEN 'it enforces a constraint'
        WHEN EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid)
            THEN 'a constraint needs it'
        WHEN i.indisreplident THEN 'it is the table''s replica identity'
        WHEN i.indisclustered THEN 'the table is clustered by it'
        WHEN c.relispartition OR c.relkind = 'I' THEN 'it belongs to an index of a partitioned table'
        WHEN c.reltablespace <> 0 THEN 'it is in a tablespace of its own'
        WHEN c.reloptions IS NOT NULL THEN 'it has storage parameters'
        WHEN EXISTS (
            SELECT
            FROM pg_catalog.pg_description AS d
            WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = i.indexrelid
        ) THEN 'it has a comment'
        WHEN EXISTS (
            SELECT
            FROM pg_catalog.pg_depend AS d
            WHERE (d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = i.indexrelid)
                OR (d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
                    AND d.deptype IN ('e', 'x'))
        ) THEN 'something depends on it'
    END AS holds
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
WHERE i.indrelid = $1::bigint::oid OR i.indexrelid = $2::bigint::oid
ORDER BY c.relname
