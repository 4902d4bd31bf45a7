-- Claims on factory records: what the answer tells the factory, and guesses.

-- +goose Up

-- The record that a registration rests on, as JSON; empty for a device that no factory
-- reported. It stands with the answer, so that a repetition tells the same.
ALTER TABLE answers ADD COLUMN record TEXT NOT NULL DEFAULT '';

-- Product key ids that a partner named and that no known device states. The key is
-- that of identity_keys.
CREATE TABLE missed_keys (
    partner_id TEXT     NOT NULL,
    key        INTEGER  NOT NULL,
    missed_at  DATETIME NOT NULL,
    PRIMARY KEY (partner_id, key)
) WITHOUT ROWID;
CREATE INDEX missed_keys_age ON missed_keys (partner_id, missed_at);

-- +goose Down
DROP TABLE missed_keys;
ALTER TABLE answers DROP COLUMN record;
