-- Attention: conflicts for a person to settle, what was settled, why captures were
-- matched or not, and what a hash was worth as evidence.

-- +goose Up

-- Conflicts that a person must settle. While one is open, the same capture of the
-- same submitter that conflicts with the same devices joins it.
CREATE TABLE attention_cases (
    id             text NOT NULL PRIMARY KEY,
    state          text NOT NULL CHECK (state IN ('open', 'settled')),
    settler        text NOT NULL CHECK (settler IN ('customer', 'manufacturer', 'operator')),
    settler_id     text NOT NULL DEFAULT '',
    fingerprint    bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    rule           integer NOT NULL,
    reason         text NOT NULL,
    authority      text NOT NULL CHECK (authority IN ('grant', 'tenant', 'factory')),
    tenant_id      text NOT NULL DEFAULT '',
    partner_id     text NOT NULL DEFAULT '',
    client_id      text NOT NULL DEFAULT '',
    grant_id       text NOT NULL DEFAULT '',
    tracking_id    text NOT NULL,
    ordinal        integer NOT NULL CHECK (ordinal > 0),
    rows           text NOT NULL DEFAULT '',
    times          integer NOT NULL CHECK (times > 0),
    opened_at      timestamptz NOT NULL,
    last_seen_at   timestamptz NOT NULL,
    settled_at     timestamptz,
    settled_as     text CHECK (settled_as IN ('same', 'different', 'replaces')),
    settled_by     text NOT NULL DEFAULT '' CHECK (settled_by IN ('', 'tenant', 'factory', 'operator')),
    settled_by_id  text NOT NULL DEFAULT '',
    settled_device text NOT NULL DEFAULT '',
    result_device  text NOT NULL DEFAULT '',
    note           text NOT NULL DEFAULT '',
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
    case_id text NOT NULL PRIMARY KEY,
    digest  bytea NOT NULL CHECK (octet_length(digest) = 32),
    hash    bytea NOT NULL
);
ALTER TABLE case_captures ALTER COLUMN hash SET STORAGE EXTERNAL;
CREATE TABLE case_parties (
    case_id     text NOT NULL,
    identity_id bigint NOT NULL,
    device_id   text NOT NULL DEFAULT '',
    tenant_id   text NOT NULL DEFAULT '',
    partner_id  text NOT NULL DEFAULT '',
    why         text NOT NULL DEFAULT '',
    PRIMARY KEY (case_id, identity_id)
);
CREATE INDEX case_parties_device ON case_parties (device_id) WHERE device_id <> '';

-- Two identities that are different devices, by a person's word.
CREATE TABLE settled_pairs (
    low        bigint NOT NULL,
    high       bigint NOT NULL,
    case_id    text NOT NULL,
    settled_at timestamptz NOT NULL,
    PRIMARY KEY (low, high),
    CONSTRAINT settled_pairs_order CHECK (low < high)
);
CREATE INDEX settled_pairs_high ON settled_pairs (high);

ALTER TABLE registrations
    ADD COLUMN quality      bigint NOT NULL DEFAULT 0,
    ADD COLUMN hash_made_at timestamptz;

ALTER TABLE device_events
    ADD COLUMN why          text NOT NULL DEFAULT '',
    ADD COLUMN other_device text NOT NULL DEFAULT '',
    ADD COLUMN case_id      text NOT NULL DEFAULT '';
ALTER TABLE device_events DROP CONSTRAINT device_events_kind_check;
ALTER TABLE device_events ADD CONSTRAINT device_events_kind_check CHECK (kind IN (
    'registered', 'seen', 'contested', 'attention', 'removed', 'reported', 'superseded', 'withdrawn', 'replaced', 'settled'));

-- +goose Down
ALTER TABLE device_events DISABLE TRIGGER device_events_no_change;
DELETE FROM device_events WHERE kind IN ('replaced', 'settled');
ALTER TABLE device_events ENABLE TRIGGER device_events_no_change;
ALTER TABLE device_events DROP CONSTRAINT device_events_kind_check;
ALTER TABLE device_events ADD CONSTRAINT device_events_kind_check CHECK (kind IN (
    'registered', 'seen', 'contested', 'attention', 'removed', 'reported', 'superseded', 'withdrawn'));
ALTER TABLE device_events DROP COLUMN why, DROP COLUMN other_device, DROP COLUMN case_id;
ALTER TABLE registrations DROP COLUMN quality, DROP COLUMN hash_made_at;
DROP TABLE settled_pairs;
DROP TABLE case_parties;
DROP TABLE case_captures;
DROP TABLE attention_cases;
