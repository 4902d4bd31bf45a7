-- Links by which a person of the tenant finds a request, reminders, partners that a tenant
-- does not want to hear from, and the record of every decision.

-- +goose Up
ALTER TABLE consent_requests ADD COLUMN link_digest BLOB CHECK (length(link_digest) = 32);
ALTER TABLE consent_requests ADD COLUMN link_until DATETIME;
ALTER TABLE consent_requests ADD COLUMN reminders INTEGER NOT NULL DEFAULT 0 CHECK (reminders >= 0);
ALTER TABLE consent_requests ADD COLUMN reminded_at DATETIME;
ALTER TABLE consent_requests ADD COLUMN muted BOOLEAN NOT NULL DEFAULT false;
CREATE UNIQUE INDEX consent_requests_link ON consent_requests (link_digest) WHERE link_digest IS NOT NULL;
CREATE INDEX consent_requests_open ON consent_requests (partner_id, tenant_ref, expires_at) WHERE state = 'pending';

-- One row per partner that asks: its lock keeps the counting of requests exact.
CREATE TABLE consent_askers (
    partner_id TEXT PRIMARY KEY REFERENCES partners (id),
    asked_at   DATETIME NOT NULL
);

CREATE TABLE partner_blocks (
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    partner_id TEXT NOT NULL REFERENCES partners (id),
    reason     TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    PRIMARY KEY (tenant_id, partner_id)
);

-- What was decided, in which words, by whom, and how that person had proven who it is.
CREATE TABLE consent_decisions (
    id               TEXT PRIMARY KEY,
    decision         TEXT NOT NULL CHECK (decision IN ('granted', 'declined', 'widened', 'renewed')),
    request_id       TEXT,
    grant_id         TEXT,
    partner_id       TEXT NOT NULL,
    tenant_id        TEXT NOT NULL,
    scopes           TEXT NOT NULL,
    device_limit     INTEGER,
    expires_at       DATETIME NOT NULL,
    language         TEXT NOT NULL,
    wording_version  TEXT NOT NULL,
    wording          TEXT NOT NULL,
    wording_digest   TEXT NOT NULL,
    shown_digest     TEXT NOT NULL,
    actor_id         TEXT NOT NULL,
    person_id        TEXT,
    person_name      TEXT NOT NULL,
    person_role      TEXT NOT NULL,
    issuer           TEXT NOT NULL,
    subject          TEXT NOT NULL,
    acr              TEXT NOT NULL,
    amr              TEXT NOT NULL,
    auth_time        DATETIME,
    http_request     TEXT NOT NULL,
    at               DATETIME NOT NULL,
    CONSTRAINT consent_decisions_about CHECK (request_id IS NOT NULL OR grant_id IS NOT NULL),
    CONSTRAINT consent_decisions_person CHECK (person_id IS NOT NULL OR auth_time IS NULL)
);
CREATE INDEX consent_decisions_request ON consent_decisions (request_id);
CREATE INDEX consent_decisions_grant ON consent_decisions (grant_id);

-- +goose StatementBegin
CREATE TRIGGER consent_decisions_no_update BEFORE UPDATE ON consent_decisions
BEGIN
    SELECT RAISE(ABORT, 'consent_decisions is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consent_decisions_no_delete BEFORE DELETE ON consent_decisions
BEGIN
    SELECT RAISE(ABORT, 'consent_decisions is append-only');
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE consent_decisions;
DROP TABLE partner_blocks;
DROP TABLE consent_askers;
DROP INDEX consent_requests_open;
DROP INDEX consent_requests_link;
ALTER TABLE consent_requests DROP COLUMN muted;
ALTER TABLE consent_requests DROP COLUMN reminded_at;
ALTER TABLE consent_requests DROP COLUMN reminders;
ALTER TABLE consent_requests DROP COLUMN link_until;
ALTER TABLE consent_requests DROP COLUMN link_digest;
