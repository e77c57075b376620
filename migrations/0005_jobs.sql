-- How the controller's own jobs are doing.

CREATE TABLE job (
    name text PRIMARY KEY,
    schedule text NOT NULL,
    last_started_at timestamptz,
    last_finished_at timestamptz,
    last_duration_ms double precision,
    last_error text,
    runs bigint NOT NULL DEFAULT 0,
    failures bigint NOT NULL DEFAULT 0
);
