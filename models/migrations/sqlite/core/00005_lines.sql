-- Keys that keep production lines apart.

-- +goose Up

-- The keys of serials (3) and disks (4) see the whole value now, which takes digests
-- that SQL does not know in both dialects. The program makes them when it starts,
-- from the identity that the series names on, and drops the series when it is done.
DELETE FROM identity_keys WHERE key >> 60 IN (3, 4);
INSERT INTO id_series (name, next_id) VALUES ('identities without line keys', 1);

-- +goose Down

-- An older program finds what was registered until now by endorsement key, UUID,
-- adapter and product key id only.
DELETE FROM id_series WHERE name = 'identities without line keys';
