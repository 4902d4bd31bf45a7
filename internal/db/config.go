package db

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"
)

// Dialect names the kind of a database.
type Dialect string

// The two dialects.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// SkipLocked returns the row-lock suffix of a claim: " FOR UPDATE SKIP LOCKED"
// on PostgreSQL, nothing on SQLite, whose write transactions exclude each other.
func (d Dialect) SkipLocked() string {
	if d == Postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// Config says which database to open and how.
type Config struct {
	URL      string           // "sqlite:PATH" or "postgres://user:password@host:port/name?…"
	Schema   string           // PostgreSQL schema, created if missing; "" means the server's default, usually public
	Clock    func() time.Time // replaces the database's clock; nil outside tests
	Relaxed  bool             // tests and demos only: the last commits may be lost when power fails
	MaxConns int              // PostgreSQL connections, or SQLite readers; 0 means a sensible default
	Logger   *slog.Logger     // nil discards
}

// schemaName is what we accept unquoted on PostgreSQL, so that a schema name can
// never need escaping.
var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// errURL deliberately carries no part of the URL: it may hold a password.
var errURL = errors.New(`the database URL is not understood: write "sqlite:PATH" or "postgres://user@host:port/name"`)

// dialect reads the kind of the database from the URL's scheme.
func (c Config) dialect() (Dialect, error) {
	scheme, _, found := strings.Cut(c.URL, ":")
	switch {
	case found && scheme == "sqlite":
		return SQLite, nil
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return Postgres, nil
	}
	return "", errURL
}

// check refuses settings that could only fail later.
func (c Config) check(dialect Dialect) error {
	if c.MaxConns < 0 {
		return fmt.Errorf("the number of database connections is %d: it must be positive, or 0 for the default", c.MaxConns)
	}
	if c.Schema == "" {
		return nil
	}
	if dialect == SQLite {
		return errors.New("a schema can only be chosen on PostgreSQL; leave it empty for SQLite")
	}
	if !schemaName.MatchString(c.Schema) {
		return fmt.Errorf("the schema name %q is not accepted: use small letters, digits and underscores, at most 63", c.Schema)
	}
	return nil
}

// logger never returns nil.
func (c Config) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}

// now is the process's view of time, for SQLite and for gorm's own columns.
func (c Config) now() time.Time {
	if c.Clock != nil {
		return utc(c.Clock())
	}
	return utc(time.Now())
}

// utc brings a time to the form both databases store exactly: UTC, microseconds.
func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
