-- Sums by hour, so that a month is read as quickly as an hour; made from the sums by minute once an hour is over.

CREATE TABLE query_stats_hour (
    instance_id uuid NOT NULL,
    statement_id bigint NOT NULL,
    hour timestamptz NOT NULL,
    calls bigint NOT NULL,
    row_count bigint NOT NULL,
    total_ms double precision NOT NULL,
    sum_squares_ms2 double precision NOT NULL,
    blocks_hit bigint NOT NULL,
    blocks_read bigint NOT NULL,
    temp_blocks_read bigint NOT NULL,
    temp_blocks_written bigint NOT NULL,
    io_ms double precision NOT NULL,
    wal_bytes bigint NOT NULL,
    PRIMARY KEY (instance_id, statement_id, hour)
) PARTITION BY RANGE (hour);
CREATE TABLE query_stats_hour_default PARTITION OF query_stats_hour DEFAULT;
CREATE INDEX query_stats_hour_time ON query_stats_hour (instance_id, hour);

-- How complete the statistics of an hour are: the windows themselves are kept for days only.
CREATE TABLE stats_hour (
    instance_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    covered_s double precision NOT NULL,
    evictions bigint NOT NULL,
    capacity integer NOT NULL,
    was_reset boolean NOT NULL,
    PRIMARY KEY (instance_id, hour)
);

-- Hours whose sums have to be made anew, because a minute of them was: written in the transaction of the
-- minute, taken in the transaction of the hour. The hour that is not over yet stands here too.
CREATE TABLE hour_due (
    instance_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (instance_id, hour)
);

-- What is stored already: every hour of every server, back to its first minute.
INSERT INTO hour_due (instance_id, hour, noted_at)
SELECT instance.instance_id, hour, now()
FROM instance
CROSS JOIN LATERAL (
    SELECT min(minute) AS minute
    FROM query_stats_minute
    WHERE query_stats_minute.instance_id = instance.instance_id
) AS first
CROSS JOIN generate_series(date_trunc('hour', first.minute, 'UTC'), now(), interval '1 hour') AS hour;

-- Sums by minute, and by hour, under the same names.
CREATE VIEW minute_sums AS
SELECT instance_id, statement_id, minute AS at, calls, row_count, total_ms, sum_squares_ms2, blocks_hit,
       blocks_read, temp_blocks_read + temp_blocks_written AS temp_blocks, wal_bytes
FROM query_stats_minute;

CREATE VIEW hour_sums AS
SELECT instance_id, statement_id, hour AS at, calls, row_count, total_ms, sum_squares_ms2, blocks_hit,
       blocks_read, temp_blocks_read + temp_blocks_written AS temp_blocks, wal_bytes
FROM query_stats_hour;

-- For how much of the time statistics came, by window and by hour. A window counts where it ends, as its rows do.
CREATE VIEW window_coverage AS
SELECT instance_id, window_end AS at, window_end AS ends_at,
       extract(epoch FROM window_end - window_start)::float8 AS covered_s, evictions, capacity, was_reset
FROM stats_window;

CREATE VIEW hour_coverage AS
SELECT instance_id, hour AS at, hour + interval '1 hour' AS ends_at, covered_s, evictions, capacity, was_reset
FROM stats_hour;

-- Hours of a stretch that are due: they are read from their minutes, so no answer depends on what is summed already.
CREATE FUNCTION due_between(instances uuid[], hours_from timestamptz, hours_to timestamptz)
RETURNS SETOF hour_due LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT *
    FROM hour_due
    WHERE instance_id = ANY (instances)
      AND hour >= hours_from
      AND hour < hours_to
$$;

-- What statements did from from_at to to_at: by hour from hours_from to hours_to, by minute around that.
-- The planner puts the body in the place of the call: only the days that are asked for are read, by several workers.
CREATE FUNCTION sums_between(
    instances uuid[],
    from_at timestamptz,
    hours_from timestamptz,
    hours_to timestamptz,
    to_at timestamptz
) RETURNS SETOF minute_sums LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT *
    FROM hour_sums
    WHERE instance_id = ANY (instances)
      AND at >= hours_from
      AND at < hours_to
      AND (instance_id, at) NOT IN (
          SELECT due.instance_id, due.hour
          FROM due_between(instances, hours_from, hours_to) AS due
      )
    UNION ALL
    SELECT minutes.*
    FROM due_between(instances, hours_from, hours_to) AS due
    CROSS JOIN LATERAL (
        SELECT *
        FROM minute_sums
        WHERE minute_sums.instance_id = due.instance_id
          AND minute_sums.at >= due.hour
          AND minute_sums.at < due.hour + interval '1 hour'
          AND minute_sums.at >= hours_from
          AND minute_sums.at < hours_to
        OFFSET 0 -- one hour after the other by the index: few are due
    ) AS minutes
    UNION ALL
    SELECT *
    FROM minute_sums
    WHERE instance_id = ANY (instances)
      AND at >= from_at
      AND at < hours_from
    UNION ALL
    SELECT *
    FROM minute_sums
    WHERE instance_id = ANY (instances)
      AND at >= hours_to
      AND at < to_at
$$;

-- For how much of the same time statistics came.
CREATE FUNCTION coverage_between(
    instances uuid[],
    from_at timestamptz,
    hours_from timestamptz,
    hours_to timestamptz,
    to_at timestamptz
) RETURNS SETOF window_coverage LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT *
    FROM hour_coverage
    WHERE instance_id = ANY (instances)
      AND at >= hours_from
      AND at < hours_to
      AND (instance_id, at) NOT IN (
          SELECT due.instance_id, due.hour
          FROM due_between(instances, hours_from, hours_to) AS due
      )
    UNION ALL
    SELECT windows.*
    FROM due_between(instances, hours_from, hours_to) AS due
    JOIN window_coverage AS windows
        ON windows.instance_id = due.instance_id
        AND windows.at >= due.hour
        AND windows.at < due.hour + interval '1 hour'
    UNION ALL
    SELECT *
    FROM window_coverage
    WHERE instance_id = ANY (instances)
      AND at >= from_at
      AND at < hours_from
    UNION ALL
    SELECT *
    FROM window_coverage
    WHERE instance_id = ANY (instances)
      AND at >= hours_to
      AND at < to_at
$$;
