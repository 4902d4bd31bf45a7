-- Who froze a client: what an operator has stopped its owner cannot start again.

-- +goose Up
ALTER TABLE oauth_clients ADD COLUMN frozen_by text CHECK (frozen_by IN ('partner', 'operator'));
UPDATE oauth_clients SET frozen_by = 'operator' WHERE state = 'frozen';

-- +goose Down
ALTER TABLE oauth_clients DROP COLUMN frozen_by;
