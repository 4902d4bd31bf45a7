-- The core's tables. Every name of an index is the same in both dialects. Tables
-- on the path of a registration carry no foreign keys: the one transaction that
-- writes them writes both sides, and a check per row would cost as much as the row.

-- +goose Up

-- Blocks of identity numbers, drawn ahead in short transactions of their own.
CREATE TABLE id_series (
    name    TEXT   NOT NULL PRIMARY KEY,
    next_id INTEGER NOT NULL CHECK (next_id > 0)
);
INSERT INTO id_series (name, next_id) VALUES ('identities', 1);

-- What is known of a device: cleaned values, blank or NULL when unknown. It
-- outlives every registration.
CREATE TABLE identities (
    id           INTEGER     NOT NULL PRIMARY KEY,
    ek_digest    BLOB        CHECK (length(ek_digest) = 32),
    smbios_uuid  BLOB        CHECK (length(smbios_uuid) = 16),
    macs         BLOB        CHECK (length(macs) % 6 = 0),
    manufacturer TEXT        NOT NULL DEFAULT '',
    product      TEXT        NOT NULL DEFAULT '',
    serial       TEXT        NOT NULL DEFAULT '',
    system_disk  TEXT        NOT NULL DEFAULT '',
    product_key  TEXT        NOT NULL DEFAULT '',
    reported_by  TEXT        NOT NULL DEFAULT '',
    created_at   DATETIME    NOT NULL,
    captured_at  DATETIME    NOT NULL
);

-- The bytes of the hash the identity was last taken from, apart from narrow rows.
CREATE TABLE identity_hashes (
    identity_id INTEGER NOT NULL PRIMARY KEY,
    digest      BLOB   NOT NULL CHECK (length(digest) = 32),
    hash        BLOB   NOT NULL
);

-- Where to look for candidates. A key is a kind in its top bits and a local,
-- lossy number below; a hit is always verified against the identity's values.
CREATE TABLE identity_keys (
    key         INTEGER NOT NULL,
    identity_id INTEGER NOT NULL,
    PRIMARY KEY (key, identity_id)
) WITHOUT ROWID;

CREATE TABLE registrations (
    id            TEXT        NOT NULL PRIMARY KEY,
    identity_id   INTEGER     NOT NULL,
    tenant_id     TEXT        NOT NULL,
    state         TEXT        NOT NULL CHECK (state IN ('active', 'ended')),
    authority     TEXT        NOT NULL CHECK (authority IN ('grant', 'tenant')),
    partner_id    TEXT        NOT NULL DEFAULT '',
    client_id     TEXT        NOT NULL DEFAULT '',
    grant_id      TEXT        NOT NULL DEFAULT '',
    tracking_id   TEXT        NOT NULL,
    ordinal       INTEGER     NOT NULL CHECK (ordinal > 0),
    group_tag     TEXT        NOT NULL DEFAULT '',
    order_data    TEXT,
    registered_at DATETIME    NOT NULL,
    ended_at      DATETIME,
    CONSTRAINT registrations_ended CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CONSTRAINT registrations_grant CHECK ((authority = 'grant') = (grant_id <> ''))
);
CREATE UNIQUE INDEX registrations_active ON registrations (identity_id) WHERE state = 'active';
CREATE INDEX registrations_tenant ON registrations (tenant_id, id);

-- The one arbiter of ownership: an anchor belongs to at most one active
-- registration, whatever two transactions saw when they began.
CREATE TABLE registration_anchors (
    kind        TEXT    NOT NULL CHECK (kind IN ('E', 'U', 'S')),
    key         BLOB    NOT NULL,
    identity_id INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

-- The core's word on a row of an upload, kept at least 35 days. Tracking ids are
-- ordered by time, so the primary key also serves trimming by age.
CREATE TABLE answers (
    tracking_id TEXT        NOT NULL,
    ordinal     INTEGER     NOT NULL CHECK (ordinal > 0),
    code        TEXT        NOT NULL,
    detail      TEXT        NOT NULL DEFAULT '',
    device_id   TEXT        NOT NULL DEFAULT '',
    absent      BOOLEAN     NOT NULL DEFAULT false,
    answered_at DATETIME    NOT NULL,
    PRIMARY KEY (tracking_id, ordinal),
    CONSTRAINT answers_absent CHECK (NOT absent OR (code = '' AND device_id = ''))
) WITHOUT ROWID;

CREATE TABLE fences (
    kind       TEXT        NOT NULL CHECK (kind IN ('partner', 'client', 'tenant', 'grant')),
    subject_id TEXT        NOT NULL,
    min_epoch  INTEGER     NOT NULL,
    set_at     DATETIME    NOT NULL,
    PRIMARY KEY (kind, subject_id)
);

CREATE TABLE device_events (
    id          INTEGER     PRIMARY KEY AUTOINCREMENT,
    identity_id INTEGER     NOT NULL,
    device_id   TEXT        NOT NULL DEFAULT '',
    kind        TEXT        NOT NULL CHECK (kind IN ('registered', 'seen', 'contested', 'attention', 'removed')),
    tenant_id   TEXT        NOT NULL,
    partner_id  TEXT        NOT NULL DEFAULT '',
    client_id   TEXT        NOT NULL DEFAULT '',
    grant_id    TEXT        NOT NULL DEFAULT '',
    tracking_id TEXT        NOT NULL,
    ordinal     INTEGER     NOT NULL,
    reason      TEXT        NOT NULL DEFAULT '',
    at          DATETIME    NOT NULL
);
CREATE INDEX device_events_identity ON device_events (identity_id, id);

-- The history is append-only for everybody who speaks SQL as the core does.
-- +goose StatementBegin
CREATE TRIGGER device_events_no_update BEFORE UPDATE ON device_events
BEGIN
    SELECT RAISE(ABORT, 'device_events is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER device_events_no_delete BEFORE DELETE ON device_events
BEGIN
    SELECT RAISE(ABORT, 'device_events is append-only');
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE device_events;
DROP TABLE fences;
DROP TABLE answers;
DROP TABLE registration_anchors;
DROP TABLE registrations;
DROP TABLE identity_keys;
DROP TABLE identity_hashes;
DROP TABLE identities;
DROP TABLE id_series;
