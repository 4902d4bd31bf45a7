-- +goose Up
-- +goose StatementBegin
CREATE TABLE placeholder (id INTEGER PRIMARY KEY);
-- +goose StatementEnd
-- +goose Down
DROP TABLE placeholder;
