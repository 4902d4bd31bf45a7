package dbtest_test

import (
	"context"
	"testing"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models/migrations"
)

func TestRunGivesMigratedDatabases(t *testing.T) {
	t.Parallel()
	for _, set := range []migrations.Set{migrations.Gateway, migrations.Core} {
		dbtest.Run(t, set, func(t *testing.T, d *db.DB) {
			current, newest, err := d.Version(context.Background(), set)
			if err != nil || current != newest || current < 1 {
				t.Fatalf("version %d of %d, %v", current, newest, err)
			}
		})
	}
}

// TestDatabasesAreSeparate shows that a test sees no other test's rows, though
// both come from one template.
func TestDatabasesAreSeparate(t *testing.T) {
	t.Parallel()
	for range 3 {
		dbtest.Run(t, migrations.Gateway, func(t *testing.T, d *db.DB) {
			if err := d.Write().WithContext(context.Background()).Exec("CREATE TABLE only_mine (n INT)").Error; err != nil {
				t.Error(err)
			}
		})
	}
}
