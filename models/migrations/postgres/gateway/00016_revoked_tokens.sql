-- Access tokens that their clients have revoked, until they expire.

-- +goose Up
CREATE TABLE revoked_tokens (
    client_id  text NOT NULL,
    id_digest  bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, id_digest)
);
CREATE INDEX revoked_tokens_expiry ON revoked_tokens (expires_at);

-- +goose Down
DROP TABLE revoked_tokens;
