-- The ledger: what happened, in the order one sequencer gave it, chained for everybody and
-- for each party.

-- +goose Up
CREATE TABLE ledger_entries (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id     text        NOT NULL,
    kind         text        NOT NULL,
    subject      text        NOT NULL,
    subject_id   text        NOT NULL,
    partner_id   text        NOT NULL,
    tenant_id    text        NOT NULL,
    actor        text        NOT NULL CHECK (actor IN ('customer', 'partner', 'operator', 'system')),
    actor_id     text        NOT NULL,
    http_request text        NOT NULL,
    event_id     bigint,
    body         text        NOT NULL,
    at           timestamptz NOT NULL
);
CREATE UNIQUE INDEX ledger_entries_entry ON ledger_entries (entry_id);
CREATE UNIQUE INDEX ledger_entries_event ON ledger_entries (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX ledger_entries_subject ON ledger_entries (subject_id, id);

-- Entries without a place in the chains yet; the sequencer takes them out in the
-- transaction that gives them one.
CREATE TABLE ledger_inbox (
    id bigint PRIMARY KEY
);

-- The chains: one of everything, one per partner, one per tenant. A line is what was
-- hashed, to the byte, with what its reader may not see left out.
CREATE TABLE ledger_links (
    chain text   NOT NULL,
    seq   bigint NOT NULL CHECK (seq > 0),
    entry bigint NOT NULL,
    line  text   NOT NULL,
    hash  bytea  NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (chain, seq)
);
CREATE UNIQUE INDEX ledger_links_entry ON ledger_links (entry, chain);

-- The end of each chain, so that no entry looks for it.
CREATE TABLE ledger_chains (
    name text   PRIMARY KEY,
    seq  bigint NOT NULL,
    hash bytea  NOT NULL CHECK (octet_length(hash) = 32)
);

CREATE TABLE ledger_checkpoints (
    chain text        NOT NULL,
    seq   bigint      NOT NULL,
    jws   text        NOT NULL,
    at    timestamptz NOT NULL,
    PRIMARY KEY (chain, seq)
);

-- One row. Whoever holds the lease has raised its number; a former holder knows an older one.
CREATE TABLE ledger_lease (
    name        text        PRIMARY KEY,
    number      bigint      NOT NULL,
    holder      text        NOT NULL,
    lease_until timestamptz NOT NULL
);
INSERT INTO ledger_lease (name, number, holder, lease_until) VALUES ('sequencer', 0, '', '2000-01-01T00:00:00Z');

-- +goose StatementBegin
CREATE FUNCTION ledger_await_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_inbox (id) VALUES (NEW.id);
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER ledger_entries_wait AFTER INSERT ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_await_place();

-- The ledger is append-only for everybody who speaks SQL as the gateway does.
-- +goose StatementBegin
CREATE FUNCTION ledger_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER ledger_entries_no_change BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_is_final();
CREATE TRIGGER ledger_links_no_change BEFORE UPDATE OR DELETE ON ledger_links
    FOR EACH ROW EXECUTE FUNCTION ledger_is_final();
CREATE TRIGGER ledger_checkpoints_no_change BEFORE UPDATE OR DELETE ON ledger_checkpoints
    FOR EACH ROW EXECUTE FUNCTION ledger_is_final();

-- +goose Down
DROP TABLE ledger_lease;
DROP TABLE ledger_checkpoints;
DROP TABLE ledger_chains;
DROP TABLE ledger_links;
DROP TABLE ledger_inbox;
DROP TABLE ledger_entries;
DROP FUNCTION ledger_is_final;
DROP FUNCTION ledger_await_place;
