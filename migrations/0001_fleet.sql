-- The fleet: who may speak to us, what they watch, and how far we have stored what they say.

CREATE TABLE agent (
    agent_id uuid PRIMARY KEY,
    host_name text NOT NULL,
    version text NOT NULL DEFAULT '',
    enrolled_at timestamptz NOT NULL,
    last_seen_at timestamptz,
    certificate_serial text,
    certificate_expires_at timestamptz,
    revoked_at timestamptz,
    revoked_reason text,
    cost jsonb,
    cost_at timestamptz
);

-- A secret is stored as its SHA-256 only.
CREATE TABLE join_token (
    secret_hash bytea PRIMARY KEY,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    note text NOT NULL DEFAULT '',
    used_at timestamptz,
    used_by uuid REFERENCES agent (agent_id) ON DELETE SET NULL
);

CREATE TABLE instance (
    instance_id uuid PRIMARY KEY,
    agent_id uuid NOT NULL REFERENCES agent (agent_id) ON DELETE CASCADE,
    name text NOT NULL,
    environment text NOT NULL DEFAULT '',
    engine text NOT NULL,
    version text NOT NULL DEFAULT '',
    version_major integer NOT NULL DEFAULT 0,
    system_identifier text,
    started_at timestamptz,
    in_recovery boolean NOT NULL DEFAULT false,
    databases text[] NOT NULL DEFAULT '{}',
    what_if boolean NOT NULL DEFAULT false,
    may_apply boolean NOT NULL DEFAULT false,
    first_seen_at timestamptz NOT NULL,
    last_report_at timestamptz,
    collectors jsonb NOT NULL DEFAULT '[]',
    collectors_at timestamptz
);
CREATE INDEX instance_agent ON instance (agent_id);

-- The highest report stored, for each agent, incarnation of its spool, and lane. Reports arrive in
-- order, so one number makes them count once however often they come.
CREATE TABLE ingest_watermark (
    agent_id uuid NOT NULL REFERENCES agent (agent_id) ON DELETE CASCADE,
    incarnation bigint NOT NULL,
    lane smallint NOT NULL,
    sequence bigint NOT NULL,
    reports bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (agent_id, incarnation, lane)
);

CREATE TABLE telemetry_gap (
    gap_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id uuid NOT NULL REFERENCES agent (agent_id) ON DELETE CASCADE,
    instance_id uuid,
    gap_from timestamptz NOT NULL,
    gap_to timestamptz NOT NULL,
    dropped_reports bigint NOT NULL,
    reason text NOT NULL
);
CREATE INDEX telemetry_gap_agent ON telemetry_gap (agent_id, gap_to);
