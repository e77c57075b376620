SELECT /* querysmith */
    s.inherited,
    (s.most_common_vals::text::text[])[1:100] AS common_values,
    s.most_common_freqs[1:100] AS common_frequencies,
    ARRAY (
        SELECT (s.histogram_bounds::text::text[])[
            1 + (pg_catalog.array_length(s.histogram_bounds::text::text[], 1) - 1) * q.twentieth / 20
        ]
        FROM pg_catalog.generate_series(0, 20) AS q (twentieth)
        WHERE s.histogram_bounds IS NOT NULL
        ORDER BY q.twentieth
    ) AS quantiles
FROM pg_catalog.pg_stats AS s
WHERE s.schemaname = $1::name AND s.tablename = $2::name AND s.attname = $3::name
ORDER BY s.inherited
LIMIT 1
