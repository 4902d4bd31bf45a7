-- Mails about what happened to consent.

-- +goose Up
ALTER TABLE partners ADD COLUMN contact_email TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN language TEXT NOT NULL DEFAULT 'en';

-- One row per mail. The occasion keeps it from being written twice; text and recipient
-- are gone once it is done.
CREATE TABLE notices (
    id         TEXT PRIMARY KEY NOT NULL,
    occasion   TEXT NOT NULL,
    recipient  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    body       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('ready', 'sent', 'dead')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    run_at     DATETIME NOT NULL,
    created_at DATETIME NOT NULL,
    done_at    DATETIME,
    CONSTRAINT notices_done CHECK ((state = 'ready') = (done_at IS NULL))
);
CREATE UNIQUE INDEX notices_occasion ON notices (occasion);
CREATE INDEX notices_due ON notices (run_at, id) WHERE state = 'ready';

CREATE TABLE notice_cursors (
    name TEXT PRIMARY KEY NOT NULL,
    seq  INTEGER NOT NULL
);

-- What was registered on a day, and what ends soon.
CREATE INDEX uploads_completed ON uploads (completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX grants_ending ON grants (expires_at) WHERE state IN ('active', 'suspended');

-- +goose Down
DROP INDEX grants_ending;
DROP INDEX uploads_completed;
DROP TABLE notice_cursors;
DROP TABLE notices;
ALTER TABLE tenants DROP COLUMN language;
ALTER TABLE partners DROP COLUMN contact_email;
