-- What a grant may be limited to, its versions, consents that rest on another partner's
-- grant, and the links that make them.

-- +goose Up
ALTER TABLE consent_requests
    ADD COLUMN manufacturers   text,
    ADD COLUMN group_tags      text,
    ADD COLUMN purchase_orders text,
    ADD COLUMN amends          text,
    ADD COLUMN derives         text;
ALTER TABLE consent_requests ADD CONSTRAINT consent_requests_about CHECK (amends IS NULL OR derives IS NULL);

ALTER TABLE grants
    ADD COLUMN manufacturers   text,
    ADD COLUMN group_tags      text,
    ADD COLUMN purchase_orders text,
    ADD COLUMN version         bigint NOT NULL DEFAULT 1,
    ADD COLUMN recount_version bigint NOT NULL DEFAULT 1,
    ADD COLUMN devices_recount bigint NOT NULL DEFAULT 0,
    ADD COLUMN derived_from    text,
    ADD COLUMN link_id         text,
    ADD COLUMN last_used_at    timestamptz,
    ADD COLUMN last_tracking_id   text,
    ADD COLUMN last_row           integer,
    ADD COLUMN last_device_id     text,
    ADD COLUMN last_registered_at timestamptz;
ALTER TABLE grants ADD CONSTRAINT grants_recount CHECK (devices_recount >= 0);
ALTER TABLE grants ADD CONSTRAINT grants_derived CHECK ((derived_from IS NULL) = (link_id IS NULL));

-- A partner has at most one grant of its own of a tenant that can still let anything
-- through, and at most one under each grant of another partner.
DROP INDEX grants_live;
CREATE UNIQUE INDEX grants_live ON grants (partner_id, tenant_id) WHERE state IN ('active', 'suspended') AND derived_from IS NULL;
CREATE UNIQUE INDEX grants_live_derived ON grants (derived_from, partner_id) WHERE state IN ('active', 'suspended') AND derived_from IS NOT NULL;
CREATE INDEX grants_derived_from ON grants (derived_from) WHERE derived_from IS NOT NULL;
CREATE INDEX grants_link ON grants (link_id) WHERE link_id IS NOT NULL;

-- What a grant said, from each change on; the newest says what it says now.
CREATE TABLE grant_versions (
    grant_id        text        NOT NULL REFERENCES grants (id),
    version         bigint      NOT NULL CHECK (version > 0),
    change          text        NOT NULL CHECK (change IN ('given', 'narrowed', 'widened', 'changed', 'renewed')),
    epoch           bigint      NOT NULL,
    scopes          text        NOT NULL,
    device_limit    bigint      CHECK (device_limit > 0),
    manufacturers   text,
    group_tags      text,
    purchase_orders text,
    expires_at      timestamptz NOT NULL,
    request_id      text,
    evidence_id     text,
    actor           text        NOT NULL CHECK (actor IN ('customer', 'partner', 'operator', 'system')),
    actor_id        text        NOT NULL,
    reason          text        NOT NULL,
    http_request    text        NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (grant_id, version)
);
INSERT INTO grant_versions (grant_id, version, change, epoch, scopes, device_limit, expires_at, request_id, actor, actor_id, reason, http_request, at)
SELECT g.id, 1, 'given', 1, g.scopes, g.device_limit, g.expires_at, g.request_id, e.actor, e.actor_id, e.reason, e.http_request, e.at
FROM grants g JOIN consent_events e ON e.subject = 'grant' AND e.subject_id = g.id AND e.from_state = '';

-- +goose StatementBegin
CREATE FUNCTION grant_versions_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'grant_versions is append-only';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER grant_versions_no_change BEFORE UPDATE OR DELETE ON grant_versions
    FOR EACH ROW EXECUTE FUNCTION grant_versions_are_final();

-- Which provider acts for which reseller. The reseller makes a link, the provider or
-- an operator accepts it, any of them ends it.
CREATE TABLE partner_links (
    id          text        PRIMARY KEY,
    reseller_id text        NOT NULL REFERENCES partners (id),
    provider_id text        NOT NULL REFERENCES partners (id),
    state       text        NOT NULL CHECK (state IN ('pending', 'active', 'ended')),
    created_by  text        NOT NULL,
    created_at  timestamptz NOT NULL,
    accepted_by text,
    accepted_at timestamptz,
    ended_by    text        CHECK (ended_by IN ('customer', 'partner', 'operator', 'system')),
    ended_at    timestamptz,
    CONSTRAINT partner_links_two CHECK (reseller_id <> provider_id),
    CONSTRAINT partner_links_accepted CHECK (state <> 'active' OR accepted_at IS NOT NULL),
    CONSTRAINT partner_links_ended CHECK ((state = 'ended') = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX partner_links_live ON partner_links (reseller_id, provider_id) WHERE state IN ('pending', 'active');
CREATE INDEX partner_links_provider ON partner_links (provider_id);

-- Under which version of the grant the rows were let through last.
ALTER TABLE dispatches ADD COLUMN grant_version bigint NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE dispatches DROP COLUMN grant_version;
DROP TABLE partner_links, grant_versions;
DROP FUNCTION grant_versions_are_final();
DROP INDEX grants_link, grants_derived_from, grants_live_derived, grants_live;
DELETE FROM grants WHERE derived_from IS NOT NULL;
CREATE UNIQUE INDEX grants_live ON grants (partner_id, tenant_id) WHERE state IN ('active', 'suspended');
ALTER TABLE grants DROP CONSTRAINT grants_derived;
ALTER TABLE grants DROP CONSTRAINT grants_recount;
ALTER TABLE grants
    DROP COLUMN last_registered_at, DROP COLUMN last_device_id, DROP COLUMN last_row, DROP COLUMN last_tracking_id,
    DROP COLUMN last_used_at, DROP COLUMN link_id, DROP COLUMN derived_from, DROP COLUMN devices_recount,
    DROP COLUMN recount_version, DROP COLUMN version, DROP COLUMN purchase_orders, DROP COLUMN group_tags, DROP COLUMN manufacturers;
ALTER TABLE consent_requests DROP CONSTRAINT consent_requests_about;
ALTER TABLE consent_requests DROP COLUMN derives, DROP COLUMN amends, DROP COLUMN purchase_orders, DROP COLUMN group_tags, DROP COLUMN manufacturers;
