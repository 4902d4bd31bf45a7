-- Who is next: partner, tenant, client, upload in turns.

-- +goose Up
DROP INDEX dispatches_work;
CREATE INDEX dispatches_turns ON dispatches (partner_id, tenant_id, client_id, upload_id, run_at) WHERE state = 'ready';
CREATE INDEX dispatches_leases ON dispatches (lease_until) WHERE state = 'leased';

-- +goose Down
DROP INDEX dispatches_leases;
DROP INDEX dispatches_turns;
CREATE INDEX dispatches_work ON dispatches (partner_id, id) WHERE state IN ('ready', 'leased');
