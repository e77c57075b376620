-- Who may do what, and who did.

CREATE TABLE account (
    account_id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'approver', 'admin')),
    disabled boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL
);

-- Tokens and session keys are stored as their SHA-256 only.
CREATE TABLE session (
    key_hash bytea PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account (account_id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE api_token (
    token_id uuid PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'approver', 'admin')),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);

-- The one-time code that makes the first account; gone once used.
CREATE TABLE setup_code (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    code_hash bytea NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL
);
CREATE INDEX audit_actor ON audit (actor, action, at);
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
