-- The gateway's tables. States are checked here as well as in the code. Every
-- name of an index is the same in both dialects.

-- +goose Up

-- Lock ids of the gate: one sequence over partners, clients, tenants and grants.
CREATE SEQUENCE gate_ids AS bigint;

CREATE TABLE partners (
    id                      text        PRIMARY KEY,
    gate                    bigint      NOT NULL DEFAULT nextval('gate_ids'),
    kind                    text        NOT NULL CHECK (kind IN ('oem', 'direct_reseller', 'indirect_provider', 'indirect_reseller')),
    name                    text        NOT NULL CHECK (name <> ''),
    mpn_id                  text        NOT NULL DEFAULT '',
    state                   text        NOT NULL CHECK (state IN ('active', 'suspended')),
    epoch                   bigint      NOT NULL DEFAULT 1,
    devices_per_hour        bigint      CHECK (devices_per_hour > 0),
    tenant_devices_per_hour bigint      CHECK (tenant_devices_per_hour > 0),
    requests_per_minute     bigint      CHECK (requests_per_minute > 0),
    created_at              timestamptz NOT NULL
);
CREATE UNIQUE INDEX partners_name ON partners (name);

CREATE TABLE tenants (
    id         text        PRIMARY KEY,
    gate       bigint      NOT NULL DEFAULT nextval('gate_ids'),
    name       text        NOT NULL CHECK (name <> ''),
    state      text        NOT NULL CHECK (state IN ('active', 'suspended')),
    epoch      bigint      NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL
);

CREATE TABLE tenant_domains (
    domain      text        PRIMARY KEY,
    tenant_id   text        NOT NULL REFERENCES tenants (id),
    verified_at timestamptz NOT NULL
);
CREATE INDEX tenant_domains_tenant ON tenant_domains (tenant_id);

CREATE TABLE oauth_clients (
    id           text        PRIMARY KEY,
    gate         bigint      NOT NULL DEFAULT nextval('gate_ids'),
    owner_kind   text        NOT NULL CHECK (owner_kind IN ('partner', 'tenant', 'operator')),
    partner_id   text        REFERENCES partners (id),
    tenant_id    text        REFERENCES tenants (id),
    name         text        NOT NULL,
    scopes       text        NOT NULL,
    auth_method  text        NOT NULL CHECK (auth_method IN ('client_secret_basic', 'private_key_jwt')),
    jwks         text,
    state        text        NOT NULL CHECK (state IN ('active', 'frozen')),
    epoch        bigint      NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    CONSTRAINT oauth_clients_owner CHECK (
        (owner_kind = 'partner' AND partner_id IS NOT NULL AND tenant_id IS NULL) OR
        (owner_kind = 'tenant' AND tenant_id IS NOT NULL AND partner_id IS NULL) OR
        (owner_kind = 'operator' AND partner_id IS NULL AND tenant_id IS NULL))
);
CREATE INDEX oauth_clients_partner ON oauth_clients (partner_id);
CREATE INDEX oauth_clients_tenant ON oauth_clients (tenant_id);

CREATE TABLE client_secrets (
    id         text        PRIMARY KEY,
    client_id  text        NOT NULL REFERENCES oauth_clients (id),
    digest     bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX client_secrets_client ON client_secrets (client_id);

CREATE TABLE used_assertions (
    client_id  text        NOT NULL,
    jti_digest bytea       NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, jti_digest)
);
CREATE INDEX used_assertions_expiry ON used_assertions (expires_at);

CREATE TABLE consent_requests (
    id           text        PRIMARY KEY,
    partner_id   text        NOT NULL REFERENCES partners (id),
    tenant_ref   text        NOT NULL,
    tenant_id    text        REFERENCES tenants (id),
    state        text        NOT NULL CHECK (state IN ('pending', 'granted', 'declined', 'withdrawn', 'expired')),
    purpose      text        NOT NULL,
    reference    text        NOT NULL DEFAULT '',
    scopes       text        NOT NULL,
    device_limit bigint      CHECK (device_limit > 0),
    grant_until  timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL,
    decided_at   timestamptz,
    grant_id     text,
    CONSTRAINT consent_requests_decided CHECK ((state = 'pending') = (decided_at IS NULL)),
    CONSTRAINT consent_requests_grant CHECK ((state = 'granted') = (grant_id IS NOT NULL))
);
CREATE INDEX consent_requests_partner ON consent_requests (partner_id, created_at);
CREATE INDEX consent_requests_tenant ON consent_requests (tenant_id, created_at);

CREATE TABLE grants (
    id               text        PRIMARY KEY,
    gate             bigint      NOT NULL DEFAULT nextval('gate_ids'),
    request_id       text        REFERENCES consent_requests (id),
    partner_id       text        NOT NULL REFERENCES partners (id),
    tenant_id        text        NOT NULL REFERENCES tenants (id),
    state            text        NOT NULL CHECK (state IN ('active', 'suspended', 'revoking', 'revoked', 'expired')),
    epoch            bigint      NOT NULL DEFAULT 1,
    scopes           text        NOT NULL,
    device_limit     bigint      CHECK (device_limit > 0),
    devices_reserved bigint      NOT NULL DEFAULT 0 CHECK (devices_reserved >= 0),
    devices_used     bigint      NOT NULL DEFAULT 0 CHECK (devices_used >= 0),
    expires_at       timestamptz NOT NULL,
    created_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    ended_by         text        CHECK (ended_by IN ('customer', 'partner', 'operator', 'system')),
    end_reason       text,
    CONSTRAINT grants_ended CHECK ((state IN ('active', 'suspended')) = (ended_at IS NULL))
);
-- A partner has at most one grant of a tenant that can still let anything through.
CREATE UNIQUE INDEX grants_live ON grants (partner_id, tenant_id) WHERE state IN ('active', 'suspended');
CREATE INDEX grants_partner ON grants (partner_id, created_at);
CREATE INDEX grants_tenant ON grants (tenant_id, created_at);

CREATE TABLE consent_events (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject      text        NOT NULL CHECK (subject IN ('request', 'grant')),
    subject_id   text        NOT NULL,
    partner_id   text        NOT NULL,
    tenant_id    text,
    from_state   text        NOT NULL,
    to_state     text        NOT NULL,
    epoch        bigint      NOT NULL,
    actor        text        NOT NULL CHECK (actor IN ('customer', 'partner', 'operator', 'system')),
    actor_id     text        NOT NULL,
    reason       text        NOT NULL,
    http_request text        NOT NULL,
    at           timestamptz NOT NULL
);
CREATE INDEX consent_events_subject ON consent_events (subject, subject_id, id);

-- The history is append-only for everybody who speaks SQL as the gateway does.
-- +goose StatementBegin
CREATE FUNCTION consent_events_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'consent_events is append-only';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER consent_events_no_change BEFORE UPDATE OR DELETE ON consent_events
    FOR EACH ROW EXECUTE FUNCTION consent_events_are_final();

CREATE TABLE fences (
    kind       text        NOT NULL CHECK (kind IN ('partner', 'client', 'tenant', 'grant')),
    subject_id text        NOT NULL,
    min_epoch  bigint      NOT NULL,
    acked_at   timestamptz,
    attempts   integer     NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL,
    last_error text        NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (kind, subject_id)
);
CREATE INDEX fences_due ON fences (next_at) WHERE acked_at IS NULL;

CREATE TABLE batches (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner_id    text        NOT NULL REFERENCES partners (id),
    tenant_id     text        NOT NULL REFERENCES tenants (id),
    name          text        NOT NULL,
    folded_name   text        NOT NULL,
    devices_count bigint      NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL
);
CREATE UNIQUE INDEX batches_name ON batches (partner_id, tenant_id, folded_name);

CREATE TABLE uploads (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tracking_id    text        NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('register', 'remove')),
    partner_id     text        NOT NULL,
    tenant_id      text        NOT NULL,
    client_id      text        NOT NULL,
    batch_id       bigint      REFERENCES batches (id),
    grant_id       text        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('receiving', 'queued', 'processing', 'finished', 'finished_with_errors')),
    staged_on      date        NOT NULL,
    row_count      integer     NOT NULL DEFAULT 0,
    cut_ordinal    integer,
    open_rows      integer     NOT NULL DEFAULT 0 CHECK (open_rows >= 0),
    error_rows     integer     NOT NULL DEFAULT 0,
    request_id     text        NOT NULL DEFAULT '',
    correlation_id text        NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL,
    accepted_at    timestamptz,
    started_at     timestamptz,
    completed_at   timestamptz,
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
    upload_id     bigint      NOT NULL,
    ordinal       integer     NOT NULL CHECK (ordinal > 0),
    serial_number text,
    product_key   text,
    manufacturer  text,
    model         text,
    order_data    text,
    hash_digest   bytea,
    warnings      text,
    settled_at    timestamptz,
    error_code    text        NOT NULL DEFAULT '',
    detail        text        NOT NULL DEFAULT '',
    device_id     text,
    PRIMARY KEY (upload_id, ordinal)
);

-- Bytes of rows in flight. A day's partition is dropped when its rows are settled.
CREATE TABLE upload_hashes (
    staged_on date    NOT NULL,
    upload_id bigint  NOT NULL,
    ordinal   integer NOT NULL,
    hash      bytea   NOT NULL,
    PRIMARY KEY (staged_on, upload_id, ordinal)
) PARTITION BY RANGE (staged_on);
ALTER TABLE upload_hashes ALTER COLUMN hash SET STORAGE EXTERNAL;
CREATE TABLE upload_hashes_default PARTITION OF upload_hashes DEFAULT;

CREATE TABLE dispatches (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    upload_id     bigint      NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('register', 'remove')),
    partner_id    text        NOT NULL,
    tenant_id     text        NOT NULL,
    client_id     text        NOT NULL,
    grant_id      text        NOT NULL,
    grant_epoch   bigint      NOT NULL,
    first_ordinal integer     NOT NULL,
    last_ordinal  integer     NOT NULL,
    state         text        NOT NULL CHECK (state IN ('ready', 'leased', 'stopped', 'done')),
    attempt       integer     NOT NULL DEFAULT 0,
    crashes       integer     NOT NULL DEFAULT 0,
    ever_sent     boolean     NOT NULL DEFAULT false,
    worker        text        NOT NULL DEFAULT '',
    run_at        timestamptz NOT NULL,
    lease_until   timestamptz,
    last_error    text        NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL,
    done_at       timestamptz,
    CONSTRAINT dispatches_range CHECK (last_ordinal >= first_ordinal AND last_ordinal - first_ordinal < 500),
    CONSTRAINT dispatches_leased CHECK ((state = 'leased') = (lease_until IS NOT NULL)),
    CONSTRAINT dispatches_done CHECK ((state = 'done') = (done_at IS NOT NULL))
);
CREATE INDEX dispatches_upload ON dispatches (upload_id, first_ordinal);
CREATE INDEX dispatches_work ON dispatches (partner_id, id) WHERE state IN ('ready', 'leased');
CREATE INDEX dispatches_stopped ON dispatches (id) WHERE state = 'stopped';

CREATE TABLE idempotency_keys (
    partner_id  text        NOT NULL,
    key_digest  bytea       NOT NULL,
    state       text        NOT NULL CHECK (state IN ('running', 'done')),
    owner       text        NOT NULL,
    lease_until timestamptz NOT NULL,
    body_digest bytea,
    tracking_id text,
    location    text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (partner_id, key_digest),
    CONSTRAINT idempotency_keys_done CHECK ((state = 'done') = (tracking_id IS NOT NULL AND body_digest IS NOT NULL))
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- +goose Down
DROP TABLE idempotency_keys, dispatches, upload_hashes, upload_rows, uploads, batches, fences, consent_events,
    grants, consent_requests, used_assertions, client_secrets, oauth_clients, tenant_domains, tenants, partners;
DROP FUNCTION consent_events_are_final();
DROP SEQUENCE gate_ids;
