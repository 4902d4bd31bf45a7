-- One date for all that a client may still do as older clients do.

-- +goose Up
ALTER TABLE oauth_clients RENAME COLUMN body_secret_until TO legacy_until;

-- +goose Down
ALTER TABLE oauth_clients RENAME COLUMN legacy_until TO body_secret_until;
