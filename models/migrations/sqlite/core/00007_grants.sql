-- Devices are listed by the grant under which they were registered.

-- +goose Up
CREATE INDEX registrations_grant ON registrations (grant_id, id) WHERE grant_id <> '';

-- +goose Down
DROP INDEX registrations_grant;
