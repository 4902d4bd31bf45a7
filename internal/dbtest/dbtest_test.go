package dbtest_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
