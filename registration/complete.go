package registration

import (
	"context"
	"fmt"

	"countersign/internal/db"
	"countersign/models"
	"countersign/models/migrations"
)

// withoutLineKeys is the series that an update leaves behind when it took away the
// keys of serials and disks: the first identity that still lacks them.
const withoutLineKeys = "identities without line keys"

// Prepare brings the core's tables up to date, with all that this takes beside SQL. A
// database must be prepared before a Registrar serves from it.
func Prepare(ctx context.Context, d *db.DB) error {
	if err := d.Migrate(ctx, migrations.Core); err != nil {
		return err
	}
	if err := CompleteKeys(ctx, d); err != nil {
		return fmt.Errorf("complete the look-up keys: %w", err)
	}
	return nil
}

// CompleteKeys makes the look-up keys that an update of the tables took away. It must
// end before the core serves, or known devices may be taken for new. It goes on
// where an earlier start was stopped, and costs one look when there is nothing to do.
func CompleteKeys(ctx context.Context, d *db.DB) error {
	s := store{db: d}
	for {
		if more, err := s.completeKeys(ctx); err != nil || !more {
			return err
		}
	}
}

// lineKeys are the keys of serial and disk.
func lineKeys(identities []models.Identity) []models.IdentityKey {
	var keys []models.IdentityKey
	for i := range identities {
		for _, k := range keysOf(&identities[i]) {
			if kind := k >> payloadBits; kind == keyOfTuple || kind == keyOfDisk {
				keys = append(keys, models.IdentityKey{Key: k, IdentityID: identities[i].ID})
			}
		}
	}
	return keys
}
