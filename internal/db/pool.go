package db

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
)

// pool is gorm's way to the database outside a transaction.
type pool struct {
	db *sql.DB
	// enter admits one statement and returns what to call when it was sent.
	enter func(ctx context.Context) (leave func(), err error)
}

// admit is the enter of a pool without a queue.
func admit(ctx context.Context) (func(), error) {
	return func() {}, RefuseInTx(ctx, "a statement outside the transaction")
}

// PrepareContext implements gorm.ConnPool.
func (p *pool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	leave, err := p.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return p.db.PrepareContext(ctx, query) //nolint:sqlclosecheck // gorm closes what it asked for
}

// ExecContext implements gorm.ConnPool.
func (p *pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	leave, err := p.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return p.db.ExecContext(ctx, query, utcArgs(args)...)
}

// QueryContext implements gorm.ConnPool.
func (p *pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	leave, err := p.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return p.db.QueryContext(ctx, query, utcArgs(args)...) //nolint:sqlclosecheck // gorm closes what it asked for
}

// QueryRowContext implements gorm.ConnPool.
func (p *pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	leave, err := p.enter(ctx)
	if err != nil {
		// sql.Row can carry an error only if database/sql made it.
		return p.db.QueryRowContext(refusedContext{ctx, err}, query)
	}
	defer leave()
	return p.db.QueryRowContext(ctx, query, utcArgs(args)...)
}

// BeginTx implements gorm.ConnPoolBeginner, only to say what to use instead.
func (p *pool) BeginTx(context.Context, *sql.TxOptions) (gorm.ConnPool, error) {
	return nil, ErrUseInTx
}

// refusedContext is done from the start, with a reason of its own.
type refusedContext struct {
	context.Context
	reason error
}

var closedChan = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Done implements context.Context.
func (refusedContext) Done() <-chan struct{} { return closedChan }

// Err implements context.Context.
func (r refusedContext) Err() error { return r.reason }

// utcArgs brings every time among the arguments to UTC microseconds: SQLite
// compares times as text, and PostgreSQL would round what it cannot hold.
func utcArgs(args []any) []any {
	var out []any
	for i, arg := range args {
		fixed, changed := utcArg(arg)
		if !changed {
			continue
		}
		if out == nil {
			out = append(out, args...)
		}
		out[i] = fixed
	}
	if out == nil {
		return args
	}
	return out
}

// utcArg returns the argument to bind and whether it differs from arg.
func utcArg(arg any) (any, bool) {
	switch v := arg.(type) {
	case time.Time:
		fixed := utc(v)
		return fixed, fixed != v // most are as they should be, and an equal one needs no copy of the row
	case *time.Time:
		if v == nil {
			return nil, true
		}
		return utc(*v), true
	case sql.NullTime:
		if !v.Valid {
			return nil, true
		}
		return utc(v.Time), true
	}
	return arg, false
}
