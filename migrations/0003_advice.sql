-- Findings, proposals, changes, and what came of them.

CREATE TABLE finding (
    finding_id uuid PRIMARY KEY,
    instance_id uuid NOT NULL REFERENCES instance (instance_id) ON DELETE CASCADE,
    kind text NOT NULL,
    severity text NOT NULL,
    statement_id bigint,
    database text NOT NULL DEFAULT '',
    object text,
    title text NOT NULL,
    summary text NOT NULL,
    advice text NOT NULL,
    evidence jsonb NOT NULL,
    evidence_digest text NOT NULL DEFAULT '',
    time_share double precision,
    lost_ms_per_hour double precision,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_reason text,
    reopened integer NOT NULL DEFAULT 0
);
CREATE INDEX finding_instance ON finding (instance_id, resolved_at);

CREATE TABLE proposal (
    proposal_id uuid PRIMARY KEY,
    instance_id uuid NOT NULL REFERENCES instance (instance_id) ON DELETE CASCADE,
    kind text NOT NULL,
    state text NOT NULL,
    title text NOT NULL,
    reason text NOT NULL,
    change_id uuid NOT NULL UNIQUE,
    what jsonb NOT NULL,
    -- What it would do, without the names of what it would make: only one proposal of it waits at a time.
    subject text NOT NULL,
    limits jsonb NOT NULL,
    system_identifier text NOT NULL,
    sql jsonb NOT NULL,
    digest bytea NOT NULL,
    evidence jsonb NOT NULL,
    evidence_digest text NOT NULL,
    -- The prediction as it was made. Never updated: the measurement stands in outcome.
    draft jsonb NOT NULL,
    simulated boolean NOT NULL,
    model_version integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    decision_reason text
);
CREATE INDEX proposal_instance ON proposal (instance_id, state);
CREATE UNIQUE INDEX proposal_waits_once ON proposal (instance_id, subject) WHERE state = 'waiting';

CREATE TABLE proposal_finding (
    proposal_id uuid NOT NULL REFERENCES proposal (proposal_id) ON DELETE CASCADE,
    finding_id uuid NOT NULL REFERENCES finding (finding_id) ON DELETE CASCADE,
    PRIMARY KEY (proposal_id, finding_id)
);
CREATE INDEX proposal_finding_finding ON proposal_finding (finding_id);

-- A mirror: the agent's journal is the truth.
CREATE TABLE change (
    change_id uuid PRIMARY KEY,
    proposal_id uuid NOT NULL REFERENCES proposal (proposal_id),
    instance_id uuid NOT NULL REFERENCES instance (instance_id) ON DELETE CASCADE,
    kind text NOT NULL,
    title text NOT NULL,
    what jsonb NOT NULL,
    state text NOT NULL,
    state_since timestamptz NOT NULL,
    object_name text,
    created_at timestamptz NOT NULL,
    offered_at timestamptz,
    -- When the agent began to work on the database.
    applied_at timestamptz,
    -- When it was first read back from the database as intended.
    verified_at timestamptz,
    ended_at timestamptz,
    -- What the controller wants done next and has not been told is journalled: none, apply, undo, confirm.
    wanted text NOT NULL DEFAULT 'none',
    wanted_reason text,
    wanted_by text,
    attempts integer NOT NULL DEFAULT 0,
    effect jsonb,
    effect_at timestamptz,
    verdict text,
    -- When the measurement was done with, and the end of the trial was asked for.
    trial_decided_at timestamptz
);
CREATE INDEX change_instance ON change (instance_id, state);

CREATE TABLE change_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id uuid NOT NULL REFERENCES change (change_id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    actor text NOT NULL,
    state text NOT NULL,
    detail text NOT NULL,
    sql text,
    duration_ms bigint,
    observed text
);
CREATE INDEX change_event_change ON change_event (change_id, event_id);

CREATE TABLE model (
    version integer PRIMARY KEY,
    made_at timestamptz NOT NULL,
    trained_on integer NOT NULL,
    body jsonb NOT NULL
);

-- Predicted and realised, once for each change, never updated.
CREATE TABLE outcome (
    change_id uuid PRIMARY KEY REFERENCES change (change_id) ON DELETE CASCADE,
    instance_id uuid NOT NULL,
    kind text NOT NULL,
    model_version integer NOT NULL,
    predicted jsonb,
    realised jsonb NOT NULL,
    covered boolean,
    accuracy double precision,
    verdict text NOT NULL,
    measured_at timestamptz NOT NULL,
    body jsonb NOT NULL
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER outcome_is_final BEFORE UPDATE ON outcome FOR EACH ROW EXECUTE FUNCTION refuse_change();
