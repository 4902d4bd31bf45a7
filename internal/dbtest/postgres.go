package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/db"
	"countersign/models/migrations"
)

// postgresEnv names the variable with the URL of a running server.
const postgresEnv = "COUNTERSIGN_TEST_POSTGRES_URL"

// adminTimeout bounds every statement that creates or drops a database.
const adminTimeout = time.Minute

// server returns the URL of the server's maintenance database.
var server = sync.OnceValues(func() (string, error) {
	if given := os.Getenv(postgresEnv); given != "" {
		return given, nil
	}
	return startServer()
})

// postgresTemplates holds the name of one migrated database per set.
var postgresTemplates sync.Map // migrations.Set to func() (string, error)

// postgresClone returns the URL of a fresh clone of the set's template.
func postgresClone(t testing.TB, set migrations.Set) string {
	t.Helper()
	made, _ := postgresTemplates.LoadOrStore(set, sync.OnceValues(func() (string, error) {
		return postgresTemplate(set)
	}))
	template, err := made.(func() (string, error))()
	if err != nil {
		t.Fatalf("make the PostgreSQL template for %s: %v", set, err)
	}
	return postgresDatabase(t, template)
}

// postgresDatabase creates a database from a template and drops it when the
// test ends.
func postgresDatabase(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprintf("cs_test_%d_%08x", os.Getpid(), rand.Uint32())
	if err := createDatabase(name, template); err != nil {
		t.Fatalf("create a PostgreSQL test database: %v", err)
	}
	t.Cleanup(func() {
		if err := admin("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop the PostgreSQL test database: %v", err)
		}
	})
	return databaseURL(name)
}

// postgresTemplate makes the migrated database of a set, or finds the one that
// an earlier process made from the same files. Its name appears only when it is
// complete.
func postgresTemplate(set migrations.Set) (string, error) {
	sum, err := filesSum(set)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("cs_template_%s_%s", set, sum)
	draft := fmt.Sprintf("cs_draft_%d_%08x", os.Getpid(), rand.Uint32())
	if err := createDatabase(draft, "template0"); err != nil {
		return "", err
	}
	if err := migrate(db.Config{URL: databaseURL(draft), Relaxed: true}, set); err != nil {
		return "", errors.Join(err, admin("DROP DATABASE "+draft+" WITH (FORCE)"))
	}
	err = admin("ALTER DATABASE " + draft + " RENAME TO " + name)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42P04" { // duplicate_database: made before
		return name, admin("DROP DATABASE " + draft + " WITH (FORCE)")
	}
	return name, err
}

// filesSum identifies the content of a set's migrations.
func filesSum(set migrations.Set) (string, error) {
	files, err := migrations.Files(string(db.Postgres), set)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(content), content)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)[:8]), err
}

// createDatabase clones a template by copying files, which is about twice as
// fast as through the log. PostgreSQL before 15 knows no other way.
func createDatabase(name, template string) error {
	create := "CREATE DATABASE " + name + " TEMPLATE " + template
	err := admin(create + " STRATEGY file_copy")
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42601" { // syntax_error
		return admin(create)
	}
	return err
}

// admin runs one statement on a connection of its own, so that nothing stays
// behind for a leak check to find.
func admin(statement string) error {
	base, err := server()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, base)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// databaseURL is the server's URL with another database. It must only be called
// after server succeeded.
func databaseURL(name string) string {
	base, _ := server()
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	u.Path = "/" + name
	return u.String()
}
