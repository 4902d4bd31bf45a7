package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	gosqlite "github.com/glebarez/go-sqlite"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm/logger"
)

// slowStatement is when a statement is worth a warning.
const slowStatement = time.Second

// gorm's Raw(…).Scan explains its statement through this variable and not
// through the logger it was given.
func init() {
	logger.RecorderParamsFilter = func(_ context.Context, sql string, _ ...any) (string, []any) {
		return sql, nil
	}
}

// statementLog writes gorm's statements to slog with placeholders, never with
// the bound values, and never an error text that may quote one.
type statementLog struct{ log *slog.Logger }

// LogMode leaves the level to slog.
func (s statementLog) LogMode(logger.LogLevel) logger.Interface { return s }

// Info writes gorm's own message without its data.
func (s statementLog) Info(ctx context.Context, msg string, _ ...any) { s.log.InfoContext(ctx, msg) }

// Warn writes gorm's own message without its data.
func (s statementLog) Warn(ctx context.Context, msg string, _ ...any) { s.log.WarnContext(ctx, msg) }

// Error writes gorm's own message without its data.
func (s statementLog) Error(ctx context.Context, msg string, _ ...any) { s.log.ErrorContext(ctx, msg) }

// ParamsFilter keeps the bound values out of the statement text.
func (s statementLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// Trace logs one statement: failed at Error, slow at Warn, others at Debug.
func (s statementLog) Trace(ctx context.Context, begin time.Time, fc func() (string, int64), err error) {
	took := time.Since(begin)
	level, msg := slog.LevelDebug, "database statement"
	switch {
	case err != nil && !expected(err):
		level, msg = slog.LevelError, "database statement failed"
	case took >= slowStatement:
		level, msg = slog.LevelWarn, "slow database statement"
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	sql, rows := fc()
	attrs := []slog.Attr{slog.String("sql", sql), slog.Int64("rows", rows), slog.Duration("took", took)}
	if err != nil {
		attrs = append(attrs, slog.String("error", describe(err)))
	}
	s.log.LogAttrs(ctx, level, msg, attrs...)
}

// expected errors are part of normal work and belong to the caller.
func expected(err error) bool {
	return IsNotFound(err) || IsDuplicate(err) || IsBusy(err) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// describe names an error without its text where the text may quote a value.
func describe(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Sprintf("SQLSTATE %s table %q column %q constraint %q", pg.Code, pg.TableName, pg.ColumnName, pg.ConstraintName)
	}
	var lite *gosqlite.Error
	if errors.As(err, &lite) {
		return fmt.Sprintf("SQLite error %d", lite.Code())
	}
	if IsUnavailable(err) || expected(err) {
		return err.Error()
	}
	return fmt.Sprintf("%T", err)
}
