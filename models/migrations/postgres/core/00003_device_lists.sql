-- What the lists of devices are looked up by, and what an ended registration still
-- says about its device.

-- +goose Up

-- The identity outlives the registration and takes the values of whoever captures
-- the device next. What the former owner may go on seeing is kept when it ends.
ALTER TABLE registrations
    ADD COLUMN last_manufacturer text NOT NULL DEFAULT '',
    ADD COLUMN last_product      text NOT NULL DEFAULT '',
    ADD COLUMN last_serial       text NOT NULL DEFAULT '',
    ADD COLUMN last_product_key  text NOT NULL DEFAULT '',
    ADD COLUMN last_captured_at  timestamptz;
UPDATE registrations SET last_manufacturer = i.manufacturer, last_product = i.product, last_serial = i.serial,
    last_product_key = i.product_key, last_captured_at = i.captured_at
FROM identities i WHERE i.id = registrations.identity_id AND registrations.state = 'ended';

CREATE INDEX registrations_partner ON registrations (partner_id, id);
CREATE INDEX registrations_group_tag ON registrations (group_tag, tenant_id, id) WHERE group_tag <> '';
CREATE INDEX registrations_ended_serial ON registrations (lower(last_serial)) WHERE state = 'ended';
CREATE INDEX registrations_ended_product_key ON registrations (last_product_key) WHERE state = 'ended';
CREATE INDEX identities_serial ON identities (lower(serial));

-- +goose Down
DROP INDEX identities_serial;
DROP INDEX registrations_ended_product_key;
DROP INDEX registrations_ended_serial;
DROP INDEX registrations_group_tag;
DROP INDEX registrations_partner;
ALTER TABLE registrations
    DROP COLUMN last_manufacturer,
    DROP COLUMN last_product,
    DROP COLUMN last_serial,
    DROP COLUMN last_product_key,
    DROP COLUMN last_captured_at;
