package dbtest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"countersign/internal/db"
	"countersign/models/migrations"
)

// sqliteTemplates holds one migrated file per set.
var sqliteTemplates sync.Map // migrations.Set to func() ([]byte, error)

// sqliteClone writes a migrated file into the test's own folder.
func sqliteClone(t testing.TB, set migrations.Set) string {
	t.Helper()
	made, _ := sqliteTemplates.LoadOrStore(set, sync.OnceValues(func() ([]byte, error) {
		return sqliteTemplate(set)
	}))
	content, err := made.(func() ([]byte, error))()
	if err != nil {
		t.Fatalf("make the SQLite template for %s: %v", set, err)
	}
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// sqliteTemplate migrates a temporary file and returns its content. Closing
// moves the write-ahead log into the file.
func sqliteTemplate(set migrations.Set) ([]byte, error) {
	dir, err := os.MkdirTemp("", "countersign-sqlite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "template.db")
	if err := migrate(db.Config{URL: "sqlite:" + path, Relaxed: true}, set); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// migrate opens a database, applies a set and closes it.
func migrate(cfg db.Config, set migrations.Set) error {
	ctx := context.Background()
	d, err := db.Open(ctx, cfg)
	if err != nil {
		return err
	}
	if err := d.Migrate(ctx, set); err != nil {
		_ = d.Close()
		return err
	}
	return d.Close()
}
