package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"countersign/internal/db"
	"countersign/internal/dbtest"
)

func TestErrorClasses(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		w := d.Write().WithContext(ctx)
		child := "CREATE TABLE children (thing BIGINT NOT NULL REFERENCES things (id))"
		if err := errors.Join(add(ctx, d.Write(), 1, "a"), w.Exec(child).Error); err != nil {
			t.Fatal(err)
		}
		_, missing := gorm.G[thing](d.Read()).Where("id = 9").Take(ctx)
		tests := map[string]struct {
			err  error
			is   func(error) bool
			name string
		}{
			"primary key": {add(ctx, d.Write(), 1, "b"), db.IsDuplicate, "duplicate"},
			"unique":      {add(ctx, d.Write(), 2, "a"), db.IsDuplicate, "duplicate"},
			"foreign key": {w.Exec("INSERT INTO children VALUES (7)").Error, db.IsForeignKey, "foreign key"},
			"no row":      {missing, db.IsNotFound, "not found"},
			"no sql row":  {d.Read().WithContext(ctx).Raw("SELECT id FROM things WHERE id = 9").Row().Scan(new(int)), db.IsNotFound, "not found"},
			"null":        {w.Exec("INSERT INTO children VALUES (NULL)").Error, nil, ""},
			"nothing":     {nil, nil, ""},
		}
		classes := map[string]func(error) bool{
			"duplicate": db.IsDuplicate, "foreign key": db.IsForeignKey, "not found": db.IsNotFound,
			"busy": db.IsBusy, "unavailable": db.IsUnavailable,
		}
		for what, test := range tests {
			wrapped := test.err
			if wrapped != nil {
				wrapped = fmt.Errorf("store: %w", test.err)
			}
			for class, is := range classes {
				if is(wrapped) != (class == test.name) {
					t.Errorf("%s (%v): %s is %t", what, test.err, class, is(wrapped))
				}
			}
		}
	})
}

func TestServerErrorClasses(t *testing.T) {
	t.Parallel()
	for code, want := range map[string][2]bool{ // busy, unavailable
		"40001": {true, true}, "40P01": {true, true}, "55P03": {true, true}, "57014": {true, true},
		"57P01": {false, true}, "53300": {false, true}, "08006": {false, true},
		"23505": {false, false}, "42601": {false, false},
	} {
		err := fmt.Errorf("x: %w", &pgconn.PgError{Code: code})
		if db.IsBusy(err) != want[0] || db.IsUnavailable(err) != want[1] {
			t.Errorf("%s: busy %t, unavailable %t", code, db.IsBusy(err), db.IsUnavailable(err))
		}
	}
}

// lockedBuffer collects a log from several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestLogHasNoValues makes statements succeed and fail with a secret among
// their values.
func TestLogHasNoValues(t *testing.T) {
	t.Parallel()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			log := &lockedBuffer{}
			logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			d := withThings(t, dialect, func(cfg *db.Config) { cfg.Logger = logger })
			const secret = "s3cr3t-value"
			for range 2 {
				_ = add(ctx, d.Write(), 1, secret) // works, then is a duplicate
			}
			w := d.Write().WithContext(ctx)
			_ = w.Exec("INSERT INTO things (id, name) VALUES (2, ?)", secret)             // lacks columns
			_ = w.Exec("UPDATE things SET at = ?, name = NULL WHERE name = ?", 1, secret) // not null
			_ = w.Exec("SELECT CAST(? AS INTEGER) FROM nowhere", secret)                  // no table
			_ = w.Raw("SELECT id FROM things WHERE id = ?", secret).Scan(new(int))        // no number
			text := log.String()
			if strings.Contains(text, secret) {
				t.Errorf("the log shows the value:\n%s", text)
			}
			for _, want := range []string{"INSERT INTO", "level=DEBUG", "level=ERROR", "nowhere"} {
				if !strings.Contains(text, want) {
					t.Errorf("the log lacks %q:\n%s", want, text)
				}
			}
		})
	}
}

// TestLostConnection cuts the connection right after COMMIT was sent, and before.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	target := dbtest.URL(t, db.Postgres)
	for name, deliver := range map[string]bool{"answer lost": true, "commit lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := startCutter(t, target, "commit", deliver)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			d, err := db.Open(ctx, db.Config{URL: proxy, Schema: strings.ReplaceAll(name, " ", "_")})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if err := d.Write().WithContext(ctx).Exec(tables[db.Postgres]).Error; err != nil {
				t.Fatal(err)
			}
			runs := 0
			err = d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				runs++
				return add(ctx, tx.Gorm(), 1, "x")
			})
			if !errors.Is(err, db.ErrCommitUnknown) || runs != 1 {
				t.Errorf("after %d runs: %v", runs, err)
			}
			want := int64(0)
			if deliver {
				want = 1
			}
			awaitThings(t, d, want)
		})
	}
}

// TestLostStatementRunsOnce cuts the connection after a statement that stands
// alone. A driver that sends it again would change the row twice.
func TestLostStatementRunsOnce(t *testing.T) {
	t.Parallel()
	const statement = "UPDATE things SET id = id + 1"
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{URL: startCutter(t, dbtest.URL(t, db.Postgres), statement, true)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := errors.Join(d.Write().WithContext(ctx).Exec(tables[db.Postgres]).Error, add(ctx, d.Write(), 1, "x")); err != nil {
		t.Fatal(err)
	}
	if err := d.Write().WithContext(ctx).Exec(statement).Error; !db.IsUnavailable(err) {
		t.Errorf("the lost statement: %v", err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		row, err := gorm.G[thing](d.Read()).Take(ctx)
		if err != nil || row.ID > 2 || time.Now().After(deadline) {
			t.Fatalf("the row is now %d, %v", row.ID, err)
		}
		if row.ID == 2 {
			return
		}
	}
}

// TestKilledConnection ends the server's side of an open transaction.
func TestKilledConnection(t *testing.T) {
	t.Parallel()
	d := withThings(t, db.Postgres)
	next := map[string]func(ctx context.Context, tx *db.Tx) error{
		"statement": func(ctx context.Context, tx *db.Tx) error { return add(ctx, tx.Gorm(), 2, "y") },
		"gate":      func(ctx context.Context, tx *db.Tx) error { return tx.Gate(ctx, shared) },
		"copy": func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.BulkInsert(ctx, "things", thingColumns, many(5, 6))
			return err
		},
		"clock": func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Now(ctx)
			return err
		},
	}
	for name, act := range next {
		err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			var pid int
			if err := tx.Gorm().WithContext(ctx).Raw("SELECT pg_backend_pid()").Scan(&pid).Error; err != nil {
				return err
			}
			outside := context.Background()
			if err := d.Write().WithContext(outside).Exec("SELECT pg_terminate_backend(?, 30000)", pid).Error; err != nil {
				return err
			}
			return act(ctx, tx)
		})
		if !db.IsUnavailable(err) || errors.Is(err, db.ErrCommitUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := names(t, d); got != "" {
		t.Errorf("committed: %s", got)
	}
}

// awaitThings waits for the server to finish with the cut connection.
func awaitThings(t *testing.T, d *db.DB, want int64) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for countThings(t, d) != want {
		if time.Now().After(deadline) {
			t.Fatalf("never saw %d rows", want)
		}
	}
}
