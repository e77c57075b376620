-- What is left of a change's time on trial, by the agent's last word, and whether a person holds the verdict.

ALTER TABLE change
    ADD COLUMN lease_until timestamptz,
    ADD COLUMN trial_until timestamptz,
    ADD COLUMN held_at timestamptz,
    ADD COLUMN held_by text,
    ADD COLUMN held_reason text;
