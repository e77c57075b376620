-- The chain over the audit. Each seal holds a hash of one entry and of the seal before it, so that an entry that was changed,
-- removed or exchanged no longer fits; `querysmith-controller audit verify` checks all of it. Entries are sealed by a job and
-- not as they are written: whoever writes one holds locks of his own, and must not wait for everybody else who does.
CREATE TABLE audit_seal (
    position bigint PRIMARY KEY CHECK (position > 0),
    audit_id bigint NOT NULL UNIQUE REFERENCES audit,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    sealed_at timestamptz NOT NULL
);
CREATE TRIGGER audit_seal_is_append_only BEFORE UPDATE OR DELETE ON audit_seal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_seal_is_never_emptied BEFORE TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
