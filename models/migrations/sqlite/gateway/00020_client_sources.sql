-- From where clients proved themselves, each day; the ledger has an entry for each.

-- +goose Up
CREATE TABLE client_sources (
    client_id TEXT NOT NULL,
    day       TEXT NOT NULL,
    source    TEXT NOT NULL,
    refused   BOOLEAN NOT NULL,
    PRIMARY KEY (client_id, day, source, refused)
);
CREATE INDEX client_sources_day ON client_sources (day);

-- +goose Down
DROP TABLE client_sources;
