package db

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"countersign/internal/pause"
)

// maxAttempts bounds how often InTx runs its function.
const maxAttempts = 5

// finishTimeout bounds a commit or rollback, which a caller cannot cancel.
const finishTimeout = 15 * time.Second

// Tx is one open transaction. It belongs to the function InTx called and to one
// goroutine, and is of no use afterwards.
type Tx struct {
	db      *DB
	gorm    *gorm.DB
	session session
}

// InTx runs fn in a write transaction and commits if fn returns nil. Any error
// or panic rolls back. The context given to fn is marked: a nested InTx, the
// plain pools and every client that calls RefuseInTx refuse it.
//
// fn runs again, at most 5 times in all, when the database reports a
// serialization failure or a deadlock, so it must start from scratch each time
// and have no effect outside the transaction. If it is unknown whether the
// commit happened, the error is ErrCommitUnknown and fn does not run again.
func (d *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	if err := RefuseInTx(ctx, "a second transaction"); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err := d.attempt(ctx, fn)
		if err == nil || attempt == maxAttempts || !retryable(err) {
			return err
		}
		if waitErr := backOff(ctx, attempt); waitErr != nil {
			return err
		}
	}
}

// attempt runs fn once in a transaction of its own.
func (d *DB) attempt(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	txCtx, end := context.WithCancel(context.WithValue(ctx, txMark{}, true))
	defer end()
	s, err := d.backend.begin(txCtx, end)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	committing := false
	defer func() {
		if !committing { // error, panic or runtime.Goexit
			_ = s.Rollback()
		}
	}()
	g := d.write.Session(&gorm.Session{NewDB: true, Context: txCtx})
	g.Statement.ConnPool = s
	if err := fn(txCtx, &Tx{db: d, gorm: g, session: s}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	committing = true
	return s.Commit()
}

// retryable tells failures after which nothing was written and a second run may
// succeed at once.
func retryable(err error) bool {
	return isSerialization(err) && !errors.Is(err, ErrCommitUnknown)
}

// backOff waits a little, so that the winner of a conflict can finish.
func backOff(ctx context.Context, attempt int) error {
	limit := 5 * time.Millisecond << attempt
	return pause.For(ctx, time.Duration(rand.Int64N(int64(limit)))) //nolint:gosec // nobody gains by foreseeing it
}

// Gorm returns gorm inside the transaction. Its own Transaction method nests as
// a savepoint.
func (t *Tx) Gorm() *gorm.DB { return t.gorm }

// Dialect tells the kind of the database.
func (t *Tx) Dialect() Dialect { return t.db.dialect }

// SkipLocked is Dialect.SkipLocked of the transaction's database.
func (t *Tx) SkipLocked() string { return t.db.dialect.SkipLocked() }

// Now returns the database's clock at this moment (not at the start of the
// transaction), or the injected one, in UTC microseconds.
func (t *Tx) Now(ctx context.Context) (time.Time, error) {
	if t.db.cfg.Clock != nil {
		return t.db.cfg.now(), nil
	}
	return t.session.now(ctx)
}

// BulkInsert writes rows into the named columns of a table and returns how many
// it wrote: COPY on PostgreSQL, a prepared statement on SQLite. Each row
// has one value per column. An error from rows, or from the database, fails the
// whole insert; on PostgreSQL the transaction can then only be rolled back, at
// least to a savepoint. rows must not use the transaction.
func (t *Tx) BulkInsert(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	n, err := t.session.bulkInsert(ctx, table, columns, checkedRows(len(columns), rows))
	if err != nil {
		if translator, ok := t.gorm.Dialector.(gorm.ErrorTranslator); ok {
			err = translator.Translate(err)
		}
		return 0, fmt.Errorf("bulk insert into %s: %w", table, err)
	}
	return n, nil
}

// Rows makes the argument of BulkInsert from rows that are all at hand.
func Rows(rows [][]any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// checkedRows brings times to UTC and stops at the first error or short row.
func checkedRows(columns int, rows iter.Seq2[[]any, error]) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		n := 0
		for row, err := range rows {
			n++
			if err == nil && len(row) != columns {
				err = fmt.Errorf("row %d has %d values for %d columns", n, len(row), columns)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(utcArgs(row), nil) {
				return
			}
		}
	}
}
