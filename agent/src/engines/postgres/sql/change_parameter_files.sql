-- What the files say, line by line, and then what they no longer say although it is in force.
SELECT /* querysmith */
    coalesce(f.name, '') AS name,
    f.setting,
    f.applied,
    f.error IS NOT NULL AS has_error,
    concat_ws(':', pg_catalog.regexp_replace(f.sourcefile, '^.*/', ''), f.sourceline) AS place,
    coalesce(f.sourcefile, '') LIKE '%/postgresql.auto.conf' AS by_alter_system,
    coalesce(f.sourcefile, '') LIKE '%/postgresql.base.conf' AS of_patroni,
    s.setting AS in_force,
    s.vartype,
    s.unit,
    s.context,
    s.source
FROM pg_catalog.pg_file_settings AS f
LEFT JOIN pg_catalog.pg_settings AS s ON pg_catalog.lower(s.name) = pg_catalog.lower(f.name)
UNION ALL
SELECT s.name, NULL, true, false, '', false, false, s.setting, s.vartype, s.unit, s.context, s.source
FROM pg_catalog.pg_settings AS s
WHERE s.source = 'configuration file'
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_file_settings AS f
        WHERE pg_catalog.lower(f.name) = pg_catalog.lower(s.name)
    )
