-- Build reports are uploads of no tenant, a tenant's own are of no partner, repairs are a
-- kind of their own, and uploads are found again by what stands on the order. SQLite cannot change a check, so two tables are written anew; nothing
-- refers to them by a foreign key.

-- +goose Up
CREATE TABLE uploads_new (
    id             INTEGER     PRIMARY KEY AUTOINCREMENT,
    tracking_id    TEXT        NOT NULL,
    kind           TEXT        NOT NULL CHECK (kind IN ('register', 'remove', 'report', 'replace')),
    partner_id     TEXT        NOT NULL,
    tenant_id      TEXT        NOT NULL,
    client_id      TEXT        NOT NULL,
    batch_id       INTEGER     REFERENCES batches (id),
    grant_id       TEXT        NOT NULL,
    state          TEXT        NOT NULL CHECK (state IN ('receiving', 'queued', 'processing', 'finished', 'finished_with_errors')),
    staged_on      DATE        NOT NULL,
    row_count      INTEGER     NOT NULL DEFAULT 0,
    cut_ordinal    INTEGER,
    open_rows      INTEGER     NOT NULL DEFAULT 0 CHECK (open_rows >= 0),
    error_rows     INTEGER     NOT NULL DEFAULT 0,
    request_id     TEXT        NOT NULL DEFAULT '',
    correlation_id TEXT        NOT NULL DEFAULT '',
    report_id      TEXT        NOT NULL DEFAULT '',
    created_at     DATETIME    NOT NULL,
    accepted_at    DATETIME,
    started_at     DATETIME,
    completed_at   DATETIME,
    CONSTRAINT uploads_tenant CHECK ((kind = 'report') = (tenant_id = '')),
    CONSTRAINT uploads_accepted CHECK ((state = 'receiving') = (accepted_at IS NULL)),
    CONSTRAINT uploads_completed CHECK ((state IN ('finished', 'finished_with_errors')) = (completed_at IS NOT NULL)),
    CONSTRAINT uploads_all_settled CHECK (completed_at IS NULL OR open_rows = 0)
);
INSERT INTO uploads_new (
    id, tracking_id, kind, partner_id, tenant_id, client_id, batch_id, grant_id, state, staged_on, row_count,
    cut_ordinal, open_rows, error_rows, request_id, correlation_id, created_at, accepted_at, started_at,
    completed_at)
SELECT
    id, tracking_id, kind, partner_id, tenant_id, client_id, batch_id, grant_id, state, staged_on, row_count,
    cut_ordinal, open_rows, error_rows, request_id, correlation_id, created_at, accepted_at, started_at,
    completed_at
FROM uploads;
DROP TABLE uploads;
ALTER TABLE uploads_new RENAME TO uploads;
CREATE UNIQUE INDEX uploads_tracking ON uploads (tracking_id);
CREATE INDEX uploads_partner ON uploads (partner_id, id);
CREATE INDEX uploads_tenant ON uploads (tenant_id, id);
CREATE INDEX uploads_batch ON uploads (batch_id, id);
CREATE INDEX uploads_receiving ON uploads (created_at) WHERE state = 'receiving';
CREATE INDEX uploads_request ON uploads (request_id) WHERE request_id <> '';
CREATE INDEX uploads_report ON uploads (report_id) WHERE report_id <> '';

CREATE TABLE dispatches_new (
    id            INTEGER     PRIMARY KEY AUTOINCREMENT,
    upload_id     INTEGER     NOT NULL,
    kind          TEXT        NOT NULL CHECK (kind IN ('register', 'remove', 'report', 'replace')),
    partner_id    TEXT        NOT NULL,
    tenant_id     TEXT        NOT NULL,
    client_id     TEXT        NOT NULL,
    grant_id      TEXT        NOT NULL,
    grant_epoch   INTEGER     NOT NULL,
    first_ordinal INTEGER     NOT NULL,
    last_ordinal  INTEGER     NOT NULL,
    state         TEXT        NOT NULL CHECK (state IN ('ready', 'leased', 'stopped', 'done')),
    attempt       INTEGER     NOT NULL DEFAULT 0,
    crashes       INTEGER     NOT NULL DEFAULT 0,
    ever_sent     BOOLEAN     NOT NULL DEFAULT false,
    worker        TEXT        NOT NULL DEFAULT '',
    run_at        DATETIME    NOT NULL,
    lease_until   DATETIME,
    last_error    TEXT        NOT NULL DEFAULT '',
    created_at    DATETIME    NOT NULL,
    done_at       DATETIME,
    CONSTRAINT dispatches_range CHECK (last_ordinal >= first_ordinal AND last_ordinal - first_ordinal < 500),
    CONSTRAINT dispatches_leased CHECK ((state = 'leased') = (lease_until IS NOT NULL)),
    CONSTRAINT dispatches_done CHECK ((state = 'done') = (done_at IS NOT NULL))
);
INSERT INTO dispatches_new (
    id, upload_id, kind, partner_id, tenant_id, client_id, grant_id, grant_epoch, first_ordinal, last_ordinal,
    state, attempt, crashes, ever_sent, worker, run_at, lease_until, last_error, created_at, done_at)
SELECT
    id, upload_id, kind, partner_id, tenant_id, client_id, grant_id, grant_epoch, first_ordinal, last_ordinal,
    state, attempt, crashes, ever_sent, worker, run_at, lease_until, last_error, created_at, done_at
FROM dispatches;
DROP TABLE dispatches;
ALTER TABLE dispatches_new RENAME TO dispatches;
CREATE INDEX dispatches_upload ON dispatches (upload_id, first_ordinal);
CREATE INDEX dispatches_work ON dispatches (partner_id, id) WHERE state IN ('ready', 'leased');
CREATE INDEX dispatches_stopped ON dispatches (id) WHERE state = 'stopped';

ALTER TABLE upload_rows ADD COLUMN sold_to TEXT;
ALTER TABLE upload_rows ADD COLUMN replaces TEXT;
ALTER TABLE upload_rows ADD COLUMN returned BOOLEAN NOT NULL DEFAULT false;

-- What orders, delivery notes and references an upload is about. A digest, because a
-- value may be longer than an index entry.
CREATE TABLE upload_references (
    upload_id  INTEGER NOT NULL,
    digest     BLOB    NOT NULL CHECK (length(digest) = 16),
    partner_id TEXT    NOT NULL,
    tenant_id  TEXT    NOT NULL,
    PRIMARY KEY (upload_id, digest)
) WITHOUT ROWID;
CREATE INDEX upload_references_partner ON upload_references (partner_id, digest, upload_id);
CREATE INDEX upload_references_tenant ON upload_references (tenant_id, digest, upload_id);

-- +goose Down
DROP TABLE upload_references;
DELETE FROM dispatches WHERE kind IN ('report', 'replace');
DELETE FROM upload_rows WHERE upload_id IN (SELECT id FROM uploads WHERE kind IN ('report', 'replace'));
DELETE FROM upload_hashes WHERE upload_id IN (SELECT id FROM uploads WHERE kind IN ('report', 'replace'));
DELETE FROM uploads WHERE kind IN ('report', 'replace');
ALTER TABLE upload_rows DROP COLUMN returned;
ALTER TABLE upload_rows DROP COLUMN replaces;
ALTER TABLE upload_rows DROP COLUMN sold_to;
CREATE TABLE dispatches_new (
    id            INTEGER     PRIMARY KEY AUTOINCREMENT,
    upload_id     INTEGER     NOT NULL,
    kind          TEXT        NOT NULL CHECK (kind IN ('register', 'remove')),
    partner_id    TEXT        NOT NULL,
    tenant_id     TEXT        NOT NULL,
    client_id     TEXT        NOT NULL,
    grant_id      TEXT        NOT NULL,
    grant_epoch   INTEGER     NOT NULL,
    first_ordinal INTEGER     NOT NULL,
    last_ordinal  INTEGER     NOT NULL,
    state         TEXT        NOT NULL CHECK (state IN ('ready', 'leased', 'stopped', 'done')),
    attempt       INTEGER     NOT NULL DEFAULT 0,
    crashes       INTEGER     NOT NULL DEFAULT 0,
    ever_sent     BOOLEAN     NOT NULL DEFAULT false,
    worker        TEXT        NOT NULL DEFAULT '',
    run_at        DATETIME    NOT NULL,
    lease_until   DATETIME,
    last_error    TEXT        NOT NULL DEFAULT '',
    created_at    DATETIME    NOT NULL,
    done_at       DATETIME,
    CONSTRAINT dispatches_range CHECK (last_ordinal >= first_ordinal AND last_ordinal - first_ordinal < 500),
    CONSTRAINT dispatches_leased CHECK ((state = 'leased') = (lease_until IS NOT NULL)),
    CONSTRAINT dispatches_done CHECK ((state = 'done') = (done_at IS NOT NULL))
);
INSERT INTO dispatches_new (
    id, upload_id, kind, partner_id, tenant_id, client_id, grant_id, grant_epoch, first_ordinal, last_ordinal,
    state, attempt, crashes, ever_sent, worker, run_at, lease_until, last_error, created_at, done_at)
SELECT
    id, upload_id, kind, partner_id, tenant_id, client_id, grant_id, grant_epoch, first_ordinal, last_ordinal,
    state, attempt, crashes, ever_sent, worker, run_at, lease_until, last_error, created_at, done_at
FROM dispatches;
DROP TABLE dispatches;
ALTER TABLE dispatches_new RENAME TO dispatches;
CREATE INDEX dispatches_upload ON dispatches (upload_id, first_ordinal);
CREATE INDEX dispatches_work ON dispatches (partner_id, id) WHERE state IN ('ready', 'leased');
CREATE INDEX dispatches_stopped ON dispatches (id) WHERE state = 'stopped';
CREATE TABLE uploads_new (
    id             INTEGER     PRIMARY KEY AUTOINCREMENT,
    tracking_id    TEXT        NOT NULL,
    kind           TEXT        NOT NULL CHECK (kind IN ('register', 'remove')),
    partner_id     TEXT        NOT NULL,
    tenant_id      TEXT        NOT NULL,
    client_id      TEXT        NOT NULL,
    batch_id       INTEGER     REFERENCES batches (id),
    grant_id       TEXT        NOT NULL,
    state          TEXT        NOT NULL CHECK (state IN ('receiving', 'queued', 'processing', 'finished', 'finished_with_errors')),
    staged_on      DATE        NOT NULL,
    row_count      INTEGER     NOT NULL DEFAULT 0,
    cut_ordinal    INTEGER,
    open_rows      INTEGER     NOT NULL DEFAULT 0 CHECK (open_rows >= 0),
    error_rows     INTEGER     NOT NULL DEFAULT 0,
    request_id     TEXT        NOT NULL DEFAULT '',
    correlation_id TEXT        NOT NULL DEFAULT '',
    created_at     DATETIME    NOT NULL,
    accepted_at    DATETIME,
    started_at     DATETIME,
    completed_at   DATETIME,
    CONSTRAINT uploads_accepted CHECK ((state = 'receiving') = (accepted_at IS NULL)),
    CONSTRAINT uploads_completed CHECK ((state IN ('finished', 'finished_with_errors')) = (completed_at IS NOT NULL)),
    CONSTRAINT uploads_all_settled CHECK (completed_at IS NULL OR open_rows = 0)
);
INSERT INTO uploads_new (
    id, tracking_id, kind, partner_id, tenant_id, client_id, batch_id, grant_id, state, staged_on, row_count,
    cut_ordinal, open_rows, error_rows, request_id, correlation_id, created_at, accepted_at, started_at,
    completed_at)
SELECT
    id, tracking_id, kind, partner_id, tenant_id, client_id, batch_id, grant_id, state, staged_on, row_count,
    cut_ordinal, open_rows, error_rows, request_id, correlation_id, created_at, accepted_at, started_at,
    completed_at
FROM uploads;
DROP TABLE uploads;
ALTER TABLE uploads_new RENAME TO uploads;
CREATE UNIQUE INDEX uploads_tracking ON uploads (tracking_id);
CREATE INDEX uploads_partner ON uploads (partner_id, id);
CREATE INDEX uploads_tenant ON uploads (tenant_id, id);
CREATE INDEX uploads_batch ON uploads (batch_id, id);
CREATE INDEX uploads_receiving ON uploads (created_at) WHERE state = 'receiving';
