package db

import (
	"context"
	"database/sql"
	"fmt"
	"hash/crc32"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"countersign/models/migrations"
)

// source is one set of migration files and the name its versions are kept under.
type source struct {
	files fs.FS
	name  string
}

// table is where the applied versions are recorded, one per set.
func (s source) table() string { return "migrations_" + s.name }

// migrator is goose on a handle of its own, and how to give that back.
type migrator struct {
	*goose.Provider
	close func() error
}

// Migrate applies what is missing of a set. It may be called by several
// processes at once: on PostgreSQL one works and the others wait. A database
// that a newer release has already changed is refused.
func (d *DB) Migrate(ctx context.Context, set migrations.Set) error {
	return d.withSet(ctx, set, func(m *migrator) error { return d.up(ctx, m) })
}

// MigrateDown takes all migrations of a set back, with all data. It exists to
// test that Down is right.
func (d *DB) MigrateDown(ctx context.Context, set migrations.Set) error {
	return d.MigrateDownTo(ctx, set, 0)
}

// MigrateDownTo takes back the migrations of a set above a version, for tests of
// what a Down keeps.
func (d *DB) MigrateDownTo(ctx context.Context, set migrations.Set, version int64) error {
	return d.withSet(ctx, set, func(m *migrator) error {
		_, err := m.DownTo(ctx, version)
		return err
	})
}

// Version returns the migration a set has reached in this database, 0 if none,
// and the newest one this program knows.
func (d *DB) Version(ctx context.Context, set migrations.Set) (current, newest int64, err error) {
	err = d.withSet(ctx, set, func(m *migrator) error {
		current, newest, err = m.GetVersions(ctx)
		return err
	})
	return current, newest, err
}

// withSet runs fn with a migrator for the set's files.
func (d *DB) withSet(ctx context.Context, set migrations.Set, fn func(*migrator) error) error {
	files, err := migrations.Files(string(d.dialect), set)
	if err != nil {
		return err
	}
	return d.withSource(ctx, source{files, string(set)}, fn)
}

func (d *DB) withSource(ctx context.Context, src source, fn func(*migrator) error) (err error) {
	if err := RefuseInTx(ctx, "a migration"); err != nil {
		return err
	}
	m, err := d.backend.migrator(ctx, src)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", src.name, err)
	}
	defer func() {
		if closeErr := m.close(); err == nil {
			err = closeErr
		}
	}()
	if err := fn(m); err != nil {
		return fmt.Errorf("migrate %s: %w", src.name, err)
	}
	return nil
}

func (d *DB) up(ctx context.Context, m *migrator) error {
	current, newest, err := m.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > newest {
		return fmt.Errorf("the database is at version %d, but this program knows only %d: run the newer release, or restore a backup", current, newest)
	}
	results, err := m.Up(ctx)
	for _, r := range results {
		d.cfg.logger().InfoContext(ctx, "migration applied", "file", r.Source.Path, "took", r.Duration)
	}
	return err
}

// migrator opens a connection of its own, because a migration may take longer
// than the statement timeout allows and the session lock must stay on it.
func (b *pgBackend) migrator(_ context.Context, src source) (*migrator, error) {
	conf := b.conn.Copy()
	for _, name := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
		conf.RuntimeParams[name] = "0"
	}
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(int64(crc32.ChecksumIEEE([]byte("countersign "+b.cfg.Schema+" "+src.name)))),
		lock.WithLockTimeout(1, 600), // every second, for ten minutes
	)
	if err != nil {
		return nil, err
	}
	handle := stdlib.OpenDB(*conf)
	m, err := newMigrator(goose.DialectPostgres, handle, src, goose.WithSessionLocker(locker))
	if err != nil {
		_ = handle.Close()
		return nil, err
	}
	m.close = handle.Close
	return m, nil
}

// migrator uses the one write connection; the queue keeps others away.
func (b *sqliteBackend) migrator(ctx context.Context, src source) (*migrator, error) {
	leave, err := b.enter(ctx)
	if err != nil {
		return nil, err
	}
	m, err := newMigrator(goose.DialectSQLite3, b.write, src)
	if err != nil {
		leave()
		return nil, err
	}
	m.close = func() error { leave(); return nil }
	return m, nil
}

func newMigrator(dialect goose.Dialect, handle *sql.DB, src source, opts ...goose.ProviderOption) (*migrator, error) {
	opts = append(opts, goose.WithTableName(src.table()), goose.WithDisableGlobalRegistry(true))
	provider, err := goose.NewProvider(dialect, handle, src.files, opts...)
	if err != nil {
		return nil, err
	}
	return &migrator{Provider: provider}, nil
}
