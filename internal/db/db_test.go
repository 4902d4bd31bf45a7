package db_test

import (
	"context"
	"os"
	"testing"

	"go.uber.org/goleak"

	"countersign/internal/db"
	"countersign/internal/dbtest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(childEnv); url != "" {
		openInChild(url)
		return
	}
	goleak.VerifyTestMain(m)
}

// tables is what most tests here need; real schemas belong to their owners.
var tables = map[db.Dialect]string{
	db.Postgres: `CREATE TABLE things (
		id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, at TIMESTAMPTZ NOT NULL, until TIMESTAMPTZ,
		bytes BYTEA NOT NULL, open BOOLEAN NOT NULL, note TEXT, doc JSONB NOT NULL)`,
	db.SQLite: `CREATE TABLE things (
		id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, at DATETIME NOT NULL, until DATETIME,
		bytes BLOB NOT NULL, open BOOLEAN NOT NULL, note TEXT, doc TEXT NOT NULL)`,
}

// run runs fn on both databases with the table things.
func run(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			fn(t, withThings(t, dialect))
		})
	}
}

// withThings opens a fresh database with the table things.
func withThings(t *testing.T, dialect db.Dialect, opts ...dbtest.Option) *db.DB {
	t.Helper()
	d := dbtest.Empty(t, dialect, opts...)
	if err := d.Write().WithContext(context.Background()).Exec(tables[dialect]).Error; err != nil {
		t.Fatal(err)
	}
	return d
}
