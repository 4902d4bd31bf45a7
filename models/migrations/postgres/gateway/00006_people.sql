-- Who may speak for a tenant: how its id and its domains were proven, how its people sign
-- in, who they are, and their sessions. No column holds a secret that could be used: the
-- client secret is sealed with a key outside the database, everything else is a digest.

-- +goose Up
ALTER TABLE tenants ADD COLUMN id_proof text NOT NULL DEFAULT 'issued' CHECK (id_proof IN ('issued', 'named', 'proven'));
ALTER TABLE tenants ADD COLUMN claimed_at timestamptz;
-- Ids made here are of version 7; any other was written by an operator and is unproven.
UPDATE tenants SET id_proof = 'named' WHERE substr(id, 15, 1) <> '7';

ALTER TABLE tenant_domains ADD COLUMN proof text NOT NULL DEFAULT 'operator' CHECK (proof IN ('operator', 'dns'));

CREATE TABLE domain_challenges (
    tenant_id  text        NOT NULL REFERENCES tenants (id),
    domain     text        NOT NULL,
    token      text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, domain)
);

CREATE TABLE tenant_sign_ins (
    tenant_id       text        PRIMARY KEY REFERENCES tenants (id),
    issuer          text        NOT NULL,
    client_id       text        NOT NULL,
    auth_method     text        NOT NULL CHECK (auth_method IN ('client_secret_basic', 'client_secret_post', 'private_key_jwt')),
    sealed_secret   bytea,
    role_claim      text        NOT NULL DEFAULT '',
    admin_values    text        NOT NULL DEFAULT '',
    approver_values text        NOT NULL DEFAULT '',
    require_mfa     boolean     NOT NULL DEFAULT true,
    acr_values      text        NOT NULL DEFAULT '',
    amr_values      text        NOT NULL DEFAULT '',
    version         bigint      NOT NULL DEFAULT 1,
    set_by          text        NOT NULL CHECK (set_by IN ('customer', 'operator', 'system')),
    set_by_id       text        NOT NULL,
    set_at          timestamptz NOT NULL,
    CONSTRAINT tenant_sign_ins_secret CHECK ((auth_method = 'private_key_jwt') = (sealed_secret IS NULL))
);

CREATE TABLE people (
    id              text        PRIMARY KEY,
    tenant_id       text        NOT NULL REFERENCES tenants (id),
    issuer          text        NOT NULL,
    subject         text        NOT NULL,
    name            text        NOT NULL DEFAULT '',
    email           text        NOT NULL DEFAULT '',
    given_role      text        CHECK (given_role IN ('admin', 'approver')),
    claim_role      text        CHECK (claim_role IN ('admin', 'approver')),
    state           text        NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at      timestamptz NOT NULL,
    last_sign_in_at timestamptz
);
-- A person is (iss, sub) within a tenant; an address or a name is never looked up.
CREATE UNIQUE INDEX people_identity ON people (tenant_id, issuer, subject);

CREATE TABLE tenant_invitations (
    id         text        PRIMARY KEY,
    tenant_id  text        NOT NULL REFERENCES tenants (id),
    digest     bytea       NOT NULL,
    created_by text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    used_by    text        REFERENCES people (id)
);
CREATE UNIQUE INDEX tenant_invitations_digest ON tenant_invitations (digest);
CREATE INDEX tenant_invitations_tenant ON tenant_invitations (tenant_id);

-- Sign-ins that wait for the provider's answer. Nonce and PKCE verifier are derived from
-- the browser's cookie, of which only a digest is here.
CREATE TABLE sign_in_attempts (
    state_digest   bytea       PRIMARY KEY,
    browser_digest bytea       NOT NULL,
    tenant_id      text        NOT NULL,
    purpose        text        NOT NULL CHECK (purpose IN ('sign_in', 'step_up')),
    version        bigint      NOT NULL,
    return_to      text        NOT NULL,
    session_digest bytea,
    invitation_id  text,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    CONSTRAINT sign_in_attempts_step_up CHECK ((purpose = 'step_up') = (session_digest IS NOT NULL))
);
CREATE INDEX sign_in_attempts_expiry ON sign_in_attempts (expires_at);

CREATE TABLE person_sessions (
    digest     bytea       PRIMARY KEY,
    person_id  text        NOT NULL REFERENCES people (id),
    tenant_id  text        NOT NULL REFERENCES tenants (id),
    acr        text        NOT NULL DEFAULT '',
    amr        text        NOT NULL DEFAULT '',
    auth_time  timestamptz,
    mfa        boolean     NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX person_sessions_person ON person_sessions (person_id);
CREATE INDEX person_sessions_expiry ON person_sessions (expires_at);

-- +goose Down
DROP TABLE person_sessions, sign_in_attempts, tenant_invitations, people, tenant_sign_ins, domain_challenges;
ALTER TABLE tenant_domains DROP COLUMN proof;
ALTER TABLE tenants DROP COLUMN claimed_at;
ALTER TABLE tenants DROP COLUMN id_proof;
