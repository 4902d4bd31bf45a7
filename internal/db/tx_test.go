package db_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"countersign/internal/db"
	"countersign/internal/dbtest"
)

var errBoom = errors.New("boom")

// add inserts a thing.
func add(ctx context.Context, g *gorm.DB, id int64, name string) error {
	row := thing{ID: id, Name: state(name), At: time.Now(), Bytes: []byte{1}, Doc: map[string]any{}}
	return gorm.G[thing](g).Create(ctx, &row)
}

// names lists the committed things.
func names(t *testing.T, d *db.DB) string {
	t.Helper()
	var list []string
	if err := d.Read().WithContext(context.Background()).Model(&thing{}).Order("id").Pluck("name", &list).Error; err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, " ")
}

// TestEveryWayOutLeaksNothing ends transactions in every possible way, more
// often than there are connections, and then still gets one.
func TestEveryWayOutLeaksNothing(t *testing.T) {
	t.Parallel()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			d := withThings(t, dialect, dbtest.WithMaxConns(2))
			ways := map[string]func(ctx context.Context, cancel func(), tx *db.Tx) error{
				"error": func(context.Context, func(), *db.Tx) error { return errBoom },
				"panic": func(context.Context, func(), *db.Tx) error { panic(errBoom) },
				"exit":  func(context.Context, func(), *db.Tx) error { runtime.Goexit(); return nil },
				"cancel": func(_ context.Context, cancel func(), _ *db.Tx) error {
					cancel()
					return nil
				},
				"cancelled statement": func(ctx context.Context, cancel func(), tx *db.Tx) error {
					cancel()
					return add(ctx, tx.Gorm(), 2, "late")
				},
				"rows left open": func(ctx context.Context, _ func(), tx *db.Tx) error {
					rows, err := tx.Gorm().WithContext(ctx).Raw("SELECT 1 UNION ALL SELECT 2").Rows()
					if err != nil || !rows.Next() {
						t.Errorf("rows: %v", err)
					}
					return errBoom
				},
			}
			for name, way := range ways {
				for range 5 {
					end(t, d, name, way)
				}
			}
			if got := names(t, d); got != "" {
				t.Errorf("something was committed: %s", got)
			}
			if err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error { return add(ctx, tx.Gorm(), 1, "last") }); err != nil {
				t.Error(err)
			}
		})
	}
}

// end runs one transaction to a bad end in a goroutine of its own.
func end(t *testing.T, d *db.DB, name string, way func(ctx context.Context, cancel func(), tx *db.Tx) error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		err := errBoom // what a panic or Goexit leaves
		defer func() {
			_ = recover()
			done <- err
		}()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err = d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			if err := add(ctx, tx.Gorm(), 1, "gone"); err != nil {
				return err
			}
			return way(ctx, cancel, tx)
		})
	}()
	if err := <-done; !errors.Is(err, errBoom) && !errors.Is(err, context.Canceled) {
		t.Errorf("%s: ended with %v", name, err)
	}
}

func TestNestedTransactionsAreSavepoints(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			g := tx.Gorm()
			if err := add(ctx, g, 1, "outer"); err != nil {
				return err
			}
			err := g.Transaction(func(inner *gorm.DB) error {
				if err := add(ctx, inner, 2, "undone"); err != nil {
					return err
				}
				return add(ctx, inner, 3, "outer") // a duplicate fails the savepoint only
			})
			if !db.IsDuplicate(err) {
				t.Errorf("want a duplicate, got %v", err)
			}
			return g.Transaction(func(inner *gorm.DB) error { return add(ctx, inner, 4, "inner") })
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := names(t, d); got != "outer inner" {
			t.Errorf("committed: %s", got)
		}
	})
}

func TestMarkedContextIsRefused(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			var n int64
			attempts := map[string]error{
				"InTx":     d.InTx(ctx, func(context.Context, *db.Tx) error { return nil }),
				"read":     d.Read().WithContext(ctx).Model(&thing{}).Count(&n).Error,
				"read row": d.Read().WithContext(ctx).Raw("SELECT 1").Row().Scan(&n),
				"write":    d.Write().WithContext(ctx).Exec("DELETE FROM things").Error,
				"insert":   add(ctx, d.Write(), 1, "x"),
				"client":   db.RefuseInTx(ctx, "a call to the core"),
			}
			_, attempts["clock"] = d.Now(ctx)
			for name, err := range attempts {
				if !errors.Is(err, db.ErrInTransaction) {
					t.Errorf("%s: %v", name, err)
				}
			}
			return tx.Gorm().WithContext(ctx).Raw("SELECT 1").Scan(&n).Error
		})
		if err != nil {
			t.Error(err)
		}
		if db.InTransaction(context.Background()) || db.RefuseInTx(context.Background(), "x") != nil {
			t.Error("an unmarked context was refused")
		}
		for _, g := range []*gorm.DB{d.Read(), d.Write()} {
			if err := g.Transaction(func(*gorm.DB) error { return nil }); !errors.Is(err, db.ErrUseInTx) {
				t.Errorf("gorm's own transaction: %v", err)
			}
		}
	})
}

func TestSerializationFailureIsRetriedFiveTimes(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		for code, want := range map[string]int{"40001": 5, "40P01": 5, "23505": 1} {
			runs := 0
			err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				runs++
				if err := add(ctx, tx.Gorm(), 1, "x"); err != nil {
					t.Errorf("run %d did not start from scratch: %v", runs, err)
				}
				return &pgconn.PgError{Code: code, Severity: "ERROR"}
			})
			if err == nil || runs != want {
				t.Errorf("%s: %d runs, %v", code, runs, err)
			}
		}
		runs := 0
		err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			if runs++; runs < 3 {
				return &pgconn.PgError{Code: "40001"}
			}
			return add(ctx, tx.Gorm(), 1, "third")
		})
		if err != nil || names(t, d) != "third" {
			t.Errorf("%v, committed: %s", err, names(t, d))
		}
	})
}

// TestRealDeadlockIsRetried lets two transactions take two rows in opposite
// order. Both must end well, because the loser runs again.
func TestRealDeadlockIsRetried(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		for id := range int64(2) {
			if err := add(ctx, d.Write(), id+1, string(rune('a'+id))); err != nil {
				t.Fatal(err)
			}
		}
		var meet sync.WaitGroup
		if d.Dialect() == db.Postgres {
			meet.Add(2) // on SQLite the second transaction cannot even start
		}
		errs := make(chan error, 2)
		for _, order := range [][2]int64{{1, 2}, {2, 1}} {
			go func() {
				first := true
				errs <- d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
					for i, id := range order {
						if err := gorm.G[thing](tx.Gorm()).Exec(ctx, "UPDATE things SET note = 'x' WHERE id = ?", id); err != nil {
							return err
						}
						if i == 0 && first && d.Dialect() == db.Postgres {
							first = false
							meet.Done()
							meet.Wait()
						}
					}
					return nil
				})
			}()
		}
		for range 2 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestNoDatabaseIsLocked is the read-then-write pattern that fails most of the
// time on an SQLite whose transactions begin deferred.
func TestNoDatabaseIsLocked(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		const workers, rounds = 16, 25
		ctx := context.Background()
		if err := add(ctx, d.Write(), 1, "counter"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for r := range rounds {
					if err := count(ctx, d); err != nil {
						t.Errorf("count: %v", err)
					}
					if err := add(ctx, d.Write(), int64(2+w*rounds+r), "w"+time.Now().String()+string(rune('a'+w))); err != nil {
						t.Errorf("write outside: %v", err)
					}
					if _, err := gorm.G[thing](d.Read()).Where("id = 1").Take(ctx); err != nil {
						t.Errorf("read: %v", err)
					}
				}
			})
		}
		wg.Wait()
		got, err := gorm.G[thing](d.Read()).Where("id = 1").Take(ctx)
		if err != nil || len(got.Bytes) != 1+workers*rounds {
			t.Errorf("%d of %d updates survived, %v", len(got.Bytes)-1, workers*rounds, err)
		}
	})
}

// count reads a row and writes it back one byte longer.
func count(ctx context.Context, d *db.DB) error {
	return d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := tx.Gate(ctx, db.Lock{Class: 1, ID: 1, Exclusive: true}); err != nil {
			return err
		}
		row, err := gorm.G[thing](tx.Gorm()).Where("id = 1").Take(ctx)
		if err != nil {
			return err
		}
		_, err = gorm.G[thing](tx.Gorm()).Where("id = 1").Update(ctx, "bytes", append(row.Bytes, 1))
		return err
	})
}
