-- Uploads that take back another one.

-- +goose Up
ALTER TABLE uploads ADD COLUMN voids TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE uploads DROP COLUMN voids;
