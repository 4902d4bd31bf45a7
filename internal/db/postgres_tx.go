package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	clockSQL     = "SELECT clock_timestamp()"
	exclusiveSQL = "SELECT pg_advisory_xact_lock($1::bigint)"
	sharedSQL    = "SELECT pg_advisory_xact_lock_shared($1::bigint)"
)

// pgSession is a pgx transaction on a connection that gorm uses through
// database/sql, so that COPY and batches run inside gorm's own transaction.
type pgSession struct {
	connSession
	tx pgx.Tx
}

func (b *pgBackend) begin(ctx context.Context, end context.CancelFunc) (session, error) {
	conn, err := b.sql.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &pgSession{connSession: connSession{conn: conn, ctx: ctx, end: end}}
	err = conn.Raw(func(driverConn any) error {
		s.tx, err = pgxConn(driverConn).BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
		return err
	})
	if err != nil {
		return nil, errors.Join(err, s.free())
	}
	return s, nil
}

// Commit implements gorm.TxCommitter.
func (s *pgSession) Commit() error {
	ctx, cancel := context.WithTimeout(context.Background(), finishTimeout)
	defer cancel()
	if s.tx.Conn().IsClosed() { // so COMMIT was never sent
		return fmt.Errorf("commit: %w", errors.Join(errLost, s.free()))
	}
	err := s.tx.Commit(ctx)
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
	err := s.tx.Rollback(ctx)
	return errors.Join(err, s.free())
}

func (s *pgSession) gate(ctx context.Context, locks []Lock) error {
	if err := s.ready(); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	for _, lock := range locks {
		key, err := lock.key()
		if err != nil {
			return err
		}
		statement := sharedSQL
		if lock.Exclusive {
			statement = exclusiveSQL
		}
		batch.Queue(statement, key)
	}
	if err := s.tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("take the gate's locks: %w", lost(s.tx.Conn(), err))
	}
	return nil
}

func (s *pgSession) now(ctx context.Context) (time.Time, error) {
	if err := s.ready(); err != nil {
		return time.Time{}, err
	}
	var t time.Time
	err := s.tx.QueryRow(ctx, clockSQL).Scan(&t)
	return utc(t), lost(s.tx.Conn(), err)
}
