-- SQLite keeps hashes within their row anyway.

-- +goose Up
SELECT 1;

-- +goose Down
SELECT 1;
