-- Trials by switchback: what the agent did in them, what was measured, and pauses.

ALTER TABLE change_event
    ADD COLUMN trial_step jsonb;
ALTER TABLE change
    -- What was found so far, and what comes next.
    ADD COLUMN switchback jsonb,
    -- No pair is to begin before this; told to the agent once pause_told_until is the same.
    ADD COLUMN pause_until timestamptz,
    ADD COLUMN pause_reason text,
    ADD COLUMN pause_told_until timestamptz;
