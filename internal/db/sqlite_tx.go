package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteSession is a transaction on the one write connection.
type sqliteSession struct {
	connSession
	clock func() time.Time
	leave func()
}

func (b *sqliteBackend) begin(ctx context.Context, end context.CancelFunc) (session, error) {
	if err := b.queue.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	leave := func() { b.queue.Release(1) }
	conn, err := b.write.Conn(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	s := &sqliteSession{
		connSession: connSession{conn: conn, ctx: ctx, end: end, lost: rolledBack},
		clock:       b.cfg.now, leave: leave,
	}
	// IMMEDIATE, because a transaction that reads first and writes later
	// fails with "database is locked" however long the busy timeout.
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, errors.Join(err, s.Rollback())
	}
	return s, nil
}

// rolledBack tells the errors after which SQLite may have ended the whole
// transaction by itself (https://sqlite.org/lang_transaction.html, section 3.1).
func rolledBack(err error) bool {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT:
		return true
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Commit implements gorm.TxCommitter.
func (s *sqliteSession) Commit() error {
	if s.aborted.Load() {
		return errors.Join(ErrAborted, s.Rollback())
	}
	_, err := s.conn.ExecContext(context.Background(), "COMMIT")
	if err == nil {
		_ = s.done() // committed, whatever happened to the connection afterwards
		return nil
	}
	rollbackErr := s.Rollback()
	if sqliteCode(err)&0xff == sqlite3.SQLITE_IOERR {
		return fmt.Errorf("%w: %w", ErrCommitUnknown, errors.Join(err, rollbackErr))
	}
	return fmt.Errorf("commit: %w", errors.Join(err, rollbackErr))
}

// Rollback implements gorm.TxCommitter. A connection that cannot roll back is
// thrown away, or its open transaction would swallow the next one.
func (s *sqliteSession) Rollback() error {
	_, err := s.conn.ExecContext(context.Background(), "ROLLBACK")
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		err = nil // SQLite had already rolled back
	}
	if err != nil {
		_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	return errors.Join(err, s.done())
}

// done gives the connection back and lets the next writer in.
func (s *sqliteSession) done() error {
	defer s.leave()
	return s.free()
}

func (s *sqliteSession) gate(context.Context, []Lock) error { return s.ready() }

func (s *sqliteSession) gateAndRead(ctx context.Context, _ []Lock, query string, args []any, row Row) (time.Time, error) {
	now := s.clock()
	rows, err := s.QueryContext(ctx, query, args...)
	if err != nil {
		return now, err
	}
	err = readRows(rows, row)
	s.note(err)
	return now, err
}

func (s *sqliteSession) now(context.Context) (time.Time, error) { return s.clock(), s.ready() }

func (s *sqliteSession) bulkInsert(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	stmt, err := s.PrepareContext(ctx, insertSQL(table, columns))
	if err != nil {
		return 0, err
	}
	defer stmt.Close()
	var n int64
	for row, err := range rows {
		if err == nil {
			_, err = stmt.ExecContext(ctx, row...)
		}
		if err != nil {
			s.note(err)
			return 0, err
		}
		n++
	}
	return n, nil
}

// insertSQL builds the statement for one row.
func insertSQL(table string, columns []string) string {
	quoted := make([]string, len(columns))
	for i, column := range columns {
		quoted[i] = quote(column)
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(columns)), ",")
	return "INSERT INTO " + quote(table) + " (" + strings.Join(quoted, ",") + ") VALUES (" + marks + ")"
}

// quote makes an SQL identifier of a name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
