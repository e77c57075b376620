SELECT /* querysmith */
    d.stats_reset
FROM pg_catalog.pg_stat_database AS d
WHERE d.datname = pg_catalog.current_database()
