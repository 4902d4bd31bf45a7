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
	gateway *db.DB // of people: consent, sign-in, and whoever reads
	bulk    *db.DB // of intake and forwarding, over connections of their own: however busy these are, a revoke and a look find one free. Nil: the same as gateway
	core    *db.DB // nil when the core is elsewhere
}

// forBulk is the way of intake and forwarding.
func (d *databases) forBulk() *db.DB {
	if d.bulk != nil {
		return d.bulk
	}
	return d.gateway
}

// openDatabases opens both and brings their tables up to date; only the gateway's when
// the core is elsewhere.
func (c Config) openDatabases(ctx context.Context, log *slog.Logger) (*databases, error) {
	if err := c.prepareDataDir(); err != nil {
		return nil, err
	}
	gateway, err := c.openDatabase(ctx, c.DatabaseURL, "", calmConns, migrateGateway, log)
	if err != nil {
		return nil, fmt.Errorf("the gateway's database: %w", err)
	}
	d := &databases{gateway: gateway}
	if gateway.Dialect() == db.Postgres { // SQLite has one writer anyway
		nothing := func(context.Context, *db.DB) error { return nil }
		if d.bulk, err = c.openDatabase(ctx, c.DatabaseURL, "", bulkConns, nothing, log); err != nil {
			return nil, errors.Join(fmt.Errorf("the gateway's database: %w", err), d.close())
		}
	}
	if c.CoreURL != "" {
		return d, nil
	}
	if d.core, err = c.openDatabase(ctx, c.CoreDatabaseURL, c.coreSchema(), coreConns, registration.Prepare, log); err != nil {
		return nil, errors.Join(fmt.Errorf("the core's database: %w", err), d.close())
	}
	return d, nil
}

// coreSchema keeps the core's tables apart on a PostgreSQL database that both
// share.
func (c Config) coreSchema() string {
	if strings.HasPrefix(c.CoreDatabaseURL, "sqlite:") {
		return ""
	}
	return "core"
}

func (c Config) openDatabase(ctx context.Context, url, schema string, most int, prepare func(context.Context, *db.DB) error, log *slog.Logger) (*db.DB, error) {
	d, err := db.Open(ctx, db.Config{URL: url, Schema: schema, Relaxed: c.Dev, MaxConns: most, Logger: log})
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, d); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func migrateGateway(ctx context.Context, d *db.DB) error { return d.Migrate(ctx, migrations.Gateway) }

// How many PostgreSQL connections a process opens at most: enough for the workers and some
// dozen calls at once, and two replicas fit below a server's default of 100.
const (
	calmConns = 12
	bulkConns = 14
	coreConns = 14
)

func (d *databases) close() error {
	var errs []error
	for _, one := range []*db.DB{d.core, d.bulk, d.gateway} {
		if one != nil {
			errs = append(errs, one.Close())
		}
	}
	return errors.Join(errs...)
}

// ping asks each database whether it answers.
func (d *databases) ping(ctx context.Context) error {
	if d.core == nil {
		return d.gateway.Ping(ctx)
	}
	return errors.Join(d.gateway.Ping(ctx), d.core.Ping(ctx))
}
