-- Clients that send their secret in the body, until a day.

-- +goose Up
ALTER TABLE oauth_clients ADD COLUMN body_secret_until timestamptz;

-- +goose Down
ALTER TABLE oauth_clients DROP COLUMN body_secret_until;
