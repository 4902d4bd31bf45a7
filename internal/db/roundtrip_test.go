package db_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"countersign/internal/db"
)

type state string

type thing struct {
	ID    int64
	Name  state
	At    time.Time
	Until *time.Time
	Bytes []byte
	Open  bool
	Note  *string
	Doc   map[string]any `gorm:"serializer:json"`
}

// TestValuesComeBackEqual shows that no value depends on the driver, nor a
// time on the zone or precision it was given in.
func TestValuesComeBackEqual(t *testing.T) {
	t.Parallel()
	tokyo := time.FixedZone("Tokyo", 9*3600)
	at := time.Date(2026, 11, 22, 23, 30, 0, 123456789, tokyo)
	stored := time.Date(2026, 11, 22, 14, 30, 0, 123456000, time.UTC)
	whole := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	note := "naïve ☃ 'quoted'"
	given := []thing{
		{
			ID: math.MaxInt64, Name: "full", At: at, Until: &at, Bytes: []byte{0, 255, 1}, Open: true,
			Note: &note, Doc: map[string]any{"a": []any{1.5, "x"}, "b": nil},
		},
		{ID: math.MinInt64, Name: "empty", At: whole, Bytes: []byte{7}, Doc: map[string]any{}},
	}
	want := []thing{given[1], given[0]}
	want[1].At, want[1].Until = stored, &stored
	run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		rows := append([]thing(nil), given...)
		if err := d.Write().WithContext(ctx).Create(&rows).Error; err != nil {
			t.Fatal(err)
		}
		got, err := gorm.G[thing](d.Read()).Order("id").Find(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for _, row := range got {
			if row.At.Location() != time.UTC {
				t.Errorf("%s: zone %v", row.Name, row.At.Location())
			}
		}
		n, err := gorm.G[thing](d.Read()).Where("at = ? AND until >= ?", at, &at).Count(ctx, "*")
		if err != nil || n != 1 {
			t.Errorf("compared with another zone: %d rows, %v", n, err)
		}
	})
}

func TestTimesSortAsTimes(t *testing.T) {
	t.Parallel()
	base := time.Date(2026, 11, 22, 9, 59, 59, 0, time.UTC)
	var want []time.Time
	for _, d := range []time.Duration{0, time.Microsecond, 10 * time.Microsecond, 900 * time.Millisecond, time.Second, time.Hour} {
		want = append(want, base.Add(d))
	}
	run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		for i := range want {
			at := want[(i+3)%len(want)].In(time.FixedZone("", (i-3)*3600))
			row := thing{ID: int64(i + 1), Name: state(rune('a' + i)), At: at, Bytes: []byte{1}, Doc: map[string]any{}}
			if err := gorm.G[thing](d.Write()).Create(ctx, &row); err != nil {
				t.Fatal(err)
			}
		}
		var got []time.Time
		if err := d.Read().WithContext(ctx).Model(&thing{}).Order("at").Pluck("at", &got).Error; err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRawJSONAndEmptyBytes covers what drivers like to confuse with NULL or text.
func TestRawJSONAndEmptyBytes(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		w := d.Write().WithContext(ctx)
		insert := "INSERT INTO things (id, name, at, bytes, open, note, doc) VALUES (1, 'x', ?, ?, ?, '', ?)"
		if err := w.Exec(insert, time.Now(), []byte{}, false, `{"k": 1}`).Error; err != nil {
			t.Fatal(err)
		}
		var row struct {
			Bytes []byte
			Note  *string
			Doc   string
		}
		if err := d.Read().WithContext(ctx).Raw("SELECT bytes, note, doc FROM things").Scan(&row).Error; err != nil {
			t.Fatal(err)
		}
		var doc map[string]int
		if err := json.Unmarshal([]byte(row.Doc), &doc); err != nil || doc["k"] != 1 {
			t.Errorf("json %q, %v", row.Doc, err)
		}
		if !bytes.Equal(row.Bytes, []byte{}) || row.Note == nil || *row.Note != "" {
			t.Errorf("empty values came back as %v and %v", row.Bytes, row.Note)
		}
	})
}

// TestLockingClauseIsKept guards against a gorm configuration shared by both
// dialects, which silently drops the lock on PostgreSQL.
func TestLockingClauseIsKept(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		text := d.Read().ToSQL(func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Find(&[]thing{})
		})
		postgres := d.Dialect() == db.Postgres
		if strings.Contains(text, "FOR UPDATE SKIP LOCKED") != postgres {
			t.Errorf("lock clause wrong: %s", text)
		}
		if (d.Dialect().SkipLocked() == " FOR UPDATE SKIP LOCKED") != postgres {
			t.Errorf("SkipLocked is %q", d.Dialect().SkipLocked())
		}
		if strings.Contains(text, "*") {
			t.Errorf("columns are not listed by name: %s", text)
		}
	})
}

func TestDatabaseClock(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		before := time.Now().UTC().Add(-time.Minute)
		check := func(got time.Time, err error) {
			t.Helper()
			if err != nil || got.Before(before) || got.After(before.Add(2*time.Minute)) ||
				got.Location() != time.UTC || got.Nanosecond()%1000 != 0 {
				t.Errorf("clock says %v, %v", got, err)
			}
		}
		check(d.Now(ctx))
		err := d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			check(tx.Now(ctx))
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
