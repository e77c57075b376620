-- Observations. Series are partitioned by day and lead with the instance in every key, so that they
-- can be dropped by age and distributed by instance. The controller makes the days' partitions; what
-- comes for a day that has none yet waits in the default partition.

CREATE TABLE statement (
    instance_id uuid NOT NULL REFERENCES instance (instance_id) ON DELETE CASCADE,
    statement_id bigint NOT NULL,
    query_id bigint,
    database text NOT NULL DEFAULT '',
    user_name text NOT NULL DEFAULT '',
    top_level boolean NOT NULL DEFAULT true,
    text text,
    truncated boolean NOT NULL DEFAULT false,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (instance_id, statement_id)
);

CREATE TABLE query_stats (
    instance_id uuid NOT NULL,
    statement_id bigint NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    calls bigint NOT NULL,
    row_count bigint NOT NULL,
    total_ms double precision NOT NULL,
    sum_squares_ms2 double precision NOT NULL,
    blocks_hit bigint NOT NULL,
    blocks_read bigint NOT NULL,
    blocks_dirtied bigint NOT NULL,
    blocks_written bigint NOT NULL,
    temp_blocks_read bigint NOT NULL,
    temp_blocks_written bigint NOT NULL,
    io_ms double precision NOT NULL,
    wal_bytes bigint NOT NULL
) PARTITION BY RANGE (window_end);
CREATE TABLE query_stats_default PARTITION OF query_stats DEFAULT;
-- A block-range index: rows arrive in order of time, and a b-tree would halve the rate of ingest.
CREATE INDEX query_stats_time ON query_stats USING brin (window_end, instance_id);

-- Sums by minute, for pages and detectors; rolled up by the controller from what arrived.
CREATE TABLE query_stats_minute (
    instance_id uuid NOT NULL,
    statement_id bigint NOT NULL,
    minute timestamptz NOT NULL,
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
    PRIMARY KEY (instance_id, statement_id, minute)
) PARTITION BY RANGE (minute);
CREATE TABLE query_stats_minute_default PARTITION OF query_stats_minute DEFAULT;
CREATE INDEX query_stats_minute_time ON query_stats_minute (instance_id, minute);

-- Minutes whose sums have to be made anew, because rows for them were stored: written in the same
-- transaction as the rows, taken in the same transaction as the sums. A minute may stand here often.
CREATE TABLE rollup_due (
    due_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_id uuid NOT NULL,
    minute timestamptz NOT NULL
);

-- How complete each window of statistics is.
CREATE TABLE stats_window (
    instance_id uuid NOT NULL,
    window_end timestamptz NOT NULL,
    window_start timestamptz NOT NULL,
    row_count integer NOT NULL,
    tracked integer NOT NULL,
    capacity integer NOT NULL,
    evictions bigint NOT NULL,
    was_reset boolean NOT NULL,
    PRIMARY KEY (instance_id, window_end)
);

CREATE TABLE plan (
    instance_id uuid NOT NULL,
    statement_id bigint NOT NULL,
    origin text NOT NULL,
    shape_hash bigint NOT NULL,
    plan jsonb NOT NULL,
    total_cost double precision NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (instance_id, statement_id, origin, shape_hash)
);

-- Why a statement has no plan.
CREATE TABLE plan_problem (
    instance_id uuid NOT NULL,
    statement_id bigint NOT NULL,
    problem text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (instance_id, statement_id)
);

-- Structure of tables as the agent last described it (shared::observation::schema::Table as JSON).
CREATE TABLE schema_table (
    instance_id uuid NOT NULL REFERENCES instance (instance_id) ON DELETE CASCADE,
    database text NOT NULL,
    table_oid bigint NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    structure jsonb NOT NULL,
    first_seen_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (instance_id, database, table_oid)
);

-- Sizes and counters of tables as last reported (shared::observation::schema::TableActivity as JSON).
CREATE TABLE table_usage (
    instance_id uuid NOT NULL REFERENCES instance (instance_id) ON DELETE CASCADE,
    database text NOT NULL,
    table_oid bigint NOT NULL,
    usage jsonb NOT NULL,
    stats_since timestamptz,
    read_at timestamptz NOT NULL,
    -- The reading before, of the same counters: their difference is a rate.
    previous_usage jsonb,
    previous_read_at timestamptz,
    PRIMARY KEY (instance_id, database, table_oid)
);

-- Indexes that came and went, seen from one description of the schema to the next.
CREATE TABLE index_history (
    instance_id uuid NOT NULL REFERENCES instance (instance_id) ON DELETE CASCADE,
    database text NOT NULL,
    index_oid bigint NOT NULL,
    table_oid bigint NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    index_name text NOT NULL,
    definition text NOT NULL,
    description jsonb NOT NULL,
    first_seen_at timestamptz NOT NULL,
    gone_at timestamptz,
    PRIMARY KEY (instance_id, database, index_oid)
);

CREATE TABLE setting (
    instance_id uuid NOT NULL REFERENCES instance (instance_id) ON DELETE CASCADE,
    name text NOT NULL,
    value text NOT NULL,
    unit text,
    source text NOT NULL,
    context text NOT NULL,
    boot_value text,
    min_value text,
    max_value text,
    pending_restart boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (instance_id, name)
);

CREATE TABLE host_sample (
    instance_id uuid NOT NULL,
    read_at timestamptz NOT NULL,
    cpu_fraction real NOT NULL,
    cpu_count integer NOT NULL,
    load1 real NOT NULL,
    memory_total_bytes bigint NOT NULL,
    memory_available_bytes bigint NOT NULL,
    disk_total_bytes bigint NOT NULL,
    disk_free_bytes bigint NOT NULL
) PARTITION BY RANGE (read_at);
CREATE TABLE host_sample_default PARTITION OF host_sample DEFAULT;
CREATE INDEX host_sample_time ON host_sample (instance_id, read_at);

CREATE TABLE activity_sample (
    instance_id uuid NOT NULL,
    read_at timestamptz NOT NULL,
    active integer NOT NULL,
    idle integer NOT NULL,
    idle_in_transaction integer NOT NULL,
    blocked integer NOT NULL,
    sample jsonb NOT NULL
) PARTITION BY RANGE (read_at);
CREATE TABLE activity_sample_default PARTITION OF activity_sample DEFAULT;
CREATE INDEX activity_sample_time ON activity_sample (instance_id, read_at);

-- Things worth a mark on a chart: restarts, resets, plan changes, indexes gone, our own changes.
CREATE TABLE mark (
    mark_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_id uuid NOT NULL REFERENCES instance (instance_id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    label text NOT NULL,
    statement_id bigint,
    change_id uuid
);
CREATE INDEX mark_time ON mark (instance_id, at);
