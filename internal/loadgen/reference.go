package loadgen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// reference is a copy of a store's database that takes rows by COPY alone.
type reference struct{ conn *pgx.Conn }

// blob is rows of one table in the binary form of COPY.
type blob struct {
	into string
	data bytes.Buffer
}

// wholeHash is the hash as it was sent, zeros at the end and all.
var wholeHash = fmt.Sprintf("hash || decode(repeat('00', %d - octet_length(hash)), 'hex')", hardwarehash.StandardRaw)

// singleTable holds one row a device, the hash within the row, which is the fastest
// way to keep it. Nothing can be found in it but by number.
const singleTable = `CREATE TABLE single (
	id bigint PRIMARY KEY, tenant_id text, partner_id text, manufacturer text, product text, serial text,
	smbios_uuid bytea, ek_digest bytea, registered_at timestamptz, hash bytea) WITH (toast_tuple_target = 8160);
ALTER TABLE single ALTER COLUMN hash SET STORAGE EXTERNAL`

// written are the tables a registration writes, with the rows of identities %d to
// %d, as they come out fastest.
var written = []struct{ table, rows string }{
	{"registration_anchors", "SELECT * FROM registration_anchors WHERE identity_id BETWEEN %d AND %d ORDER BY kind, key"},
	{"registrations", "SELECT * FROM registrations WHERE identity_id BETWEEN %d AND %d ORDER BY id"},
	{"identities", "SELECT * FROM identities WHERE id BETWEEN %d AND %d ORDER BY id"},
	{"identity_hashes", "SELECT identity_id, digest, " + wholeHash + " FROM identity_hashes WHERE identity_id BETWEEN %d AND %d ORDER BY identity_id"},
	{"identity_keys", "SELECT * FROM identity_keys WHERE identity_id BETWEEN %d AND %d ORDER BY key"},
	{"device_events", "SELECT * FROM device_events WHERE identity_id BETWEEN %d AND %d ORDER BY id"},
	{"answers", "SELECT a.* FROM answers a JOIN registrations r ON r.tracking_id = a.tracking_id AND r.ordinal = a.ordinal " +
		"WHERE r.identity_id BETWEEN %d AND %d ORDER BY a.tracking_id, a.ordinal"},
	{"single", "SELECT i.id, r.tenant_id, r.partner_id, manufacturer, product, serial, smbios_uuid, ek_digest, registered_at, " + wholeHash +
		" FROM identities i JOIN registrations r ON r.identity_id = i.id JOIN identity_hashes h ON h.identity_id = i.id" +
		" WHERE i.id BETWEEN %d AND %d ORDER BY i.id"},
}

// reference makes a database that stands where the store stands.
func (r *run) reference(ctx context.Context, c *core) (*reference, error) {
	var name string
	if err := c.conn.QueryRow(ctx, "SELECT current_database()").Scan(&name); err != nil {
		return nil, err
	}
	const others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
	if err := c.release(ctx); err != nil {
		return nil, err
	}
	if _, err := r.server.admin.Exec(ctx, others, name); err != nil {
		return nil, err
	}
	twin := fmt.Sprintf("loadgen_reference_%d", time.Now().UnixMilli())
	if err := r.server.create(ctx, twin, name); err != nil {
		return nil, err
	}
	again, err := openCore(ctx, c.url)
	if err != nil {
		return nil, err
	}
	c.Registrar, c.db, c.conn = again.Registrar, again.db, again.conn
	conn, err := pgx.Connect(ctx, r.server.urlOf(twin))
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, singleTable)
	return &reference{conn}, err
}

// release ends a core's connections, since a database in use cannot be copied.
func (c *core) release(ctx context.Context) error {
	return errors.Join(c.db.Close(), c.conn.Close(ctx))
}

func (f *reference) close() { _ = f.conn.Close(context.Background()) }

// fetch reads the rows that submissions left in a store.
func (f *reference) fetch(ctx context.Context, c *core, subs []models.Submission) ([]blob, error) {
	var first, last, n int64
	err := c.conn.QueryRow(ctx, "SELECT min(identity_id), max(identity_id), count(*) FROM registrations WHERE tracking_id IN ("+list(subs)+")").
		Scan(&first, &last, &n)
	if err != nil {
		return nil, err
	}
	if n != int64(dispatches*models.DispatchRows) {
		return nil, fmt.Errorf("%d of %d devices were registered", n, dispatches*models.DispatchRows)
	}
	blobs := make([]blob, len(written))
	for i, w := range written {
		blobs[i].into = w.table
		if _, err := c.conn.PgConn().CopyTo(ctx, &blobs[i].data, "COPY ("+fmt.Sprintf(w.rows, first, last)+") TO STDOUT (FORMAT binary)"); err != nil {
			return nil, err
		}
	}
	return blobs, nil
}

// copy writes rows in one transaction.
func (f *reference) copy(ctx context.Context, blobs []blob) error {
	tx, err := f.conn.Begin(ctx)
	if err != nil {
		return err
	}
	for i := range blobs {
		from := bytes.NewReader(blobs[i].data.Bytes())
		if _, err := f.conn.PgConn().CopyFrom(ctx, from, "COPY "+blobs[i].into+" FROM STDIN (FORMAT binary)"); err != nil {
			return errors.Join(fmt.Errorf("copy into %s: %w", blobs[i].into, err), tx.Rollback(ctx))
		}
	}
	return tx.Commit(ctx)
}
