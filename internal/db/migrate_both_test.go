package db_test

import (
	"context"
	"testing"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models/migrations"
)

// TestMigrateBoth takes every set up, down and up again, and lets several
// replicas start at once. Both sets live in one PostgreSQL, in two schemas.
func TestMigrateBoth(t *testing.T) {
	t.Parallel()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			url := dbtest.URL(t, dialect)
			for _, set := range []migrations.Set{migrations.Gateway, migrations.Core} {
				cfg := db.Config{URL: url, Relaxed: true}
				if dialect == db.Postgres {
					cfg.Schema = string(set)
				} else {
					cfg.URL = dbtest.URL(t, dialect)
				}
				d, err := db.Open(ctx, cfg)
				if err != nil {
					t.Fatal(err)
				}
				upDownUp(t, d, set)
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func upDownUp(t *testing.T, d *db.DB, set migrations.Set) {
	t.Helper()
	ctx := context.Background()
	version := func(wantZero bool) {
		t.Helper()
		current, newest, err := d.Version(ctx, set)
		if err != nil || newest < 1 || (current == 0) != wantZero || (!wantZero && current != newest) {
			t.Errorf("%s: at %d of %d, %v", set, current, newest, err)
		}
	}
	version(true)
	replicas := make(chan error, 3)
	for range cap(replicas) {
		go func() { replicas <- d.Migrate(ctx, set) }()
	}
	for range cap(replicas) {
		if err := <-replicas; err != nil {
			t.Errorf("%s up: %v", set, err)
		}
	}
	version(false)
	if err := d.MigrateDown(ctx, set); err != nil {
		t.Errorf("%s down: %v", set, err)
	}
	version(true)
	if err := d.Migrate(ctx, set); err != nil {
		t.Errorf("%s up again: %v", set, err)
	}
	version(false)
}
