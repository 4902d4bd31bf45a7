-- Hash bytes stay in their row: nothing to do in SQLite, which has one page format for
-- all tables.

-- +goose Up
SELECT 1;

-- +goose Down
SELECT 1;
