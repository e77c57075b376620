-- What a person who sets a parameter needs to know of it. Until its agent has told, it counts as one that takes text, which is never set.
ALTER TABLE setting
    ADD COLUMN value_type text NOT NULL DEFAULT 'string',
    ADD COLUMN choices jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN by_alter_system boolean NOT NULL DEFAULT false;
