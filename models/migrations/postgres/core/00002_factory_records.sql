-- Factory records: what an OEM reported of a device before anybody registered it.

-- +goose Up

-- The newest report that spoke of the device, and whether it is still looked for.
ALTER TABLE identities
    ADD COLUMN report_tracking_id text    NOT NULL DEFAULT '',
    ADD COLUMN report_row         integer NOT NULL DEFAULT 0,
    ADD COLUMN sold_to            text    NOT NULL DEFAULT '',
    ADD COLUMN retired_at         timestamptz,
    ADD COLUMN retired_as         text    NOT NULL DEFAULT ''
        CONSTRAINT identities_retired CHECK (retired_as IN ('', 'superseded', 'withdrawn', 'replaced') AND (retired_as = '') = (retired_at IS NULL));

-- The newest word of a factory about one identifier. A report that is not the
-- newest about all of its identifiers is out of date, in whatever order reports
-- are executed; and two that race meet here.
CREATE TABLE factory_statements (
    key         bytea   NOT NULL,
    partner_id  text    NOT NULL,
    tracking_id text    NOT NULL,
    ordinal     integer NOT NULL CHECK (ordinal > 0),
    PRIMARY KEY (key, partner_id)
);

ALTER TABLE device_events DROP CONSTRAINT device_events_kind_check;
ALTER TABLE device_events ADD CONSTRAINT device_events_kind_check CHECK (kind IN (
    'registered', 'seen', 'contested', 'attention', 'removed', 'reported', 'superseded', 'withdrawn'));

-- +goose Down

-- The older program knows no retired device and takes an anchor for a
-- registration's: neither may be found by it.
DELETE FROM identity_keys WHERE identity_id IN (SELECT id FROM identities WHERE retired_at IS NOT NULL);
DELETE FROM registration_anchors WHERE identity_id NOT IN (SELECT identity_id FROM registrations WHERE state = 'active');

ALTER TABLE device_events DISABLE TRIGGER device_events_no_change;
DELETE FROM device_events WHERE kind IN ('reported', 'superseded', 'withdrawn');
ALTER TABLE device_events ENABLE TRIGGER device_events_no_change;
ALTER TABLE device_events DROP CONSTRAINT device_events_kind_check;
ALTER TABLE device_events ADD CONSTRAINT device_events_kind_check CHECK (kind IN (
    'registered', 'seen', 'contested', 'attention', 'removed'));

DROP TABLE factory_statements;
ALTER TABLE identities DROP COLUMN report_tracking_id, DROP COLUMN report_row, DROP COLUMN sold_to,
    DROP COLUMN retired_as, DROP COLUMN retired_at;
