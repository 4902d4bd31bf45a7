-- From where clients proved themselves, each day; the ledger has an entry for each.

-- +goose Up
CREATE TABLE client_sources (
    client_id text NOT NULL,
    day       text NOT NULL,
    source    text NOT NULL,
    refused   boolean NOT NULL,
    PRIMARY KEY (client_id, day, source, refused)
);
CREATE INDEX client_sources_day ON client_sources (day);

-- +goose Down
DROP TABLE client_sources;
