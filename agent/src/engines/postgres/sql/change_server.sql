SELECT /* querysmith */
    (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system_identifier,
    pg_catalog.pg_is_in_recovery() AS in_recovery,
    (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory') AS data_directory
