-- Dispatches that are done are deleted after a while.

-- +goose Up
CREATE INDEX dispatches_done_at ON dispatches (done_at) WHERE state = 'done';

-- +goose Down
DROP INDEX dispatches_done_at;
