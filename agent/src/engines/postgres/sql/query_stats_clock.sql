SELECT /* querysmith */
    0::int8 AS dealloc,
    NULL::timestamptz AS stats_reset,
    pg_catalog.clock_timestamp() AS server_time
