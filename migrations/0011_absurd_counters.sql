-- Two counters at their limit are added up without an error: whatever reads the sums reads those of everybody else too.

CREATE OR REPLACE VIEW minute_sums AS
SELECT instance_id, statement_id, minute AS at, calls, row_count, total_ms, sum_squares_ms2, blocks_hit, blocks_read,
       LEAST(temp_blocks_read, 4000000000000000000) + LEAST(temp_blocks_written, 4000000000000000000) AS temp_blocks,
       wal_bytes
FROM query_stats_minute;

CREATE OR REPLACE VIEW hour_sums AS
SELECT instance_id, statement_id, hour AS at, calls, row_count, total_ms, sum_squares_ms2, blocks_hit, blocks_read,
       LEAST(temp_blocks_read, 4000000000000000000) + LEAST(temp_blocks_written, 4000000000000000000) AS temp_blocks,
       wal_bytes
FROM query_stats_hour;
