package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	beginSQL = "begin isolation level read committed"
	clockSQL = "SELECT clock_timestamp()"

	// Locks of one kind, one after the other: a function scan gives the keys in order.
	exclusiveSQL = "SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k"
	sharedSQL    = "SELECT pg_advisory_xact_lock_shared(k) FROM unnest($1::bigint[]) AS k"
)

// pgSession is a transaction on pgx's own connection, which gorm uses through
// database/sql, so that COPY and batches run inside gorm's own transaction. It begins
// with its first statement: a batch then carries the beginning with it.
type pgSession struct {
	connSession
	pgx   *pgx.Conn
	begun bool
}

func (b *pgBackend) begin(ctx context.Context, end context.CancelFunc) (session, error) {
	conn, err := b.sql.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &pgSession{connSession: connSession{conn: conn, ctx: ctx, end: end}}
	s.begin = s.start
	err = conn.Raw(func(driverConn any) error {
		s.pgx = pgxConn(driverConn)
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, s.free())
	}
	return s, nil
}

// start begins the transaction unless it has begun.
func (s *pgSession) start() error {
	if s.begun {
		return nil
	}
	if _, err := s.pgx.Exec(s.ctx, beginSQL); err != nil {
		return fmt.Errorf("begin: %w", lost(s.pgx, err))
	}
	s.begun = true
	return nil
}

// Commit implements gorm.TxCommitter.
func (s *pgSession) Commit() error {
	ctx, cancel := context.WithTimeout(context.Background(), finishTimeout)
	defer cancel()
	switch {
	case !s.begun: // nothing was ever done in it
		return s.free()
	case s.pgx.IsClosed(): // so COMMIT was never sent
		return fmt.Errorf("commit: %w", errors.Join(errLost, s.free()))
	}
	tag, err := s.pgx.Exec(ctx, "commit")
	if err == nil && tag.String() == "ROLLBACK" {
		err = pgx.ErrTxCommitRollback
	}
	s.abandon(err)
	freeErr := s.free()
	switch {
	case err == nil:
		return nil // committed, whatever happened to the connection afterwards
	case commitRefused(err):
		return fmt.Errorf("commit: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrCommitUnknown, errors.Join(err, freeErr))
}

// commitRefused tells errors after which the transaction has surely not
// happened, because the server said so. A FATAL answer only says that the
// connection is gone, unless it says that the transaction had idled too long.
// pgx's SafeToRetry is no help: it is true for a COMMIT whose answer was lost.
func commitRefused(err error) bool {
	const completionUnknown, idleInTransaction = "40003", "25P03"
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == idleInTransaction || pg.Severity == "ERROR" && pg.Code != completionUnknown
	}
	return errors.Is(err, pgx.ErrTxCommitRollback) || errors.Is(err, pgx.ErrTxClosed)
}

// Rollback implements gorm.TxCommitter.
func (s *pgSession) Rollback() error {
	ctx, cancel := context.WithTimeout(context.Background(), finishTimeout)
	defer cancel()
	var err error
	if s.begun && !s.pgx.IsClosed() {
		_, err = s.pgx.Exec(ctx, "rollback")
		s.abandon(err)
	}
	return errors.Join(err, s.free())
}

// abandon closes a connection that could not end its transaction: nobody may go on
// in it.
func (s *pgSession) abandon(err error) {
	const idle = 'I'
	if err == nil || s.pgx.PgConn().TxStatus() == idle {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishTimeout)
	defer cancel()
	_ = s.pgx.Close(ctx)
}

func (s *pgSession) gate(ctx context.Context, locks []Lock) error {
	if err := s.ready(); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	if err := queueLocks(batch, locks); err != nil {
		return err
	}
	if err := s.pgx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("take the gate's locks: %w", lost(s.pgx, err))
	}
	return nil
}

// queueLocks takes the locks in their order, those of one kind in a row by one statement.
func queueLocks(batch *pgx.Batch, locks []Lock) error {
	for len(locks) > 0 {
		same := 1
		for same < len(locks) && locks[same].Exclusive == locks[0].Exclusive {
			same++
		}
		keys := make([]int64, same)
		for i, lock := range locks[:same] {
			var err error
			if keys[i], err = lock.key(); err != nil {
				return err
			}
		}
		statement := sharedSQL
		if locks[0].Exclusive {
			statement = exclusiveSQL
		}
		batch.Queue(statement, keys)
		locks = locks[same:]
	}
	return nil
}

func (s *pgSession) gateAndRead(ctx context.Context, locks []Lock, query string, args []any, row Row) (time.Time, error) {
	if err := s.open(); err != nil {
		return time.Time{}, err
	}
	batch := &pgx.Batch{}
	if !s.begun {
		batch.Queue(beginSQL)
		s.begun = true // whatever becomes of the batch, what follows must end it
	}
	if err := queueLocks(batch, locks); err != nil {
		return time.Time{}, err
	}
	before := batch.Len()
	batch.Queue(withClock(query), args...)
	results := s.pgx.SendBatch(ctx, batch)
	now, err := readBatch(results, before, row)
	if err = errors.Join(err, results.Close()); err != nil {
		return now, fmt.Errorf("read under the gate: %w", lost(s.pgx, err))
	}
	return now, nil
}

// readBatch reads the answers of a batch: so many that do not matter, then those of
// withClock.
func readBatch(results pgx.BatchResults, before int, row Row) (time.Time, error) {
	for range before {
		if _, err := results.Exec(); err != nil {
			return time.Time{}, err
		}
	}
	rows, err := results.Query()
	if err != nil {
		return time.Time{}, err
	}
	return readClocked(rows, row)
}

// readClocked reads the rows of withClock.
func readClocked(rows pgx.Rows, row Row) (now time.Time, err error) {
	defer rows.Close()
	for rows.Next() {
		err := row(func(dest ...any) error { return rows.Scan(append([]any{&now}, dest...)...) })
		if err != nil {
			return now, err
		}
	}
	return utc(now), rows.Err()
}

// withClock is a query, its parameters as PostgreSQL writes them, whose rows begin with
// the clock: a statement less than reading the clock before.
func withClock(query string) string {
	return "SELECT clock_timestamp(), q.* FROM (" + positional(query) + ") AS q"
}

// positional writes the question marks of a query as PostgreSQL's parameters.
func positional(query string) string {
	var out strings.Builder
	for i, part := range strings.Split(query, "?") {
		if i > 0 {
			fmt.Fprintf(&out, "$%d", i)
		}
		out.WriteString(part)
	}
	return out.String()
}

func (s *pgSession) now(ctx context.Context) (time.Time, error) {
	if err := s.ready(); err != nil {
		return time.Time{}, err
	}
	var t time.Time
	err := s.pgx.QueryRow(ctx, clockSQL).Scan(&t)
	return utc(t), lost(s.pgx, err)
}
