package db

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"countersign/models/migrations"
)

const (
	firstFile  = "-- +goose Up\nCREATE TABLE first (id INTEGER PRIMARY KEY);\n-- +goose Down\nDROP TABLE first;\n"
	secondFile = "-- +goose Up\nALTER TABLE first ADD COLUMN more TEXT;\n-- +goose Down\nALTER TABLE first DROP COLUMN more;\n"
	brokenFile = "-- +goose Up\nCREATE TABLE half (id INTEGER);\nINSERT INTO nowhere VALUES (1);\n-- +goose Down\nDROP TABLE half;\n"
)

// numbered makes migration files of texts.
func numbered(texts ...string) fs.FS {
	files := fstest.MapFS{}
	for i, text := range texts {
		files["0000"+string(rune('1'+i))+"_x.sql"] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// TestMigrateSQLite covers our own part of migrations where no server is
// needed; TestMigrateBoth runs the real files.
func TestMigrateSQLite(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, err := Open(ctx, Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "x.db"), Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	migrate := func(texts ...string) error {
		return d.withSource(ctx, source{numbered(texts...), "x"}, func(m *migrator) error { return d.up(ctx, m) })
	}
	if err := migrate(firstFile, secondFile); err != nil {
		t.Fatal(err)
	}
	if err := migrate(firstFile); err == nil || !strings.Contains(err.Error(), "version 2, but this program knows only 1") {
		t.Errorf("an older program: %v", err)
	}
	if err := migrate(firstFile, secondFile, brokenFile); err == nil {
		t.Error("a broken migration was accepted")
	}
	var tables int64
	if err := d.Read().WithContext(ctx).Raw("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").Scan(&tables).Error; err != nil || tables != 0 {
		t.Errorf("a broken migration left %d tables, %v", tables, err)
	}
	if err := d.Migrate(ctx, migrations.Set("no such set")); err == nil {
		t.Error("an unknown set was accepted")
	}
	err = d.InTx(ctx, func(ctx context.Context, _ *Tx) error { return d.Migrate(ctx, migrations.Core) })
	if err == nil || !strings.Contains(err.Error(), ErrInTransaction.Error()) {
		t.Errorf("inside a transaction: %v", err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := migrate(firstFile, secondFile); err != nil {
				t.Errorf("again: %v", err)
			}
		})
	}
	wg.Wait()
}
