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
    ) AS options
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
WHERE i.indrelid = $1::bigint::oid OR i.indexrelid = $2::bigint::oid
ORDER BY c.relname
