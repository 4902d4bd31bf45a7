package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"
)

// backend is what a dialect must bring.
type backend interface {
	// begin starts a write transaction; end is called when it is over.
	begin(ctx context.Context, end context.CancelFunc) (session, error)
	// now returns the database's clock.
	now(ctx context.Context) (time.Time, error)
	// nowAndRead runs a query and reads the clock, outside any transaction.
	nowAndRead(ctx context.Context, query string, args []any, row Row) (time.Time, error)
	ping(ctx context.Context) error
	migrator(ctx context.Context, src source) (*migrator, error)
	close() error
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	cfg     Config
	dialect Dialect
	read    *gorm.DB
	write   *gorm.DB
	backend backend
	once    sync.Once
	closed  error
}

// Open opens the database named by cfg, creates its SQLite file or PostgreSQL
// schema if missing, and checks that it answers. It applies no migrations.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	dialect, err := cfg.dialect()
	if err != nil {
		return nil, err
	}
	if err := cfg.check(dialect); err != nil {
		return nil, err
	}
	d := &DB{cfg: cfg, dialect: dialect}
	if dialect == SQLite {
		err = d.openSQLite(ctx)
	} else {
		err = d.openPostgres(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("open the %s database: %w", dialect, err)
	}
	return d, nil
}

// Close waits for running statements and frees everything. Later calls return
// the first one's result.
func (d *DB) Close() error {
	d.once.Do(func() { d.closed = d.backend.close() })
	return d.closed
}

// Dialect tells the kind of the database.
func (d *DB) Dialect() Dialect { return d.dialect }

// Read returns gorm for plain reads outside a transaction. On SQLite it cannot
// write. A context marked by InTx is refused with ErrInTransaction.
func (d *DB) Read() *gorm.DB { return d.read }

// Write returns gorm for single-statement writes outside a transaction. A
// context marked by InTx is refused with ErrInTransaction.
func (d *DB) Write() *gorm.DB { return d.write }

// Ping checks that the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.backend.ping(ctx) }

// Now returns the database's clock, or the injected one, in UTC microseconds.
func (d *DB) Now(ctx context.Context) (time.Time, error) {
	if d.cfg.Clock != nil {
		return d.cfg.now(), nil
	}
	if err := RefuseInTx(ctx, "a clock reading outside the transaction"); err != nil {
		return time.Time{}, err
	}
	return d.backend.now(ctx)
}

// NowAndRead is Tx.GateAndRead outside a transaction and without locks, in one round
// trip. What it reads may change at once.
func (d *DB) NowAndRead(ctx context.Context, query string, args []any, row Row) (time.Time, error) {
	if err := RefuseInTx(ctx, "a statement outside the transaction"); err != nil {
		return time.Time{}, err
	}
	now, err := d.backend.nowAndRead(ctx, query, utcArgs(args), row)
	if err == nil && d.cfg.Clock != nil {
		now = d.cfg.now()
	}
	return now, err
}

// gorm opens gorm on a pool. The configuration must be fresh each time: the
// SQLite dialector leaves its clause builders in it, and a PostgreSQL opened
// with the same one would silently drop FOR UPDATE SKIP LOCKED.
func (d *DB) gorm(dialector gorm.Dialector) (*gorm.DB, error) {
	return gorm.Open(dialector, &gorm.Config{
		TranslateError:         true,
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		// Columns are listed by name, so that a column added by a newer
		// release does not break the older one's cached statements.
		QueryFields: true,
		NowFunc:     d.cfg.now,
		Logger:      statementLog{d.cfg.logger()},
	})
}

// closeAll runs every step even if one fails.
func closeAll(steps ...func() error) error {
	errs := make([]error, len(steps))
	for i, step := range steps {
		errs[i] = step()
	}
	return errors.Join(errs...)
}
