-- Uploads that arrive in parts.

-- +goose Up
CREATE TABLE partial_files (
    id          TEXT PRIMARY KEY,
    partner_id  TEXT NOT NULL,
    tenant_id   TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    call        TEXT NOT NULL,
    media       TEXT NOT NULL,
    length      INTEGER NOT NULL CHECK (length > 0),
    received    INTEGER NOT NULL DEFAULT 0 CHECK (received >= 0 AND received <= length),
    created_at  DATETIME NOT NULL,
    expires_at  DATETIME NOT NULL,
    tracking_id TEXT NOT NULL DEFAULT '',
    location    TEXT NOT NULL DEFAULT ''
);
CREATE INDEX partial_files_expiry ON partial_files (expires_at);
CREATE INDEX partial_files_owner ON partial_files (partner_id, tenant_id);

CREATE TABLE file_parts (
    file_id  TEXT NOT NULL,
    position INTEGER NOT NULL,
    bytes    BLOB NOT NULL,
    PRIMARY KEY (file_id, position)
);

-- +goose Down
DROP TABLE file_parts;
DROP TABLE partial_files;
