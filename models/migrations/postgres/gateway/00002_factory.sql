-- Build reports are uploads of no tenant, a tenant's own are of no partner, repairs are a
-- kind of their own, and uploads are found again by what stands on the order.

-- +goose Up
ALTER TABLE uploads DROP CONSTRAINT uploads_kind_check;
ALTER TABLE uploads ADD CONSTRAINT uploads_kind_check CHECK (kind IN ('register', 'remove', 'report', 'replace'));
ALTER TABLE uploads ADD CONSTRAINT uploads_tenant CHECK ((kind = 'report') = (tenant_id = ''));
ALTER TABLE uploads ADD COLUMN report_id text NOT NULL DEFAULT '';
CREATE INDEX uploads_request ON uploads (request_id) WHERE request_id <> '';
CREATE INDEX uploads_report ON uploads (report_id) WHERE report_id <> '';

ALTER TABLE dispatches DROP CONSTRAINT dispatches_kind_check;
ALTER TABLE dispatches ADD CONSTRAINT dispatches_kind_check CHECK (kind IN ('register', 'remove', 'report', 'replace'));

ALTER TABLE upload_rows ADD COLUMN sold_to text;
ALTER TABLE upload_rows ADD COLUMN replaces text;
ALTER TABLE upload_rows ADD COLUMN returned boolean NOT NULL DEFAULT false;

-- What orders, delivery notes and references an upload is about. A digest, because a
-- value may be longer than an index entry.
CREATE TABLE upload_references (
    upload_id  bigint NOT NULL,
    digest     bytea  NOT NULL CHECK (octet_length(digest) = 16),
    partner_id text   NOT NULL,
    tenant_id  text   NOT NULL,
    PRIMARY KEY (upload_id, digest)
);
CREATE INDEX upload_references_partner ON upload_references (partner_id, digest, upload_id);
CREATE INDEX upload_references_tenant ON upload_references (tenant_id, digest, upload_id);

-- +goose Down
DROP TABLE upload_references;
DELETE FROM dispatches WHERE kind IN ('report', 'replace');
DELETE FROM upload_rows WHERE upload_id IN (SELECT id FROM uploads WHERE kind IN ('report', 'replace'));
DELETE FROM upload_hashes WHERE upload_id IN (SELECT id FROM uploads WHERE kind IN ('report', 'replace'));
DELETE FROM uploads WHERE kind IN ('report', 'replace');
ALTER TABLE upload_rows DROP COLUMN returned, DROP COLUMN replaces, DROP COLUMN sold_to;
ALTER TABLE dispatches DROP CONSTRAINT dispatches_kind_check;
ALTER TABLE dispatches ADD CONSTRAINT dispatches_kind_check CHECK (kind IN ('register', 'remove'));
DROP INDEX uploads_report, uploads_request;
ALTER TABLE uploads DROP COLUMN report_id;
ALTER TABLE uploads DROP CONSTRAINT uploads_tenant;
ALTER TABLE uploads DROP CONSTRAINT uploads_kind_check;
ALTER TABLE uploads ADD CONSTRAINT uploads_kind_check CHECK (kind IN ('register', 'remove'));
