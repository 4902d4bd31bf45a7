package db_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"countersign/internal/db"
	"countersign/internal/dbtest"
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

// TestBulkInsertOfManyMegabytes writes more than goes into one COPY.
func TestBulkInsertOfManyMegabytes(t *testing.T) {
	t.Parallel()
	const rows, size = 11, 1 << 20
	run(t, func(t *testing.T, d *db.DB) {
		large := func(yield func([]any, error) bool) {
			for row := range many(1, rows+1) {
				row[4] = bytes.Repeat(row[4].([]byte), size)
				if !yield(row, nil) {
					return
				}
			}
		}
		err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			n, err := tx.BulkInsert(ctx, "things", thingColumns, large)
			if n != rows {
				t.Errorf("%d rows counted", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []thing
		if err := d.Read().Order("id").Find(&got).Error; err != nil || len(got) != rows {
			t.Fatalf("%d rows, %v", len(got), err)
		}
		for _, row := range got {
			if len(row.Bytes) != size || row.Bytes[0] != byte(row.ID) || row.Bytes[size-1] != byte(row.ID) {
				t.Errorf("row %d holds other bytes", row.ID)
			}
		}
	})
}

// TestBulkInsertOfEveryKind writes what COPY takes in a form of its own, at its
// limits, and compares it with what SQL makes of literals.
func TestBulkInsertOfEveryKind(t *testing.T) {
	t.Parallel()
	d := dbtest.Empty(t, db.Postgres)
	const table = `CREATE TABLE kinds (id bigint, small integer, tiny smallint, name text, short varchar(9), bytes bytea, flag boolean, at timestamptz, day date, doc jsonb, ref uuid)`
	if err := d.Write().Exec(table).Error; err != nil {
		t.Fatal(err)
	}
	columns := []string{"id", "small", "tiny", "name", "short", "bytes", "flag", "at", "day", "doc", "ref"}
	text, early := "ü\t\\N", time.Date(1969, 7, 20, 20, 17, 40, 123456000, time.UTC)
	rows := [][]any{
		{int64(math.MinInt64), math.MaxInt32, 7, text, "abc", []byte{0, 255}, true, early, early, `{"a": 1}`, [16]byte{15: 9}},
		{int64(-1), math.MinInt32, int16(-7), &text, state("xyz"), []byte{}, false, &early, nil, nil, nil},
		{2, int64(5), nil, (*string)(nil), nil, []byte(nil), nil, (*time.Time)(nil), nil, nil, nil},
	}
	insert := func(rows ...[]any) error {
		return d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.BulkInsert(ctx, "kinds", columns, db.Rows(rows))
			return err
		})
	}
	if err := insert(rows...); err != nil {
		t.Fatal(err)
	}
	const same = `SELECT count(*) FROM kinds WHERE
		(id, small, tiny, name, short, bytes, flag, at, day, doc, ref) IS NOT DISTINCT FROM
			((-9223372036854775808)::bigint, 2147483647, 7::smallint, E'ü\t\\N', 'abc'::varchar, '\x00ff'::bytea, true, '1969-07-20 20:17:40.123456Z'::timestamptz, '1969-07-20'::date, '{"a":1}'::jsonb, '00000000-0000-0000-0000-000000000009'::uuid)
		OR (id, small, tiny, name, short, bytes, flag, at, day, doc, ref) IS NOT DISTINCT FROM
			(-1::bigint, -2147483648, -7::smallint, E'ü\t\\N', 'xyz'::varchar, ''::bytea, false, '1969-07-20 20:17:40.123456Z'::timestamptz, NULL::date, NULL::jsonb, NULL::uuid)
		OR (id, small) = (2, 5) AND (name, short, bytes, flag, at) IS NULL`
	var n int
	if err := d.Read().Raw(same).Scan(&n).Error; err != nil || n != len(rows) {
		t.Errorf("%d of %d rows came back as they were, %v", n, len(rows), err)
	}
	row := slices.Clone(rows[2])
	row[1] = math.MaxInt32 + 1
	if err := insert(row); err == nil || !strings.Contains(err.Error(), "column small") {
		t.Errorf("a number too large for its column: %v", err)
	}
}
