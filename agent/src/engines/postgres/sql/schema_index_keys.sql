SELECT /* querysmith */
    i.indexrelid,
    COALESCE(a.attname::text, '(' || pg_catalog.pg_get_indexdef(i.indexrelid, u.position::int4, false) || ')') AS key,
    u.attnum = 0 AS expression,
    u.position > i.indnkeyatts AS included,
    COALESCE((i.indoption[u.position - 1] & 1) = 1, false) AS descending,
    COALESCE((i.indoption[u.position - 1] & 2) = 2, false) AS nulls_first,
    CASE WHEN NOT oc.opcdefault THEN oc.opcname::text END AS operator_class,
    CASE
        WHEN co.oid IS NOT NULL AND co.oid IS DISTINCT FROM a.attcollation AND co.collname <> 'default'
            THEN co.collname::text
    END AS collation
FROM pg_catalog.pg_index AS i
CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS u (attnum, position)
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = u.attnum AND u.attnum <> 0
LEFT JOIN pg_catalog.pg_opclass AS oc ON u.position <= i.indnkeyatts AND oc.oid = i.indclass[u.position - 1]
LEFT JOIN pg_catalog.pg_collation AS co
    ON u.position <= i.indnkeyatts AND co.oid = i.indcollation[u.position - 1]
WHERE i.indrelid = ANY ($1)
ORDER BY i.indexrelid, u.position
