package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// onceConnector opens connections that never send a statement twice. Upon
// driver.ErrBadConn database/sql tries again, but pgx v5.12.0 also reports it
// for statements without arguments that the server has got and may have done.
type onceConnector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c onceConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return onceConn{conn.(*stdlib.Conn)}, nil
}

// onceConn is pgx's connection for database/sql, with at most one attempt.
type onceConn struct{ *stdlib.Conn }

// ExecContext implements driver.ExecerContext.
func (c onceConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.Conn.Conn().IsClosed() {
		return nil, driver.ErrBadConn // nothing was sent: another connection may serve
	}
	result, err := c.Conn.ExecContext(ctx, query, args)
	return result, lost(c.Conn.Conn(), err)
}

// QueryContext implements driver.QueryerContext.
func (c onceConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.Conn.Conn().IsClosed() {
		return nil, driver.ErrBadConn
	}
	rows, err := c.Conn.QueryContext(ctx, query, args)
	return rows, lost(c.Conn.Conn(), err)
}

// lost marks an error after which the connection is gone, and takes out
// database/sql's permission to try again. A context's end keeps its own name.
func lost(conn *pgx.Conn, err error) error {
	switch {
	case errors.Is(err, driver.ErrBadConn):
		return errLost
	case err == nil || !conn.IsClosed() || sqlState(err) != "" ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

// openOnce is stdlib.OpenDBFromPool with such connections. Idle ones belong to
// the pool, never to database/sql.
func openOnce(pool *pgxpool.Pool) *sql.DB {
	handle := sql.OpenDB(onceConnector{stdlib.GetPoolConnector(pool)})
	handle.SetMaxIdleConns(0)
	return handle
}

// pgxConn returns pgx's own connection under one of database/sql.
func pgxConn(driverConn any) *pgx.Conn { return driverConn.(onceConn).Conn.Conn() }
