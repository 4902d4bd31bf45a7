-- Factory records: what an OEM reported of a device before anybody registered it.

-- +goose Up

-- The newest report that spoke of the device, and whether it is still looked for.
ALTER TABLE identities ADD COLUMN report_tracking_id TEXT    NOT NULL DEFAULT '';
ALTER TABLE identities ADD COLUMN report_row         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN sold_to            TEXT    NOT NULL DEFAULT '';
ALTER TABLE identities ADD COLUMN retired_at         DATETIME;
ALTER TABLE identities ADD COLUMN retired_as         TEXT    NOT NULL DEFAULT ''
    CONSTRAINT identities_retired CHECK (retired_as IN ('', 'superseded', 'withdrawn', 'replaced') AND (retired_as = '') = (retired_at IS NULL));

-- The newest word of a factory about one identifier. A report that is not the
-- newest about all of its identifiers is out of date, in whatever order reports
-- are executed; and two that race meet here.
CREATE TABLE factory_statements (
    key         BLOB    NOT NULL,
    partner_id  TEXT    NOT NULL,
    tracking_id TEXT    NOT NULL,
    ordinal     INTEGER NOT NULL CHECK (ordinal > 0),
    PRIMARY KEY (key, partner_id)
) WITHOUT ROWID;

-- SQLite cannot change a check, so the history is copied into a new table. Its
-- triggers go with the old one and are made again.
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

-- The older program knows no retired device and takes an anchor for a
-- registration's: neither may be found by it.
DELETE FROM identity_keys WHERE identity_id IN (SELECT id FROM identities WHERE retired_at IS NOT NULL);
DELETE FROM registration_anchors WHERE identity_id NOT IN (SELECT identity_id FROM registrations WHERE state = 'active');

CREATE TABLE device_events_rebuilt (
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
INSERT INTO device_events_rebuilt (id, identity_id, device_id, kind, tenant_id, partner_id, client_id, grant_id, tracking_id, ordinal, reason, at)
    SELECT id, identity_id, device_id, kind, tenant_id, partner_id, client_id, grant_id, tracking_id, ordinal, reason, at FROM device_events
    WHERE kind NOT IN ('reported', 'superseded', 'withdrawn') ORDER BY id;
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

DROP TABLE factory_statements;
ALTER TABLE identities DROP COLUMN retired_as;
ALTER TABLE identities DROP COLUMN retired_at;
ALTER TABLE identities DROP COLUMN sold_to;
ALTER TABLE identities DROP COLUMN report_row;
ALTER TABLE identities DROP COLUMN report_tracking_id;
