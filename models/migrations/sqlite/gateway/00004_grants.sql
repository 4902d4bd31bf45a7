-- What a grant may be limited to, its versions, consents that rest on another partner's
-- grant, and the links that make them.

-- +goose Up
ALTER TABLE consent_requests ADD COLUMN manufacturers TEXT;
ALTER TABLE consent_requests ADD COLUMN group_tags TEXT;
ALTER TABLE consent_requests ADD COLUMN purchase_orders TEXT;
ALTER TABLE consent_requests ADD COLUMN amends TEXT;
ALTER TABLE consent_requests ADD COLUMN derives TEXT CHECK (amends IS NULL OR derives IS NULL);

ALTER TABLE grants ADD COLUMN manufacturers TEXT;
ALTER TABLE grants ADD COLUMN group_tags TEXT;
ALTER TABLE grants ADD COLUMN purchase_orders TEXT;
ALTER TABLE grants ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE grants ADD COLUMN recount_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE grants ADD COLUMN devices_recount INTEGER NOT NULL DEFAULT 0 CHECK (devices_recount >= 0);
ALTER TABLE grants ADD COLUMN derived_from TEXT;
ALTER TABLE grants ADD COLUMN link_id TEXT CHECK ((derived_from IS NULL) = (link_id IS NULL));
ALTER TABLE grants ADD COLUMN last_used_at DATETIME;
ALTER TABLE grants ADD COLUMN last_tracking_id TEXT;
ALTER TABLE grants ADD COLUMN last_row INTEGER;
ALTER TABLE grants ADD COLUMN last_device_id TEXT;
ALTER TABLE grants ADD COLUMN last_registered_at DATETIME;

-- A partner has at most one grant of its own of a tenant that can still let anything
-- through, and at most one under each grant of another partner.
DROP INDEX grants_live;
CREATE UNIQUE INDEX grants_live ON grants (partner_id, tenant_id) WHERE state IN ('active', 'suspended') AND derived_from IS NULL;
CREATE UNIQUE INDEX grants_live_derived ON grants (derived_from, partner_id) WHERE state IN ('active', 'suspended') AND derived_from IS NOT NULL;
CREATE INDEX grants_derived_from ON grants (derived_from) WHERE derived_from IS NOT NULL;
CREATE INDEX grants_link ON grants (link_id) WHERE link_id IS NOT NULL;

-- What a grant said, from each change on; the newest says what it says now.
CREATE TABLE grant_versions (
    grant_id        TEXT     NOT NULL REFERENCES grants (id),
    version         INTEGER  NOT NULL CHECK (version > 0),
    change          TEXT     NOT NULL CHECK (change IN ('given', 'narrowed', 'widened', 'changed', 'renewed')),
    epoch           INTEGER  NOT NULL,
    scopes          TEXT     NOT NULL,
    device_limit    INTEGER  CHECK (device_limit > 0),
    manufacturers   TEXT,
    group_tags      TEXT,
    purchase_orders TEXT,
    expires_at      DATETIME NOT NULL,
    request_id      TEXT,
    evidence_id     TEXT,
    actor           TEXT     NOT NULL CHECK (actor IN ('customer', 'partner', 'operator', 'system')),
    actor_id        TEXT     NOT NULL,
    reason          TEXT     NOT NULL,
    http_request    TEXT     NOT NULL,
    at              DATETIME NOT NULL,
    PRIMARY KEY (grant_id, version)
);
INSERT INTO grant_versions (grant_id, version, change, epoch, scopes, device_limit, expires_at, request_id, actor, actor_id, reason, http_request, at)
SELECT g.id, 1, 'given', 1, g.scopes, g.device_limit, g.expires_at, g.request_id, e.actor, e.actor_id, e.reason, e.http_request, e.at
FROM grants g JOIN consent_events e ON e.subject = 'grant' AND e.subject_id = g.id AND e.from_state = '';

-- +goose StatementBegin
CREATE TRIGGER grant_versions_no_update BEFORE UPDATE ON grant_versions
BEGIN
    SELECT RAISE(ABORT, 'grant_versions is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER grant_versions_no_delete BEFORE DELETE ON grant_versions
BEGIN
    SELECT RAISE(ABORT, 'grant_versions is append-only');
END;
-- +goose StatementEnd

-- Which provider acts for which reseller. The reseller makes a link, the provider or
-- an operator accepts it, any of them ends it.
CREATE TABLE partner_links (
    id          TEXT     NOT NULL PRIMARY KEY,
    reseller_id TEXT     NOT NULL REFERENCES partners (id),
    provider_id TEXT     NOT NULL REFERENCES partners (id),
    state       TEXT     NOT NULL CHECK (state IN ('pending', 'active', 'ended')),
    created_by  TEXT     NOT NULL,
    created_at  DATETIME NOT NULL,
    accepted_by TEXT,
    accepted_at DATETIME,
    ended_by    TEXT     CHECK (ended_by IN ('customer', 'partner', 'operator', 'system')),
    ended_at    DATETIME,
    CONSTRAINT partner_links_two CHECK (reseller_id <> provider_id),
    CONSTRAINT partner_links_accepted CHECK (state <> 'active' OR accepted_at IS NOT NULL),
    CONSTRAINT partner_links_ended CHECK ((state = 'ended') = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX partner_links_live ON partner_links (reseller_id, provider_id) WHERE state IN ('pending', 'active');
CREATE INDEX partner_links_provider ON partner_links (provider_id);

-- Under which version of the grant the rows were let through last.
ALTER TABLE dispatches ADD COLUMN grant_version INTEGER NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE dispatches DROP COLUMN grant_version;
DROP TABLE partner_links;
DROP TABLE grant_versions;
DROP INDEX grants_link;
DROP INDEX grants_derived_from;
DROP INDEX grants_live_derived;
DROP INDEX grants_live;
DELETE FROM grants WHERE derived_from IS NOT NULL;
CREATE UNIQUE INDEX grants_live ON grants (partner_id, tenant_id) WHERE state IN ('active', 'suspended');
ALTER TABLE grants DROP COLUMN last_registered_at;
ALTER TABLE grants DROP COLUMN last_device_id;
ALTER TABLE grants DROP COLUMN last_row;
ALTER TABLE grants DROP COLUMN last_tracking_id;
ALTER TABLE grants DROP COLUMN last_used_at;
ALTER TABLE grants DROP COLUMN link_id;
ALTER TABLE grants DROP COLUMN derived_from;
ALTER TABLE grants DROP COLUMN devices_recount;
ALTER TABLE grants DROP COLUMN recount_version;
ALTER TABLE grants DROP COLUMN version;
ALTER TABLE grants DROP COLUMN purchase_orders;
ALTER TABLE grants DROP COLUMN group_tags;
ALTER TABLE grants DROP COLUMN manufacturers;
ALTER TABLE consent_requests DROP COLUMN derives;
ALTER TABLE consent_requests DROP COLUMN amends;
ALTER TABLE consent_requests DROP COLUMN purchase_orders;
ALTER TABLE consent_requests DROP COLUMN group_tags;
ALTER TABLE consent_requests DROP COLUMN manufacturers;
