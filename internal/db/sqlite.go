package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/glebarez/sqlite"
	"golang.org/x/sync/semaphore"
)

// defaultReaders is how many statements may read one SQLite file at a time.
const defaultReaders = 4

// sqliteBackend is one SQLite file: a single write connection, readers beside
// it, and the lock that keeps other processes out.
type sqliteBackend struct {
	cfg   Config
	lock  *fileLock
	write *sql.DB
	read  *sql.DB
	// queue serves writers in the order they came; database/sql would pick
	// any of those that wait for the one connection.
	queue *semaphore.Weighted
}

func (d *DB) openSQLite(ctx context.Context) error {
	path, err := sqlitePath(d.cfg.URL)
	if err != nil {
		return err
	}
	b := &sqliteBackend{cfg: d.cfg, queue: semaphore.NewWeighted(1)}
	d.backend = b
	if b.lock, err = lockFile(path + ".lock"); err != nil {
		return err
	}
	if err := d.openSQLitePools(ctx, b, path); err != nil {
		return errors.Join(err, b.close())
	}
	return nil
}

func (d *DB) openSQLitePools(ctx context.Context, b *sqliteBackend, path string) (err error) {
	if b.write, err = sql.Open(sqlite.DriverName, sqliteDSN(path, d.cfg.Relaxed)); err != nil {
		return err
	}
	b.write.SetMaxOpenConns(1)
	b.write.SetMaxIdleConns(1)
	// A read-only connection cannot make the write-ahead log, so the writer
	// comes first and stays open.
	if err = b.ping(ctx); err != nil {
		return err
	}
	if b.read, err = sql.Open(sqlite.DriverName, sqliteReadDSN(path)); err != nil {
		return err
	}
	readers := d.cfg.MaxConns
	if readers == 0 {
		readers = defaultReaders
	}
	b.read.SetMaxOpenConns(readers)
	b.read.SetMaxIdleConns(readers)
	if d.write, err = d.gorm(&sqlite.Dialector{Conn: &pool{db: b.write, enter: b.enter}}); err != nil {
		return err
	}
	d.read, err = d.gorm(&sqlite.Dialector{Conn: &pool{db: b.read, enter: admit}})
	return err
}

// enter lets one writer in after the other, first come first served.
func (b *sqliteBackend) enter(ctx context.Context) (func(), error) {
	if err := RefuseInTx(ctx, "a statement outside the transaction"); err != nil {
		return nil, err
	}
	if err := b.queue.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { b.queue.Release(1) }, nil
}

func (b *sqliteBackend) now(context.Context) (time.Time, error) { return b.cfg.now(), nil }

func (b *sqliteBackend) nowAndRead(ctx context.Context, query string, args []any, row Row) (time.Time, error) {
	now := b.cfg.now()
	rows, err := b.read.QueryContext(ctx, query, args...)
	if err != nil {
		return now, err
	}
	return now, readRows(rows, row)
}

// readRows reads a result to its end.
func readRows(rows *sql.Rows, row Row) error {
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (b *sqliteBackend) ping(ctx context.Context) error {
	leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var one int
	return b.write.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema LIMIT 1").Scan(&one)
}

func (b *sqliteBackend) close() error {
	steps := []func() error{}
	if b.read != nil {
		steps = append(steps, b.read.Close)
	}
	if b.write != nil {
		steps = append(steps, b.write.Close)
	}
	return closeAll(append(steps, b.lock.unlock)...)
}

// sqlitePath reads the file's path from the URL, makes the file if it is
// missing, readable by its owner only, and follows links, so that one file has
// one lock.
func sqlitePath(rawURL string) (string, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(rawURL, "sqlite:"), "//")
	if path == "" || strings.ContainsAny(path, "?\x00") || strings.HasPrefix(path, ":") {
		return "", errors.New(`write "sqlite:" and the path of a file, without options; a database in memory is not supported`)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", fmt.Errorf("the database file cannot be opened for writing; check that its folder exists and who may write there: %w", err)
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// sqliteDSN opens the file for writing. A 202 promises durability, hence
// synchronous FULL: NORMAL may lose the last commits when power fails.
func sqliteDSN(path string, relaxed bool) string {
	synchronous := "FULL"
	if relaxed {
		synchronous = "NORMAL"
	}
	return sqliteURI(path) + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)" +
		"&_pragma=synchronous(" + synchronous + ")&_txlock=immediate"
}

// sqliteReadDSN opens the file for reading only.
func sqliteReadDSN(path string) string {
	return sqliteURI(path) + "?mode=ro&_pragma=busy_timeout(5000)&_pragma=query_only(1)"
}

func sqliteURI(path string) string {
	path = filepath.ToSlash(path)
	if runtime.GOOS == "windows" {
		path = "/" + path
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath()
}
