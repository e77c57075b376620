SELECT /* querysmith */
    i.dealloc,
    i.stats_reset,
    pg_catalog.clock_timestamp() AS server_time
FROM pg_stat_statements_info AS i
