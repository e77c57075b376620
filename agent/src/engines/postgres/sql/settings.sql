SELECT /* querysmith */
    s.name,
    CASE WHEN s.source = 'session' THEN s.reset_val ELSE s.setting END AS value,
    s.unit,
    CASE
        WHEN s.source <> 'session' THEN s.source
        WHEN s.reset_val IS NOT DISTINCT FROM s.boot_val THEN 'default'
        ELSE 'configuration file'
    END AS source,
    s.context,
    s.boot_val,
    s.min_val,
    s.max_val,
    s.pending_restart,
    s.vartype,
    s.enumvals,
    coalesce(s.sourcefile, '') LIKE '%/postgresql.auto.conf' AS by_alter_system
FROM pg_catalog.pg_settings AS s
WHERE s.source NOT IN ('client', 'user', 'database user')
ORDER BY s.name
LIMIT 5000
