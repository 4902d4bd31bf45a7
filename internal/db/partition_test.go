package db_test

import (
	"slices"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models/migrations"
)

func TestTendPartitions_makesComingDaysAndDropsOldEmptyOnes(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t, db.Postgres, migrations.Gateway)
	daily := db.Daily{Table: "upload_hashes", Ahead: 3, Keep: 2}
	day := time.Date(2031, 2, 3, 23, 59, 0, 0, time.UTC)
	tend := func(at time.Time) {
		t.Helper()
		if err := d.TendPartitions(t.Context(), daily, at); err != nil {
			t.Fatal(err)
		}
	}
	tend(day)
	tend(day) // again, as another replica would
	want := []string{"upload_hashes_20310203", "upload_hashes_20310204", "upload_hashes_20310205", "upload_hashes_default"}
	if got := partitions(t, d); !slices.Equal(got, want) {
		t.Fatalf("partitions %v, want %v", got, want)
	}

	insert := "INSERT INTO upload_hashes (staged_on, upload_id, ordinal, hash) VALUES ('2031-02-04', 1, 1, 'x')"
	if err := d.Write().WithContext(t.Context()).Exec(insert).Error; err != nil {
		t.Fatal(err)
	}
	tend(day.AddDate(0, 0, 10))
	got := partitions(t, d)
	if slices.Contains(got, "upload_hashes_20310203") {
		t.Error("an old empty partition was kept")
	}
	if !slices.Contains(got, "upload_hashes_20310204") {
		t.Error("a partition with bytes in flight was dropped")
	}
}

func TestTendPartitions_isNothingOnSQLite(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t, db.SQLite, migrations.Gateway)
	if err := d.TendPartitions(t.Context(), db.Daily{Table: "upload_hashes", Ahead: 3}, time.Now()); err != nil {
		t.Error(err)
	}
}

func partitions(t *testing.T, d *db.DB) []string {
	t.Helper()
	var names []string
	err := d.Read().WithContext(t.Context()).Raw(`SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'upload_hashes'::regclass ORDER BY 1`).Scan(&names).Error
	if err != nil {
		t.Fatal(err)
	}
	return names
}
