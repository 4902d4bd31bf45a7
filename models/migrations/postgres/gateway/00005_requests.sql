-- Links by which a person of the tenant finds a request, reminders, partners that a tenant
-- does not want to hear from, and the record of every decision.

-- +goose Up
ALTER TABLE consent_requests ADD COLUMN link_digest bytea CHECK (octet_length(link_digest) = 32);
ALTER TABLE consent_requests ADD COLUMN link_until timestamptz;
ALTER TABLE consent_requests ADD COLUMN reminders integer NOT NULL DEFAULT 0 CHECK (reminders >= 0);
ALTER TABLE consent_requests ADD COLUMN reminded_at timestamptz;
ALTER TABLE consent_requests ADD COLUMN muted boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX consent_requests_link ON consent_requests (link_digest) WHERE link_digest IS NOT NULL;
CREATE INDEX consent_requests_open ON consent_requests (partner_id, tenant_ref, expires_at) WHERE state = 'pending';

-- One row per partner that asks: its lock keeps the counting of requests exact.
CREATE TABLE consent_askers (
    partner_id text PRIMARY KEY REFERENCES partners (id),
    asked_at   timestamptz NOT NULL
);

CREATE TABLE partner_blocks (
    tenant_id  text NOT NULL REFERENCES tenants (id),
    partner_id text NOT NULL REFERENCES partners (id),
    reason     text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, partner_id)
);

-- What was decided, in which words, by whom, and how that person had proven who it is.
CREATE TABLE consent_decisions (
    id               text PRIMARY KEY,
    decision         text NOT NULL CHECK (decision IN ('granted', 'declined', 'widened', 'renewed')),
    request_id       text,
    grant_id         text,
    partner_id       text NOT NULL,
    tenant_id        text NOT NULL,
    scopes           text NOT NULL,
    device_limit     bigint,
    expires_at       timestamptz NOT NULL,
    language         text NOT NULL,
    wording_version  text NOT NULL,
    wording          text NOT NULL,
    wording_digest   text NOT NULL,
    shown_digest     text NOT NULL,
    actor_id         text NOT NULL,
    person_id        text,
    person_name      text NOT NULL,
    person_role      text NOT NULL,
    issuer           text NOT NULL,
    subject          text NOT NULL,
    acr              text NOT NULL,
    amr              text NOT NULL,
    auth_time        timestamptz,
    http_request     text NOT NULL,
    at               timestamptz NOT NULL,
    CONSTRAINT consent_decisions_about CHECK (request_id IS NOT NULL OR grant_id IS NOT NULL),
    CONSTRAINT consent_decisions_person CHECK (person_id IS NOT NULL OR auth_time IS NULL)
);
CREATE INDEX consent_decisions_request ON consent_decisions (request_id);
CREATE INDEX consent_decisions_grant ON consent_decisions (grant_id);

-- +goose StatementBegin
CREATE FUNCTION consent_decisions_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'consent_decisions is append-only';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER consent_decisions_no_change BEFORE UPDATE OR DELETE ON consent_decisions
    FOR EACH ROW EXECUTE FUNCTION consent_decisions_are_final();

-- +goose Down
DROP TABLE consent_decisions;
DROP FUNCTION consent_decisions_are_final();
DROP TABLE partner_blocks;
DROP TABLE consent_askers;
DROP INDEX consent_requests_open;
DROP INDEX consent_requests_link;
ALTER TABLE consent_requests DROP COLUMN muted;
ALTER TABLE consent_requests DROP COLUMN reminded_at;
ALTER TABLE consent_requests DROP COLUMN reminders;
ALTER TABLE consent_requests DROP COLUMN link_until;
ALTER TABLE consent_requests DROP COLUMN link_digest;
