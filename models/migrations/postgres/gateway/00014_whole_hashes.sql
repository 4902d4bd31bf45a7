-- Hashes stay within their row: beside it, in pieces with an index of their own, storing
-- them takes several times as long. Partitions are made with the same setting.

-- +goose Up
ALTER TABLE upload_hashes_default SET (toast_tuple_target = 8160);

-- +goose Down
ALTER TABLE upload_hashes_default RESET (toast_tuple_target);
