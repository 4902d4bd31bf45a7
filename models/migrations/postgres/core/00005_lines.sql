-- Keys that keep production lines apart, and hash bytes within their row.

-- +goose Up

-- The keys of serials (3) and disks (4) see the whole value now, which takes digests
-- that SQL does not know in both dialects. The program makes them when it starts,
-- from the identity that the series names on, and drops the series when it is done.
DELETE FROM identity_keys WHERE key >> 60 IN (3, 4);
INSERT INTO id_series (name, next_id) VALUES ('identities without line keys', 1);

-- A hash whose bytes are no zeros is larger than the 2 kB from which a value moves
-- into a table of its own, in two pieces with an index. Writing it there costs about
-- twice as much as the bytes. Rows that exist stay where they are and are read alike.
ALTER TABLE identity_hashes SET (toast_tuple_target = 8160);

-- +goose Down

-- An older program finds what was registered until now by endorsement key, UUID,
-- adapter and product key id only.
ALTER TABLE identity_hashes RESET (toast_tuple_target);
DELETE FROM id_series WHERE name = 'identities without line keys';
