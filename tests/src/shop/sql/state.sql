WITH key AS (
    SELECT
        i.indexrelid,
        i.indexrelid::regclass::text AS index,
        i.indrelid::regclass::text AS table,
        ARRAY(
            SELECT a.attname::text
            FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
            LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            ORDER BY k.place
        ) AS columns
    FROM pg_index i
    WHERE i.indisvalid
      AND i.indpred IS NULL
      AND i.indrelid IN ('orders'::regclass, 'order_items'::regclass, 'payments'::regclass)
)
SELECT
    (
        SELECT min(key.index)
        FROM key
        WHERE key.table = 'orders'
          AND key.columns[1:2] IN (ARRAY['warehouse_id', 'status'], ARRAY['status', 'warehouse_id'])
    ) AS hot_lookup_served_by,
    pg_stat_get_mod_since_analyze('supplier_prices'::regclass) AS changes_since_analyze,
    (
        SELECT CASE WHEN s.n_distinct < 0 THEN -1 / s.n_distinct ELSE c.reltuples / s.n_distinct END::double precision
        FROM pg_stats s, pg_class c
        WHERE c.oid = 'supplier_prices'::regclass
          AND s.schemaname = 'public'
          AND s.tablename = 'supplier_prices'
          AND s.attname = 'delivery'
    ) AS rows_expected_per_delivery,
    ARRAY(
        SELECT key.index
        FROM key
        WHERE key.table = 'payments' AND key.columns = ARRAY['order_id']
        ORDER BY key.index
    ) AS payment_indexes,
    (
        SELECT min(key.index)
        FROM key
        WHERE key.table = 'order_items' AND key.columns[1] = 'order_id'
    ) AS order_lines_served_by
