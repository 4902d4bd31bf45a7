-- Uploads that arrive in parts.

-- +goose Up
CREATE TABLE partial_files (
    id          text PRIMARY KEY,
    partner_id  text NOT NULL,
    tenant_id   text NOT NULL,
    client_id   text NOT NULL,
    call        text NOT NULL,
    media       text NOT NULL,
    length      bigint NOT NULL CHECK (length > 0),
    received    bigint NOT NULL DEFAULT 0 CHECK (received >= 0 AND received <= length),
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    tracking_id text NOT NULL DEFAULT '',
    location    text NOT NULL DEFAULT ''
);
CREATE INDEX partial_files_expiry ON partial_files (expires_at);
CREATE INDEX partial_files_owner ON partial_files (partner_id, tenant_id);

CREATE TABLE file_parts (
    file_id  text NOT NULL,
    position bigint NOT NULL,
    bytes    bytea NOT NULL,
    PRIMARY KEY (file_id, position)
);

-- +goose Down
DROP TABLE file_parts;
DROP TABLE partial_files;
