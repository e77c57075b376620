-- A store that was put back from a backup is older than what agents have obeyed: they say so, and get no orders until a person says to go
-- on (`querysmith-controller resume`), which begins a new epoch.

CREATE TABLE fencing (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    epoch bigint NOT NULL CHECK (epoch > 0)
);
INSERT INTO fencing (epoch) VALUES (1);

ALTER TABLE agent
    -- The newest record that it obeyed an order of, as it says.
    ADD COLUMN obeyed_epoch bigint,
    ADD COLUMN obeyed_position bigint,
    -- Since when that is known to be none of this store's.
    ADD COLUMN ahead_since timestamptz;
