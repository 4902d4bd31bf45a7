-- How much a client proves of itself.

-- +goose Up
ALTER TABLE oauth_clients ADD COLUMN profile TEXT NOT NULL DEFAULT 'standard' CHECK (profile IN ('strict', 'standard', 'legacy'));
UPDATE oauth_clients SET profile = 'legacy' WHERE auth_method = 'client_secret_basic';

-- +goose Down
ALTER TABLE oauth_clients DROP COLUMN profile;
