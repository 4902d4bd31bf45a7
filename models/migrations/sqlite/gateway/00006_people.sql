-- Who may speak for a tenant: how its id and its domains were proven, how its people sign
-- in, who they are, and their sessions. No column holds a secret that could be used: the
-- client secret is sealed with a key outside the database, everything else is a digest.

-- +goose Up
ALTER TABLE tenants ADD COLUMN id_proof TEXT NOT NULL DEFAULT 'issued' CHECK (id_proof IN ('issued', 'named', 'proven'));
ALTER TABLE tenants ADD COLUMN claimed_at DATETIME;
-- Ids made here are of version 7; any other was written by an operator and is unproven.
UPDATE tenants SET id_proof = 'named' WHERE substr(id, 15, 1) <> '7';

ALTER TABLE tenant_domains ADD COLUMN proof TEXT NOT NULL DEFAULT 'operator' CHECK (proof IN ('operator', 'dns'));

CREATE TABLE domain_challenges (
    tenant_id  TEXT        NOT NULL REFERENCES tenants (id),
    domain     TEXT        NOT NULL,
    token      TEXT        NOT NULL,
    created_at DATETIME    NOT NULL,
    expires_at DATETIME    NOT NULL,
    PRIMARY KEY (tenant_id, domain)
);

CREATE TABLE tenant_sign_ins (
    tenant_id       TEXT        NOT NULL PRIMARY KEY REFERENCES tenants (id),
    issuer          TEXT        NOT NULL,
    client_id       TEXT        NOT NULL,
    auth_method     TEXT        NOT NULL CHECK (auth_method IN ('client_secret_basic', 'client_secret_post', 'private_key_jwt')),
    sealed_secret   BLOB,
    role_claim      TEXT        NOT NULL DEFAULT '',
    admin_values    TEXT        NOT NULL DEFAULT '',
    approver_values TEXT        NOT NULL DEFAULT '',
    require_mfa     BOOLEAN     NOT NULL DEFAULT true,
    acr_values      TEXT        NOT NULL DEFAULT '',
    amr_values      TEXT        NOT NULL DEFAULT '',
    version         INTEGER     NOT NULL DEFAULT 1,
    set_by          TEXT        NOT NULL CHECK (set_by IN ('customer', 'operator', 'system')),
    set_by_id       TEXT        NOT NULL,
    set_at          DATETIME    NOT NULL,
    CONSTRAINT tenant_sign_ins_secret CHECK ((auth_method = 'private_key_jwt') = (sealed_secret IS NULL))
);

CREATE TABLE people (
    id              TEXT        NOT NULL PRIMARY KEY,
    tenant_id       TEXT        NOT NULL REFERENCES tenants (id),
    issuer          TEXT        NOT NULL,
    subject         TEXT        NOT NULL,
    name            TEXT        NOT NULL DEFAULT '',
    email           TEXT        NOT NULL DEFAULT '',
    given_role      TEXT        CHECK (given_role IN ('admin', 'approver')),
    claim_role      TEXT        CHECK (claim_role IN ('admin', 'approver')),
    state           TEXT        NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at      DATETIME    NOT NULL,
    last_sign_in_at DATETIME
);
-- A person is (iss, sub) within a tenant; an address or a name is never looked up.
CREATE UNIQUE INDEX people_identity ON people (tenant_id, issuer, subject);

CREATE TABLE tenant_invitations (
    id         TEXT        NOT NULL PRIMARY KEY,
    tenant_id  TEXT        NOT NULL REFERENCES tenants (id),
    digest     BLOB        NOT NULL,
    created_by TEXT        NOT NULL,
    created_at DATETIME    NOT NULL,
    expires_at DATETIME    NOT NULL,
    ended_at   DATETIME,
    used_by    TEXT        REFERENCES people (id)
);
CREATE UNIQUE INDEX tenant_invitations_digest ON tenant_invitations (digest);
CREATE INDEX tenant_invitations_tenant ON tenant_invitations (tenant_id);

-- Sign-ins that wait for the provider's answer. Nonce and PKCE verifier are derived from
-- the browser's cookie, of which only a digest is here.
CREATE TABLE sign_in_attempts (
    state_digest   BLOB        NOT NULL PRIMARY KEY,
    browser_digest BLOB        NOT NULL,
    tenant_id      TEXT        NOT NULL,
    purpose        TEXT        NOT NULL CHECK (purpose IN ('sign_in', 'step_up')),
    version        INTEGER     NOT NULL,
    return_to      TEXT        NOT NULL,
    session_digest BLOB,
    invitation_id  TEXT,
    created_at     DATETIME    NOT NULL,
    expires_at     DATETIME    NOT NULL,
    CONSTRAINT sign_in_attempts_step_up CHECK ((purpose = 'step_up') = (session_digest IS NOT NULL))
);
CREATE INDEX sign_in_attempts_expiry ON sign_in_attempts (expires_at);

CREATE TABLE person_sessions (
    digest     BLOB        NOT NULL PRIMARY KEY,
    person_id  TEXT        NOT NULL REFERENCES people (id),
    tenant_id  TEXT        NOT NULL REFERENCES tenants (id),
    acr        TEXT        NOT NULL DEFAULT '',
    amr        TEXT        NOT NULL DEFAULT '',
    auth_time  DATETIME,
    mfa        BOOLEAN     NOT NULL,
    created_at DATETIME    NOT NULL,
    seen_at    DATETIME    NOT NULL,
    expires_at DATETIME    NOT NULL
);
CREATE INDEX person_sessions_person ON person_sessions (person_id);
CREATE INDEX person_sessions_expiry ON person_sessions (expires_at);

-- +goose Down
DROP TABLE person_sessions;
DROP TABLE sign_in_attempts;
DROP TABLE tenant_invitations;
DROP TABLE people;
DROP TABLE tenant_sign_ins;
DROP TABLE domain_challenges;
ALTER TABLE tenant_domains DROP COLUMN proof;
ALTER TABLE tenants DROP COLUMN claimed_at;
ALTER TABLE tenants DROP COLUMN id_proof;
