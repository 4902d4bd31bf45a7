-- How long work has waited for a worker, and what waits at all.

-- +goose Up
CREATE INDEX dispatches_due ON dispatches (run_at) WHERE state = 'ready';

-- +goose Down
DROP INDEX dispatches_due;
