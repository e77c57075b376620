SELECT /* querysmith */
    p.parameter_types::text[]
FROM pg_catalog.pg_prepared_statements AS p
WHERE p.name = $1
