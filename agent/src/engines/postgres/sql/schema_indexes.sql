SELECT /* querysmith */
    i.indrelid,
    i.indexrelid,
    ic.relname::text,
    pg_catalog.pg_get_indexdef(i.indexrelid),
    am.amname::text,
    pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate,
    i.indisunique,
    i.indisvalid AND i.indisready AND i.indislive AS valid,
    (
        SELECT k.conname::text
        FROM pg_catalog.pg_constraint AS k
        WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
        LIMIT 1
    ) AS constraint_name,
    i.indisreplident OR (i.indisprimary AND c.relreplident = 'd') AS replica_identity
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_am AS am ON am.oid = ic.relam
WHERE i.indrelid = ANY ($1)
ORDER BY i.indrelid, ic.relname
