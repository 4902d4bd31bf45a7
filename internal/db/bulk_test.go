package db_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"countersign/internal/db"
)

var thingColumns = []string{"id", "name", "at", "until", "bytes", "open", "note", "doc"}

// many yields rows from..to-1.
func many(from, to int64) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		at := time.Date(2026, 11, 22, 12, 0, 0, 999, time.FixedZone("", 3600))
		for id := from; id < to; id++ {
			row := []any{id, state(fmt.Sprintf("n%d", id)), at, nil, []byte{byte(id)}, id%2 == 0, (*string)(nil), "{}"}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func countThings(t *testing.T, d *db.DB) int64 {
	t.Helper()
	n, err := gorm.G[thing](d.Read()).Count(context.Background(), "*")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestBulkInsertNestsInGormsTransaction mixes rows from gorm and from COPY in
// one transaction, with a savepoint that is rolled back around one of them.
func TestBulkInsertNestsInGormsTransaction(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		insert := func(keep bool) error {
			return d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				if err := add(ctx, tx.Gorm(), 1, "gorm"); err != nil {
					return err
				}
				if n, err := tx.BulkInsert(ctx, "things", thingColumns, many(10, 1010)); err != nil || n != 1000 {
					t.Errorf("first bulk: %d, %v", n, err)
				}
				err := tx.Gorm().Transaction(func(*gorm.DB) error {
					if n, err := tx.BulkInsert(ctx, "things", thingColumns, many(2000, 2500)); err != nil || n != 500 {
						t.Errorf("nested bulk: %d, %v", n, err)
					}
					return errBoom
				})
				if err == nil {
					t.Error("the nested error was lost")
				}
				if n, err := gorm.G[thing](tx.Gorm()).Count(ctx, "*"); err != nil || n != 1001 {
					t.Errorf("inside: %d rows, %v", n, err)
				}
				if !keep {
					return errBoom
				}
				return nil
			})
		}
		if err := insert(false); err == nil || countThings(t, d) != 0 {
			t.Errorf("rolled back: %v, %d rows", err, countThings(t, d))
		}
		if err := insert(true); err != nil || countThings(t, d) != 1001 {
			t.Errorf("committed: %v, %d rows", err, countThings(t, d))
		}
		got, err := gorm.G[thing](d.Read()).Where("id = 11").Take(context.Background())
		want := time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)
		if err != nil || got.Name != "n11" || !got.At.Equal(want) || got.Open || got.Note != nil || string(got.Bytes) != "\v" {
			t.Errorf("row 11 is %+v, %v", got, err)
		}
	})
}

func TestBulkInsertFailsWhole(t *testing.T) {
	t.Parallel()
	broken := func(yield func([]any, error) bool) {
		for row := range many(1, 3) {
			if !yield(row, nil) {
				return
			}
		}
		yield(nil, errBoom)
	}
	run(t, func(t *testing.T, d *db.DB) {
		tests := map[string]struct {
			rows iter.Seq2[[]any, error]
			want func(error) bool
		}{
			"source":    {broken, func(err error) bool { return strings.Contains(err.Error(), "boom") }},
			"short row": {db.Rows([][]any{{int64(1)}}), func(err error) bool { return strings.Contains(err.Error(), "row 1 has 1 values for 8 columns") }},
			"duplicate": {func(yield func([]any, error) bool) {
				many(1, 2)(yield)
				many(1, 2)(yield)
			}, db.IsDuplicate},
		}
		for name, test := range tests {
			err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				n, err := tx.BulkInsert(ctx, "things", thingColumns, test.rows)
				if n != 0 {
					t.Errorf("%s: %d rows counted", name, n)
				}
				return err
			})
			if err == nil || !test.want(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := countThings(t, d); n != 0 {
			t.Errorf("%d rows stayed", n)
		}
	})
}

func TestBulkInsertOfNothing(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			n, err := tx.BulkInsert(ctx, "things", thingColumns, db.Rows(nil))
			if n != 0 {
				t.Errorf("%d rows of none", n)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
