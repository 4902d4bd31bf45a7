-- Clients that publish their public keys themselves.

-- +goose Up
ALTER TABLE oauth_clients ADD COLUMN jwks_uri TEXT;

-- +goose Down
ALTER TABLE oauth_clients DROP COLUMN jwks_uri;
