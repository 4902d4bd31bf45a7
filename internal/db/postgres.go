package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/driver/postgres"
)

// sessionSettings apply to every connection unless the URL says otherwise. A
// paused process loses its locks after idle_in_transaction_session_timeout; a
// claim or gate that waits longer than lock_timeout is told to come back.
var sessionSettings = map[string]string{
	"application_name":                    "countersign",
	"timezone":                            "UTC",
	"statement_timeout":                   "30s",
	"lock_timeout":                        "10s",
	"idle_in_transaction_session_timeout": "30s",
}

// pgBackend is a PostgreSQL connection pool, and database/sql on top for gorm.
type pgBackend struct {
	cfg  Config
	conn *pgx.ConnConfig
	pool *pgxpool.Pool
	sql  *sql.DB
}

func (d *DB) openPostgres(ctx context.Context) error {
	conf, err := pgConfig(d.cfg)
	if err != nil {
		return err
	}
	pgx, err := pgxpool.NewWithConfig(ctx, conf)
	if err != nil {
		return err
	}
	b := &pgBackend{cfg: d.cfg, conn: conf.ConnConfig, pool: pgx, sql: openOnce(pgx)}
	d.backend = b
	if err := b.prepare(ctx); err != nil {
		return errors.Join(err, b.close())
	}
	d.write, err = d.gorm(postgres.New(postgres.Config{Conn: &pool{db: b.sql, enter: admit}}))
	if err != nil {
		return errors.Join(err, b.close())
	}
	d.read = d.write
	return nil
}

// pgConfig reads the URL and adds our settings to it.
func pgConfig(cfg Config) (*pgxpool.Config, error) {
	conf, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errURL // the cause may quote the URL with its password
	}
	params := conf.ConnConfig.RuntimeParams
	for name, value := range sessionSettings {
		if _, set := params[name]; !set {
			params[name] = value
		}
	}
	if cfg.Schema != "" {
		params["search_path"] = cfg.Schema
	}
	if cfg.Relaxed {
		params["synchronous_commit"] = "off"
	}
	if cfg.MaxConns > 0 {
		conf.MaxConns = int32(min(cfg.MaxConns, 10_000))
	}
	conf.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		conn.TypeMap().RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID,
			Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
		})
		return nil
	}
	return conf, nil
}

// prepare checks the connection and makes the schema.
func (b *pgBackend) prepare(ctx context.Context) error {
	if err := b.pool.Ping(ctx); err != nil {
		return err
	}
	if b.cfg.Schema == "" {
		return nil
	}
	// CREATE SCHEMA IF NOT EXISTS needs the right to create even when there
	// is nothing to do, and may still lose a race against another replica.
	const exists = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)"
	var found bool
	if err := b.pool.QueryRow(ctx, exists, b.cfg.Schema).Scan(&found); err != nil || found {
		return err
	}
	_, err := b.pool.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{b.cfg.Schema}.Sanitize())
	if err == nil || IsDuplicate(err) || sqlState(err) == "42P06" {
		return nil
	}
	return fmt.Errorf("create schema %s: %w", b.cfg.Schema, err)
}

func (b *pgBackend) now(ctx context.Context) (time.Time, error) {
	var t time.Time
	err := b.pool.QueryRow(ctx, clockSQL).Scan(&t)
	return utc(t), err
}

func (b *pgBackend) nowAndRead(ctx context.Context, query string, args []any, row Row) (time.Time, error) {
	rows, err := b.pool.Query(ctx, withClock(query), args...)
	if err != nil {
		return time.Time{}, err
	}
	return readClocked(rows, row)
}

func (b *pgBackend) ping(ctx context.Context) error { return b.pool.Ping(ctx) }

func (b *pgBackend) close() error {
	err := b.sql.Close()
	b.pool.Close()
	return err
}
