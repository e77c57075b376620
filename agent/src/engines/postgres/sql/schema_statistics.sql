SELECT /* querysmith */
    s.schemaname::text,
    s.tablename::text,
    s.attname::text,
    s.inherited,
    s.null_frac,
    s.n_distinct,
    s.avg_width,
    s.correlation,
    s.most_common_freqs[1]
FROM pg_catalog.pg_stats AS s
WHERE s.schemaname = ANY ($1::name[]) AND s.tablename = ANY ($2::name[])
