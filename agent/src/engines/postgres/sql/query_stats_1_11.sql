SELECT /* querysmith */
    s.userid,
    s.dbid,
    s.queryid,
    s.toplevel AS toplevel,
    s.calls,
    s.rows,
    s.total_exec_time,
    s.mean_exec_time,
    s.stddev_exec_time,
    s.shared_blks_hit + s.local_blks_hit AS blocks_hit,
    s.shared_blks_read + s.local_blks_read AS blocks_read,
    s.shared_blks_dirtied + s.local_blks_dirtied AS blocks_dirtied,
    s.shared_blks_written + s.local_blks_written AS blocks_written,
    s.temp_blks_read,
    s.temp_blks_written,
    s.shared_blk_read_time + s.shared_blk_write_time + s.local_blk_read_time + s.local_blk_write_time
        + s.temp_blk_read_time + s.temp_blk_write_time AS io_ms,
    s.wal_bytes::int8,
    s.stats_since AS stats_since
FROM pg_stat_statements(false) AS s
