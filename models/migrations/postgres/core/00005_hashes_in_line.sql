-- Hash bytes stay in their row.

-- +goose Up

-- A hash whose bytes are no zeros is larger than the 2 kB from which a value moves
-- into a table of its own, in two pieces with an index. Writing it there costs about
-- twice as much as the bytes. Rows that exist stay where they are and are read alike.
ALTER TABLE identity_hashes SET (toast_tuple_target = 8160);

-- +goose Down
ALTER TABLE identity_hashes RESET (toast_tuple_target);
