package db

import (
	"context"
	"database/sql"
	"iter"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

// session is one open transaction. gorm sees a ConnPool that is already inside
// a transaction and turns nested transactions into savepoints.
type session interface {
	gorm.ConnPool
	gorm.TxCommitter
	// gate takes the locks in order.
	gate(ctx context.Context, locks []Lock) error
	// gateAndRead takes the locks in order, reads the clock, then runs a query.
	gateAndRead(ctx context.Context, locks []Lock, query string, args []any, row Row) (time.Time, error)
	// bulkInsert writes all rows into a table and counts them.
	bulkInsert(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error)
	// now reads the database's clock.
	now(ctx context.Context) (time.Time, error)
}

// connSession runs statements on the one pinned connection of a transaction.
type connSession struct {
	conn *sql.Conn
	ctx  context.Context // ends with the transaction
	end  context.CancelFunc
	// lost, if set, tells errors after which the database has already rolled
	// back by itself, so that a later statement would commit on its own.
	lost    func(error) bool
	aborted atomic.Bool
	// begin, if set, starts the transaction with its first statement.
	begin func() error
}

// ready refuses statements of a transaction that is over, and starts one that has not
// begun.
func (s *connSession) ready() error {
	if err := s.open(); err != nil || s.begin == nil {
		return err
	}
	return s.begin()
}

// open is ready without the start.
func (s *connSession) open() error {
	if s.aborted.Load() {
		return ErrAborted
	}
	return s.ctx.Err()
}

// note remembers an error that ended the transaction.
func (s *connSession) note(err error) {
	if err != nil && s.lost != nil && s.lost(err) {
		s.aborted.Store(true)
	}
}

// PrepareContext implements gorm.ConnPool.
func (s *connSession) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	stmt, err := s.conn.PrepareContext(ctx, query)
	s.note(err)
	return stmt, err
}

// ExecContext implements gorm.ConnPool.
func (s *connSession) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	result, err := s.conn.ExecContext(ctx, query, utcArgs(args)...)
	s.note(err)
	return result, err
}

// QueryContext implements gorm.ConnPool.
func (s *connSession) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	rows, err := s.conn.QueryContext(ctx, query, utcArgs(args)...)
	s.note(err)
	return rows, err
}

// QueryRowContext implements gorm.ConnPool.
func (s *connSession) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := s.ready(); err != nil {
		return s.conn.QueryRowContext(refusedContext{ctx, err}, query)
	}
	row := s.conn.QueryRowContext(ctx, query, utcArgs(args)...)
	s.note(row.Err())
	return row
}

// free gives the connection back. The context ends first, so that rows somebody
// forgot to close cannot hold the connection for ever.
func (s *connSession) free() error {
	s.end()
	return s.conn.Close()
}
