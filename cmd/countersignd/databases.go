package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"countersign/internal/db"
	"countersign/models/migrations"
	"countersign/registration"
)

// databases are the gateway's and the core's own; they never share a
// transaction, even in one process.
type databases struct {
	gateway *db.DB
	core    *db.DB // nil when the core is elsewhere
}

// openDatabases opens both and brings their tables up to date; only the gateway's when
// the core is elsewhere.
func (c Config) openDatabases(ctx context.Context, log *slog.Logger) (*databases, error) {
	if err := c.prepareDataDir(); err != nil {
		return nil, err
	}
	gateway, err := c.openDatabase(ctx, c.DatabaseURL, "", migrateGateway, log)
	if err != nil {
		return nil, fmt.Errorf("the gateway's database: %w", err)
	}
	if c.CoreURL != "" {
		return &databases{gateway: gateway}, nil
	}
	core, err := c.openDatabase(ctx, c.CoreDatabaseURL, c.coreSchema(), registration.Prepare, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the core's database: %w", err), gateway.Close())
	}
	return &databases{gateway: gateway, core: core}, nil
}

// coreSchema keeps the core's tables apart on a PostgreSQL database that both
// share.
func (c Config) coreSchema() string {
	if strings.HasPrefix(c.CoreDatabaseURL, "sqlite:") {
		return ""
	}
	return "core"
}

func (c Config) openDatabase(ctx context.Context, url, schema string, prepare func(context.Context, *db.DB) error, log *slog.Logger) (*db.DB, error) {
	d, err := db.Open(ctx, db.Config{URL: url, Schema: schema, Relaxed: c.Dev, MaxConns: maxConns, Logger: log})
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, d); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func migrateGateway(ctx context.Context, d *db.DB) error { return d.Migrate(ctx, migrations.Gateway) }

// maxConns bounds a process's PostgreSQL connections per database: enough for the
// workers and some dozen calls at once, far below a server's default of 100.
const maxConns = 20

func (d *databases) close() error {
	if d.core == nil {
		return d.gateway.Close()
	}
	return errors.Join(d.gateway.Close(), d.core.Close())
}

// ping asks each database whether it answers.
func (d *databases) ping(ctx context.Context) error {
	if d.core == nil {
		return d.gateway.Ping(ctx)
	}
	return errors.Join(d.gateway.Ping(ctx), d.core.Ping(ctx))
}
