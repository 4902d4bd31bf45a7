package dbtest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/models/migrations"
)

// testConns bounds the connections of one test's database, so that parallel
// tests share the server.
const testConns = 16

// Option changes how New opens a database.
type Option func(*db.Config)

// WithClock replaces the database's clock.
func WithClock(clock func() time.Time) Option {
	return func(cfg *db.Config) { cfg.Clock = clock }
}

// WithMaxConns replaces the number of connections.
func WithMaxConns(n int) Option {
	return func(cfg *db.Config) { cfg.MaxConns = n }
}

// Run runs fn twice, in parallel subtests "postgres" and "sqlite", each with a
// fresh database that holds the tables of set.
func Run(t *testing.T, set migrations.Set, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			fn(t, New(t, dialect, set))
		})
	}
}

// New opens a fresh database that holds the tables of set. It is closed and
// dropped when the test ends.
func New(t testing.TB, dialect db.Dialect, set migrations.Set, opts ...Option) *db.DB {
	t.Helper()
	cfg := db.Config{Relaxed: true, MaxConns: testConns}
	if dialect == db.Postgres {
		cfg.URL = postgresClone(t, set)
	} else {
		cfg.URL = sqliteClone(t, set)
	}
	for _, opt := range opts {
		opt(&cfg)
	}
	return open(t, cfg)
}

// Empty opens a fresh database without any table.
func Empty(t testing.TB, dialect db.Dialect, opts ...Option) *db.DB {
	t.Helper()
	cfg := db.Config{URL: URL(t, dialect), Relaxed: true, MaxConns: testConns}
	for _, opt := range opts {
		opt(&cfg)
	}
	return open(t, cfg)
}

// URL returns the URL of a fresh, empty database, for tests that start real
// processes. Whatever is still connected when the test ends is cut off.
func URL(t testing.TB, dialect db.Dialect) string {
	t.Helper()
	if dialect == db.SQLite {
		return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	}
	return postgresDatabase(t, "template0")
}

// open opens a database and closes it when the test ends.
func open(t testing.TB, cfg db.Config) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the test database: %v", err)
		}
	})
	return d
}
