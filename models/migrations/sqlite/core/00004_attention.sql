-- Attention: conflicts for a person to settle, what was settled, why captures were
-- matched or not, and what a hash was worth as evidence.

-- +goose Up

-- Conflicts that a person must settle. While one is open, the same capture of the
-- same submitter that conflicts with the same devices joins it.
CREATE TABLE attention_cases (
    id             TEXT NOT NULL PRIMARY KEY,
    state          TEXT NOT NULL CHECK (state IN ('open', 'settled')),
    settler        TEXT NOT NULL CHECK (settler IN ('customer', 'manufacturer', 'operator')),
    settler_id     TEXT NOT NULL DEFAULT '',
    fingerprint    BLOB NOT NULL CHECK (length(fingerprint) = 32),
    rule           INTEGER NOT NULL,
    reason         TEXT NOT NULL,
    authority      TEXT NOT NULL CHECK (authority IN ('grant', 'tenant', 'factory')),
    tenant_id      TEXT NOT NULL DEFAULT '',
    partner_id     TEXT NOT NULL DEFAULT '',
    client_id      TEXT NOT NULL DEFAULT '',
    grant_id       TEXT NOT NULL DEFAULT '',
    tracking_id    TEXT NOT NULL,
    ordinal        INTEGER NOT NULL CHECK (ordinal > 0),
    rows           TEXT NOT NULL DEFAULT '',
    times          INTEGER NOT NULL CHECK (times > 0),
    opened_at      DATETIME NOT NULL,
    last_seen_at   DATETIME NOT NULL,
    settled_at     DATETIME,
    settled_as     TEXT CHECK (settled_as IN ('same', 'different', 'replaces')),
    settled_by     TEXT NOT NULL DEFAULT '' CHECK (settled_by IN ('', 'tenant', 'factory', 'operator')),
    settled_by_id  TEXT NOT NULL DEFAULT '',
    settled_device TEXT NOT NULL DEFAULT '',
    result_device  TEXT NOT NULL DEFAULT '',
    note           TEXT NOT NULL DEFAULT '',
    CONSTRAINT attention_cases_settled CHECK ((state = 'settled') = (settled_at IS NOT NULL)
        AND (settled_at IS NULL) = (settled_as IS NULL) AND (settled_at IS NULL) = (settled_by = ''))
);
CREATE UNIQUE INDEX attention_cases_open ON attention_cases (fingerprint) WHERE state = 'open';
CREATE INDEX attention_cases_tenant ON attention_cases (tenant_id, id);
CREATE INDEX attention_cases_partner ON attention_cases (partner_id, id);
CREATE INDEX attention_cases_settler ON attention_cases (settler_id, id);
CREATE INDEX attention_cases_state ON attention_cases (state, id);
CREATE INDEX attention_cases_row ON attention_cases (tracking_id, ordinal);

CREATE TABLE case_captures (
    case_id TEXT NOT NULL PRIMARY KEY,
    digest  BLOB NOT NULL CHECK (length(digest) = 32),
    hash    BLOB NOT NULL
);
CREATE TABLE case_parties (
    case_id     TEXT NOT NULL,
    identity_id INTEGER NOT NULL,
    device_id   TEXT NOT NULL DEFAULT '',
    tenant_id   TEXT NOT NULL DEFAULT '',
    partner_id  TEXT NOT NULL DEFAULT '',
    why         TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (case_id, identity_id)
) WITHOUT ROWID;
CREATE INDEX case_parties_device ON case_parties (device_id) WHERE device_id <> '';

-- Two identities that are different devices, by a person's word.
CREATE TABLE settled_pairs (
    low        INTEGER NOT NULL,
    high       INTEGER NOT NULL,
    case_id    TEXT NOT NULL,
    settled_at DATETIME NOT NULL,
    PRIMARY KEY (low, high),
    CONSTRAINT settled_pairs_order CHECK (low < high)
) WITHOUT ROWID;
CREATE INDEX settled_pairs_high ON settled_pairs (high);

ALTER TABLE registrations ADD COLUMN quality INTEGER NOT NULL DEFAULT 0;
ALTER TABLE registrations ADD COLUMN hash_made_at DATETIME;

-- SQLite cannot change a check, so the history is copied into a new table. Its
-- triggers go with the old one and are made again.
CREATE TABLE device_events_rebuilt (
    id          INTEGER     PRIMARY KEY AUTOINCREMENT,
    identity_id INTEGER     NOT NULL,
    device_id   TEXT        NOT NULL DEFAULT '',
    kind        TEXT        NOT NULL CHECK (kind IN ('registered', 'seen', 'contested', 'attention', 'removed', 'reported', 'superseded', 'withdrawn', 'replaced', 'settled')),
    tenant_id   TEXT        NOT NULL,
    partner_id  TEXT        NOT NULL DEFAULT '',
    client_id   TEXT        NOT NULL DEFAULT '',
    grant_id    TEXT        NOT NULL DEFAULT '',
    tracking_id TEXT        NOT NULL,
    ordinal     INTEGER     NOT NULL,
    reason      TEXT        NOT NULL DEFAULT '',
    at          DATETIME    NOT NULL,
    why          TEXT NOT NULL DEFAULT '',
    other_device TEXT NOT NULL DEFAULT '',
    case_id      TEXT NOT NULL DEFAULT ''
);
INSERT INTO device_events_rebuilt (id, identity_id, device_id, kind, tenant_id, partner_id, client_id, grant_id, tracking_id, ordinal, reason, at)
    SELECT id, identity_id, device_id, kind, tenant_id, partner_id, client_id, grant_id, tracking_id, ordinal, reason, at FROM device_events ORDER BY id;
DROP TABLE device_events;
ALTER TABLE device_events_rebuilt RENAME TO device_events;
CREATE INDEX device_events_identity ON device_events (identity_id, id);
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
CREATE TABLE device_events_rebuilt (
    id          INTEGER     PRIMARY KEY AUTOINCREMENT,
    identity_id INTEGER     NOT NULL,
    device_id   TEXT        NOT NULL DEFAULT '',
    kind        TEXT        NOT NULL CHECK (kind IN ('registered', 'seen', 'contested', 'attention', 'removed', 'reported', 'superseded', 'withdrawn')),
    tenant_id   TEXT        NOT NULL,
    partner_id  TEXT        NOT NULL DEFAULT '',
    client_id   TEXT        NOT NULL DEFAULT '',
    grant_id    TEXT        NOT NULL DEFAULT '',
    tracking_id TEXT        NOT NULL,
    ordinal     INTEGER     NOT NULL,
    reason      TEXT        NOT NULL DEFAULT '',
    at          DATETIME    NOT NULL
);
INSERT INTO device_events_rebuilt (id, identity_id, device_id, kind, tenant_id, partner_id, client_id, grant_id, tracking_id, ordinal, reason, at)
    SELECT id, identity_id, device_id, kind, tenant_id, partner_id, client_id, grant_id, tracking_id, ordinal, reason, at FROM device_events
    WHERE kind NOT IN ('replaced', 'settled') ORDER BY id;
DROP TABLE device_events;
ALTER TABLE device_events_rebuilt RENAME TO device_events;
CREATE INDEX device_events_identity ON device_events (identity_id, id);
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

ALTER TABLE registrations DROP COLUMN hash_made_at;
ALTER TABLE registrations DROP COLUMN quality;
DROP TABLE settled_pairs;
DROP TABLE case_parties;
DROP TABLE case_captures;
DROP TABLE attention_cases;
