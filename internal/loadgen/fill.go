package loadgen

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"countersign/registration/hardwarehash"
)

// indexesSQL lists what can be dropped and made again: primary keys and unique
// constraints, then plain indexes.
const indexesSQL = `
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE contype IN ('p', 'u') AND conrelid = ANY($1::regclass[])
UNION ALL
SELECT format('DROP INDEX %I', relname), pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY($1::regclass[]) AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)`

// filled are the tables that grow with devices.
var filled = []string{
	"identities", "identity_hashes", "identity_keys", "registrations", "registration_anchors", "device_events", "answers",
}

// fill writes devices line by line without indexes and then makes these, which is
// several times as fast.
func (r *run) fill(ctx context.Context, c *core) error {
	rows, err := c.conn.Query(ctx, indexesSQL, filled)
	if err != nil {
		return err
	}
	var drops, makes []string
	for rows.Next() {
		var drop, create string
		if err := rows.Scan(&drop, &create); err != nil {
			return err
		}
		drops, makes = append(drops, drop), append(makes, create)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := c.exec(ctx, drops...); err != nil {
		return err
	}
	if err := r.fillLines(ctx, c); err != nil {
		return err
	}
	r.logf("%d devices written, making indexes", c.size)
	if err := c.exec(ctx, makes...); err != nil {
		return err
	}
	return c.exec(ctx, "VACUUM ANALYZE", "CHECKPOINT")
}

// fillLines writes the lines from 0 on, two at a time.
func (r *run) fillLines(ctx context.Context, c *core) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for line := 0; line*lineLength < c.size; line++ {
		if line%50 == 49 {
			r.logf("%d of %d devices", line*lineLength, c.size)
		}
		g.Go(func() error {
			made := hardwarehash.NewGenerator(uint64(line))
			devices := make([]hardwarehash.Identity, min(lineLength, c.size-line*lineLength))
			for i := range devices {
				devices[i] = made.NextIdentity()
			}
			return c.Preload(ctx, submission(line%100, nil), devices)
		})
	}
	return g.Wait()
}

func (c *core) exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := c.conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}
