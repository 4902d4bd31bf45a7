-- Mails about what happened to consent.

-- +goose Up
ALTER TABLE partners ADD COLUMN contact_email text NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN language text NOT NULL DEFAULT 'en';

-- One row per mail. The occasion keeps it from being written twice; text and recipient
-- are gone once it is done.
CREATE TABLE notices (
    id         text PRIMARY KEY,
    occasion   text NOT NULL,
    recipient  text NOT NULL,
    subject    text NOT NULL,
    body       text NOT NULL,
    state      text NOT NULL CHECK (state IN ('ready', 'sent', 'dead')),
    attempts   integer NOT NULL DEFAULT 0,
    run_at     timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    done_at    timestamptz,
    CONSTRAINT notices_done CHECK ((state = 'ready') = (done_at IS NULL))
);
CREATE UNIQUE INDEX notices_occasion ON notices (occasion);
CREATE INDEX notices_due ON notices (run_at, id) WHERE state = 'ready';

CREATE TABLE notice_cursors (
    name text PRIMARY KEY,
    seq  bigint NOT NULL
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
