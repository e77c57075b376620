SELECT /* querysmith */
    pg_catalog.current_setting('data_directory', true)
