-- The gateway's tables. States are checked here as well as in the code. Every
-- name of an index is the same in both dialects.

-- +goose Up

-- The gate needs no lock ids here: a write transaction is alone from its first statement.

CREATE TABLE partners (
    id                      TEXT        NOT NULL PRIMARY KEY,
    gate                    INTEGER     NOT NULL DEFAULT 0,
    kind                    TEXT        NOT NULL CHECK (kind IN ('oem', 'direct_reseller', 'indirect_provider', 'indirect_reseller')),
    name                    TEXT        NOT NULL CHECK (name <> ''),
    mpn_id                  TEXT        NOT NULL DEFAULT '',
    state                   TEXT        NOT NULL CHECK (state IN ('active', 'suspended')),
    epoch                   INTEGER     NOT NULL DEFAULT 1,
    devices_per_hour        INTEGER     CHECK (devices_per_hour > 0),
    tenant_devices_per_hour INTEGER     CHECK (tenant_devices_per_hour > 0),
    requests_per_minute     INTEGER     CHECK (requests_per_minute > 0),
    created_at              DATETIME    NOT NULL
);
CREATE UNIQUE INDEX partners_name ON partners (name);

CREATE TABLE tenants (
    id         TEXT        NOT NULL PRIMARY KEY,
    gate       INTEGER     NOT NULL DEFAULT 0,
    name       TEXT        NOT NULL CHECK (name <> ''),
    state      TEXT        NOT NULL CHECK (state IN ('active', 'suspended')),
    epoch      INTEGER     NOT NULL DEFAULT 1,
    created_at DATETIME    NOT NULL
);

CREATE TABLE tenant_domains (
    domain      TEXT        NOT NULL PRIMARY KEY,
    tenant_id   TEXT        NOT NULL REFERENCES tenants (id),
    verified_at DATETIME    NOT NULL
);
CREATE INDEX tenant_domains_tenant ON tenant_domains (tenant_id);

CREATE TABLE oauth_clients (
    id           TEXT        NOT NULL PRIMARY KEY,
    gate         INTEGER     NOT NULL DEFAULT 0,
    owner_kind   TEXT        NOT NULL CHECK (owner_kind IN ('partner', 'tenant', 'operator')),
    partner_id   TEXT        REFERENCES partners (id),
    tenant_id    TEXT        REFERENCES tenants (id),
    name         TEXT        NOT NULL,
    scopes       TEXT        NOT NULL,
    auth_method  TEXT        NOT NULL CHECK (auth_method IN ('client_secret_basic', 'private_key_jwt')),
    jwks         TEXT,
    state        TEXT        NOT NULL CHECK (state IN ('active', 'frozen')),
    epoch        INTEGER     NOT NULL DEFAULT 1,
    created_at   DATETIME    NOT NULL,
    expires_at   DATETIME,
    last_used_at DATETIME,
    CONSTRAINT oauth_clients_owner CHECK (
        (owner_kind = 'partner' AND partner_id IS NOT NULL AND tenant_id IS NULL) OR
        (owner_kind = 'tenant' AND tenant_id IS NOT NULL AND partner_id IS NULL) OR
        (owner_kind = 'operator' AND partner_id IS NULL AND tenant_id IS NULL))
);
CREATE INDEX oauth_clients_partner ON oauth_clients (partner_id);
CREATE INDEX oauth_clients_tenant ON oauth_clients (tenant_id);

CREATE TABLE client_secrets (
    id         TEXT        NOT NULL PRIMARY KEY,
    client_id  TEXT        NOT NULL REFERENCES oauth_clients (id),
    digest     BLOB        NOT NULL,
    created_at DATETIME    NOT NULL,
    expires_at DATETIME,
    revoked_at DATETIME
);
CREATE INDEX client_secrets_client ON client_secrets (client_id);

CREATE TABLE used_assertions (
    client_id  TEXT        NOT NULL,
    jti_digest BLOB        NOT NULL,
    expires_at DATETIME    NOT NULL,
    PRIMARY KEY (client_id, jti_digest)
);
CREATE INDEX used_assertions_expiry ON used_assertions (expires_at);

CREATE TABLE consent_requests (
    id           TEXT        NOT NULL PRIMARY KEY,
    partner_id   TEXT        NOT NULL REFERENCES partners (id),
    tenant_ref   TEXT        NOT NULL,
    tenant_id    TEXT        REFERENCES tenants (id),
    state        TEXT        NOT NULL CHECK (state IN ('pending', 'granted', 'declined', 'withdrawn', 'expired')),
    purpose      TEXT        NOT NULL,
    reference    TEXT        NOT NULL DEFAULT '',
    scopes       TEXT        NOT NULL,
    device_limit INTEGER     CHECK (device_limit > 0),
    grant_until  DATETIME    NOT NULL,
    expires_at   DATETIME    NOT NULL,
    created_by   TEXT        NOT NULL,
    created_at   DATETIME    NOT NULL,
    decided_at   DATETIME,
    grant_id     TEXT,
    CONSTRAINT consent_requests_decided CHECK ((state = 'pending') = (decided_at IS NULL)),
    CONSTRAINT consent_requests_grant CHECK ((state = 'granted') = (grant_id IS NOT NULL))
);
CREATE INDEX consent_requests_partner ON consent_requests (partner_id, created_at);
CREATE INDEX consent_requests_tenant ON consent_requests (tenant_id, created_at);

CREATE TABLE grants (
    id               TEXT        NOT NULL PRIMARY KEY,
    gate             INTEGER     NOT NULL DEFAULT 0,
    request_id       TEXT        REFERENCES consent_requests (id),
    partner_id       TEXT        NOT NULL REFERENCES partners (id),
    tenant_id        TEXT        NOT NULL REFERENCES tenants (id),
    state            TEXT        NOT NULL CHECK (state IN ('active', 'suspended', 'revoking', 'revoked', 'expired')),
    epoch            INTEGER     NOT NULL DEFAULT 1,
    scopes           TEXT        NOT NULL,
    device_limit     INTEGER     CHECK (device_limit > 0),
    devices_reserved INTEGER     NOT NULL DEFAULT 0 CHECK (devices_reserved >= 0),
    devices_used     INTEGER     NOT NULL DEFAULT 0 CHECK (devices_used >= 0),
    expires_at       DATETIME    NOT NULL,
    created_at       DATETIME    NOT NULL,
    ended_at         DATETIME,
    ended_by         TEXT        CHECK (ended_by IN ('customer', 'partner', 'operator', 'system')),
    end_reason       TEXT,
    CONSTRAINT grants_ended CHECK ((state IN ('active', 'suspended')) = (ended_at IS NULL))
);
-- A partner has at most one grant of a tenant that can still let anything through.
CREATE UNIQUE INDEX grants_live ON grants (partner_id, tenant_id) WHERE state IN ('active', 'suspended');
CREATE INDEX grants_partner ON grants (partner_id, created_at);
CREATE INDEX grants_tenant ON grants (tenant_id, created_at);

CREATE TABLE consent_events (
    id           INTEGER     PRIMARY KEY AUTOINCREMENT,
    subject      TEXT        NOT NULL CHECK (subject IN ('request', 'grant')),
    subject_id   TEXT        NOT NULL,
    partner_id   TEXT        NOT NULL,
    tenant_id    TEXT,
    from_state   TEXT        NOT NULL,
    to_state     TEXT        NOT NULL,
    epoch        INTEGER     NOT NULL,
    actor        TEXT        NOT NULL CHECK (actor IN ('customer', 'partner', 'operator', 'system')),
    actor_id     TEXT        NOT NULL,
    reason       TEXT        NOT NULL,
    http_request TEXT        NOT NULL,
    at           DATETIME    NOT NULL
);
CREATE INDEX consent_events_subject ON consent_events (subject, subject_id, id);

-- The history is append-only for everybody who speaks SQL as the gateway does.
-- +goose StatementBegin
CREATE TRIGGER consent_events_no_update BEFORE UPDATE ON consent_events
BEGIN
    SELECT RAISE(ABORT, 'consent_events is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consent_events_no_delete BEFORE DELETE ON consent_events
BEGIN
    SELECT RAISE(ABORT, 'consent_events is append-only');
END;
-- +goose StatementEnd

CREATE TABLE fences (
    kind       TEXT        NOT NULL CHECK (kind IN ('partner', 'client', 'tenant', 'grant')),
    subject_id TEXT        NOT NULL,
    min_epoch  INTEGER     NOT NULL,
    acked_at   DATETIME,
    attempts   INTEGER     NOT NULL DEFAULT 0,
    next_at    DATETIME    NOT NULL,
    last_error TEXT        NOT NULL DEFAULT '',
    created_at DATETIME    NOT NULL,
    PRIMARY KEY (kind, subject_id)
);
CREATE INDEX fences_due ON fences (next_at) WHERE acked_at IS NULL;

CREATE TABLE batches (
    id            INTEGER     PRIMARY KEY AUTOINCREMENT,
    partner_id    TEXT        NOT NULL REFERENCES partners (id),
    tenant_id     TEXT        NOT NULL REFERENCES tenants (id),
    name          TEXT        NOT NULL,
    folded_name   TEXT        NOT NULL,
    devices_count INTEGER     NOT NULL DEFAULT 0,
    created_at    DATETIME    NOT NULL
);
CREATE UNIQUE INDEX batches_name ON batches (partner_id, tenant_id, folded_name);

CREATE TABLE uploads (
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
CREATE UNIQUE INDEX uploads_tracking ON uploads (tracking_id);
CREATE INDEX uploads_partner ON uploads (partner_id, id);
CREATE INDEX uploads_tenant ON uploads (tenant_id, id);
CREATE INDEX uploads_batch ON uploads (batch_id, id);
CREATE INDEX uploads_receiving ON uploads (created_at) WHERE state = 'receiving';

CREATE TABLE upload_rows (
    upload_id     INTEGER     NOT NULL,
    ordinal       INTEGER     NOT NULL CHECK (ordinal > 0),
    serial_number TEXT,
    product_key   TEXT,
    manufacturer  TEXT,
    model         TEXT,
    order_data    TEXT,
    hash_digest   BLOB,
    warnings      TEXT,
    settled_at    DATETIME,
    error_code    TEXT        NOT NULL DEFAULT '',
    detail        TEXT        NOT NULL DEFAULT '',
    device_id     TEXT,
    PRIMARY KEY (upload_id, ordinal)
);

-- Bytes of rows in flight; deleted when the row is settled.
CREATE TABLE upload_hashes (
    staged_on DATE    NOT NULL,
    upload_id INTEGER NOT NULL,
    ordinal   INTEGER NOT NULL,
    hash      BLOB    NOT NULL,
    PRIMARY KEY (staged_on, upload_id, ordinal)
) WITHOUT ROWID;

CREATE TABLE dispatches (
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
CREATE INDEX dispatches_upload ON dispatches (upload_id, first_ordinal);
CREATE INDEX dispatches_work ON dispatches (partner_id, id) WHERE state IN ('ready', 'leased');
CREATE INDEX dispatches_stopped ON dispatches (id) WHERE state = 'stopped';

CREATE TABLE idempotency_keys (
    partner_id  TEXT        NOT NULL,
    key_digest  BLOB        NOT NULL,
    state       TEXT        NOT NULL CHECK (state IN ('running', 'done')),
    owner       TEXT        NOT NULL,
    lease_until DATETIME    NOT NULL,
    body_digest BLOB,
    tracking_id TEXT,
    location    TEXT        NOT NULL DEFAULT '',
    created_at  DATETIME    NOT NULL,
    PRIMARY KEY (partner_id, key_digest),
    CONSTRAINT idempotency_keys_done CHECK ((state = 'done') = (tracking_id IS NOT NULL AND body_digest IS NOT NULL))
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE dispatches;
DROP TABLE upload_hashes;
DROP TABLE upload_rows;
DROP TABLE uploads;
DROP TABLE batches;
DROP TABLE fences;
DROP TABLE consent_events;
DROP TABLE grants;
DROP TABLE consent_requests;
DROP TABLE used_assertions;
DROP TABLE client_secrets;
DROP TABLE oauth_clients;
DROP TABLE tenant_domains;
DROP TABLE tenants;
DROP TABLE partners;
