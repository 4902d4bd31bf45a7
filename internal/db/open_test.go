package db_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/dbtest"
)

// childEnv makes the test program open a database and print what happened.
const childEnv = "COUNTERSIGN_DB_TEST_OPEN"

// openInChild is the other process of TestSecondProcessIsRefused.
func openInChild(url string) {
	d, err := db.Open(context.Background(), db.Config{URL: url})
	if err != nil {
		os.Stdout.WriteString(err.Error())
		return
	}
	_ = d.Close()
	os.Stdout.WriteString("opened")
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t, db.SQLite)
	inChild := func() string {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), childEnv+"="+url)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	d, err := db.Open(context.Background(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	if got := inChild(); !strings.Contains(got, "already in use") {
		t.Errorf("the other process said %q", got)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(strings.TrimPrefix(url, "sqlite:"), link); err != nil {
		t.Fatal(err)
	}
	for _, again := range []string{url, "sqlite:" + link} {
		if other, err := db.Open(context.Background(), db.Config{URL: again}); err == nil {
			t.Errorf("%s was opened twice in one process", again)
			_ = other.Close()
		}
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if got := inChild(); got != "opened" {
		t.Errorf("after close the other process said %q", got)
	}
}

func TestSQLiteFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ä b%20#+&.db") // what a URI would have to escape
	for range 2 {                                      // made, then found again
		d, err := db.Open(context.Background(), db.Config{URL: "sqlite:" + path})
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("file mode: %v, %v", info, err)
		}
		ctx := context.Background()
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
			var got string
			if err := d.Write().WithContext(ctx).Raw("PRAGMA " + pragma).Scan(&got).Error; err != nil || got != want {
				t.Errorf("%s is %q, want %q, %v", pragma, got, want, err)
			}
		}
		if err := d.Read().WithContext(ctx).Exec("CREATE TABLE t (n)").Error; err == nil {
			t.Error("the reading pool can write")
		}
		if err := d.Ping(ctx); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPostgresSettings(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t, db.Postgres)
	ctx := context.Background()
	for range 2 { // the schema is made, then found again
		d, err := db.Open(ctx, db.Config{URL: url + "&lock_timeout=3s", Schema: "own_schema", MaxConns: 2})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"search_path": "own_schema", "timezone": "UTC", "statement_timeout": "30s", "lock_timeout": "3s",
			"idle_in_transaction_session_timeout": "30s", "application_name": "countersign", "synchronous_commit": "off",
		}
		for name, value := range want {
			var got string
			if err := d.Read().WithContext(ctx).Raw("SHOW " + name).Scan(&got).Error; err != nil || got != value {
				t.Errorf("%s is %q, want %q, %v", name, got, value, err)
			}
		}
		err = d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			var level string
			if err := tx.Gorm().WithContext(ctx).Raw("SHOW transaction_isolation").Scan(&level).Error; err != nil || level != "read committed" {
				t.Errorf("isolation %q, %v", level, err)
			}
			return tx.Gorm().WithContext(ctx).Exec("CREATE TABLE IF NOT EXISTS own_schema.t (n INT)").Error
		})
		if err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := map[string]struct {
		cfg  db.Config
		want string
	}{
		"nothing":          {db.Config{}, "is not understood"},
		"other scheme":     {db.Config{URL: "mysql://u:topsecret@h/d"}, "is not understood"},
		"broken":           {db.Config{URL: "postgres://u:topsecret@h:port:1/d"}, "is not understood"},
		"memory":           {db.Config{URL: "sqlite::memory:"}, "memory is not supported"},
		"no path":          {db.Config{URL: "sqlite:"}, "the path of a file"},
		"options":          {db.Config{URL: "sqlite:x.db?mode=memory"}, "without options"},
		"no folder":        {db.Config{URL: "sqlite:" + filepath.Join(dir, "missing", "x.db")}, "check that its folder exists"},
		"folder":           {db.Config{URL: "sqlite:" + dir}, "cannot be opened for writing"},
		"schema on SQLite": {db.Config{URL: "sqlite:" + filepath.Join(dir, "x.db"), Schema: "s"}, "only be chosen on PostgreSQL"},
		"schema name":      {db.Config{URL: "postgres://h/d", Schema: `a"; DROP`}, "is not accepted"},
		"connections":      {db.Config{URL: "postgres://h/d", MaxConns: -1}, "must be positive"},
		"unreachable":      {db.Config{URL: "postgres://u:topsecret@127.0.0.1:1/d"}, "open the postgres database"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			d, err := db.Open(ctx, test.cfg)
			if err == nil {
				_ = d.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "topsecret") {
				t.Errorf("got %v", err)
			}
			if name == "unreachable" && !db.IsUnavailable(err) {
				t.Error("an unreachable server is not called unavailable")
			}
		})
	}
}

func TestInjectedClock(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6789, time.FixedZone("", 3600))
	want := time.Date(2026, 1, 2, 2, 4, 5, 6000, time.UTC)
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			d := dbtest.Empty(t, dialect, dbtest.WithClock(func() time.Time { return at }))
			if got, err := d.Now(context.Background()); err != nil || got != want {
				t.Errorf("outside: %v, %v", got, err)
			}
			err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				if got, err := tx.Now(ctx); err != nil || got != want {
					t.Errorf("inside: %v, %v", got, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
