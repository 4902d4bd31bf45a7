-- The core's tables. Every name of an index is the same in both dialects. Tables
-- on the path of a registration carry no foreign keys: the one transaction that
-- writes them writes both sides, and a check per row would cost as much as the row.

-- +goose Up

-- Blocks of identity numbers, drawn ahead in short transactions of their own.
CREATE TABLE id_series (
    name    text   PRIMARY KEY,
    next_id bigint NOT NULL CHECK (next_id > 0)
);
INSERT INTO id_series (name, next_id) VALUES ('identities', 1);

-- What is known of a device: cleaned values, blank or NULL when unknown. It
-- outlives every registration.
CREATE TABLE identities (
    id           bigint      PRIMARY KEY,
    ek_digest    bytea       CHECK (octet_length(ek_digest) = 32),
    smbios_uuid  bytea       CHECK (octet_length(smbios_uuid) = 16),
    macs         bytea       CHECK (octet_length(macs) % 6 = 0),
    manufacturer text        NOT NULL DEFAULT '',
    product      text        NOT NULL DEFAULT '',
    serial       text        NOT NULL DEFAULT '',
    system_disk  text        NOT NULL DEFAULT '',
    product_key  text        NOT NULL DEFAULT '',
    reported_by  text        NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    captured_at  timestamptz NOT NULL
);

-- The bytes of the hash the identity was last taken from, apart from narrow rows.
CREATE TABLE identity_hashes (
    identity_id bigint PRIMARY KEY,
    digest      bytea  NOT NULL CHECK (octet_length(digest) = 32),
    hash        bytea  NOT NULL
);
ALTER TABLE identity_hashes ALTER COLUMN hash SET STORAGE EXTERNAL;

-- Where to look for candidates. A key is a kind in its top bits and a local,
-- lossy number below; a hit is always verified against the identity's values.
CREATE TABLE identity_keys (
    key         bigint NOT NULL,
    identity_id bigint NOT NULL,
    PRIMARY KEY (key, identity_id)
);

CREATE TABLE registrations (
    id            text        PRIMARY KEY,
    identity_id   bigint      NOT NULL,
    tenant_id     text        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('active', 'ended')),
    authority     text        NOT NULL CHECK (authority IN ('grant', 'tenant')),
    partner_id    text        NOT NULL DEFAULT '',
    client_id     text        NOT NULL DEFAULT '',
    grant_id      text        NOT NULL DEFAULT '',
    tracking_id   text        NOT NULL,
    ordinal       integer     NOT NULL CHECK (ordinal > 0),
    group_tag     text        NOT NULL DEFAULT '',
    order_data    text,
    registered_at timestamptz NOT NULL,
    ended_at      timestamptz,
    CONSTRAINT registrations_ended CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CONSTRAINT registrations_grant CHECK ((authority = 'grant') = (grant_id <> ''))
);
CREATE UNIQUE INDEX registrations_active ON registrations (identity_id) WHERE state = 'active';
CREATE INDEX registrations_tenant ON registrations (tenant_id, id);

-- The one arbiter of ownership: an anchor belongs to at most one active
-- registration, whatever two transactions saw when they began.
CREATE TABLE registration_anchors (
    kind        text   NOT NULL CHECK (kind IN ('E', 'U', 'S')),
    key         bytea  NOT NULL,
    identity_id bigint NOT NULL,
    PRIMARY KEY (kind, key)
);

-- The core's word on a row of an upload, kept at least 35 days. Tracking ids are
-- ordered by time, so the primary key also serves trimming by age.
CREATE TABLE answers (
    tracking_id text        NOT NULL,
    ordinal     integer     NOT NULL CHECK (ordinal > 0),
    code        text        NOT NULL,
    detail      text        NOT NULL DEFAULT '',
    device_id   text        NOT NULL DEFAULT '',
    absent      boolean     NOT NULL DEFAULT false,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (tracking_id, ordinal),
    CONSTRAINT answers_absent CHECK (NOT absent OR (code = '' AND device_id = ''))
);

CREATE TABLE fences (
    kind       text        NOT NULL CHECK (kind IN ('partner', 'client', 'tenant', 'grant')),
    subject_id text        NOT NULL,
    min_epoch  bigint      NOT NULL,
    set_at     timestamptz NOT NULL,
    PRIMARY KEY (kind, subject_id)
);

CREATE TABLE device_events (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity_id bigint      NOT NULL,
    device_id   text        NOT NULL DEFAULT '',
    kind        text        NOT NULL CHECK (kind IN ('registered', 'seen', 'contested', 'attention', 'removed')),
    tenant_id   text        NOT NULL,
    partner_id  text        NOT NULL DEFAULT '',
    client_id   text        NOT NULL DEFAULT '',
    grant_id    text        NOT NULL DEFAULT '',
    tracking_id text        NOT NULL,
    ordinal     integer     NOT NULL,
    reason      text        NOT NULL DEFAULT '',
    at          timestamptz NOT NULL
);
CREATE INDEX device_events_identity ON device_events (identity_id, id);

-- The history is append-only for everybody who speaks SQL as the core does.
-- +goose StatementBegin
CREATE FUNCTION device_events_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'device_events is append-only';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER device_events_no_change BEFORE UPDATE OR DELETE ON device_events
    FOR EACH ROW EXECUTE FUNCTION device_events_are_final();

-- +goose Down
DROP TABLE device_events, fences, answers, registration_anchors, registrations, identity_keys, identity_hashes,
    identities, id_series;
DROP FUNCTION device_events_are_final();
