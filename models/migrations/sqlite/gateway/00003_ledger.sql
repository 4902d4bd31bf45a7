-- The ledger: what happened, in the order one sequencer gave it, chained for everybody and
-- for each party.

-- +goose Up
CREATE TABLE ledger_entries (
    id           INTEGER     PRIMARY KEY AUTOINCREMENT,
    entry_id     TEXT        NOT NULL,
    kind         TEXT        NOT NULL,
    subject      TEXT        NOT NULL,
    subject_id   TEXT        NOT NULL,
    partner_id   TEXT        NOT NULL,
    tenant_id    TEXT        NOT NULL,
    actor        TEXT        NOT NULL CHECK (actor IN ('customer', 'partner', 'operator', 'system')),
    actor_id     TEXT        NOT NULL,
    http_request TEXT        NOT NULL,
    event_id     INTEGER,
    body         TEXT        NOT NULL,
    at           DATETIME    NOT NULL
);
CREATE UNIQUE INDEX ledger_entries_entry ON ledger_entries (entry_id);
CREATE UNIQUE INDEX ledger_entries_event ON ledger_entries (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX ledger_entries_subject ON ledger_entries (subject_id, id);

-- Entries without a place in the chains yet; the sequencer takes them out in the
-- transaction that gives them one.
CREATE TABLE ledger_inbox (
    id INTEGER PRIMARY KEY
);

-- The chains: one of everything, one per partner, one per tenant. A line is what was
-- hashed, to the byte, with what its reader may not see left out.
CREATE TABLE ledger_links (
    chain TEXT    NOT NULL,
    seq   INTEGER NOT NULL CHECK (seq > 0),
    entry INTEGER NOT NULL,
    line  TEXT    NOT NULL,
    hash  BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (chain, seq)
);
CREATE UNIQUE INDEX ledger_links_entry ON ledger_links (entry, chain);

-- The end of each chain, so that no entry looks for it.
CREATE TABLE ledger_chains (
    name TEXT    NOT NULL PRIMARY KEY,
    seq  INTEGER NOT NULL,
    hash BLOB    NOT NULL CHECK (length(hash) = 32)
);

CREATE TABLE ledger_checkpoints (
    chain TEXT     NOT NULL,
    seq   INTEGER  NOT NULL,
    jws   TEXT     NOT NULL,
    at    DATETIME NOT NULL,
    PRIMARY KEY (chain, seq)
);

-- One row. Whoever holds the lease has raised its number; a former holder knows an older one.
CREATE TABLE ledger_lease (
    name        TEXT     NOT NULL PRIMARY KEY,
    number      INTEGER  NOT NULL,
    holder      TEXT     NOT NULL,
    lease_until DATETIME NOT NULL
);
INSERT INTO ledger_lease (name, number, holder, lease_until) VALUES ('sequencer', 0, '', '2000-01-01 00:00:00+00:00');

-- +goose StatementBegin
CREATE TRIGGER ledger_entries_wait AFTER INSERT ON ledger_entries
BEGIN
    INSERT INTO ledger_inbox (id) VALUES (NEW.id);
END;
-- +goose StatementEnd

-- The ledger is append-only for everybody who speaks SQL as the gateway does.
-- +goose StatementBegin
CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_links_no_update BEFORE UPDATE ON ledger_links
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_links_no_delete BEFORE DELETE ON ledger_links
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_checkpoints_no_update BEFORE UPDATE ON ledger_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_checkpoints_no_delete BEFORE DELETE ON ledger_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE ledger_lease;
DROP TABLE ledger_checkpoints;
DROP TABLE ledger_chains;
DROP TABLE ledger_links;
DROP TABLE ledger_inbox;
DROP TABLE ledger_entries;
