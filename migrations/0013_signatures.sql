-- Approvals by signature, for hosts that take nobody's word.

ALTER TABLE instance
    -- Whose signatures changes need there, as the host says: names and keys. Empty where none are needed.
    ADD COLUMN approvers jsonb NOT NULL DEFAULT '[]';

ALTER TABLE change
    -- Said by the agent of an order that too few signed. It isn't sent again before there is one more.
    ADD COLUMN signatures_needed smallint,
    ADD COLUMN missing_signatures text;

CREATE TABLE signature (
    change_id uuid NOT NULL REFERENCES change (change_id) ON DELETE CASCADE,
    -- What was signed: that it is done, or that it is taken back once it was kept.
    purpose text NOT NULL CHECK (purpose IN ('apply', 'undo')),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    signature bytea NOT NULL CHECK (length(signature) = 64),
    account text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (change_id, purpose, public_key)
);
CREATE TRIGGER signature_is_final BEFORE UPDATE ON signature FOR EACH ROW EXECUTE FUNCTION refuse_change();
