SELECT /* querysmith */
    r.oid,
    r.rolname::text
FROM pg_catalog.pg_roles AS r
WHERE r.oid = ANY ($1)
