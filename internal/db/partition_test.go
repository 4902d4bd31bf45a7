package db_test

import (
	"context"
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

// TestTendPartitions_givesWayToATransactionInProgress: a statement locks the table
// before its partitions, and so must whoever drops one.
func TestTendPartitions_givesWayToATransactionInProgress(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t, db.Postgres, migrations.Gateway)
	daily := db.Daily{Table: "upload_hashes", Ahead: 1, Keep: 2}
	day := time.Date(2031, 2, 3, 12, 0, 0, 0, time.UTC)
	later := day.AddDate(0, 0, 10)
	keepAll := db.Daily{Table: daily.Table, Ahead: 1, Keep: 100}
	for _, at := range []time.Time{day, later} { // nothing is left to make: the drop alone waits
		if err := d.TendPartitions(t.Context(), keepAll, at); err != nil {
			t.Fatal(err)
		}
	}
	tended := make(chan error, 1)
	err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		g := tx.Gorm().WithContext(ctx)
		if err := g.Exec("LOCK TABLE ONLY upload_hashes IN ROW EXCLUSIVE MODE").Error; err != nil {
			return err
		}
		go func() { tended <- d.TendPartitions(context.Background(), daily, later) }()
		awaitTableWaiter(t, d)
		return g.Exec("SELECT 1 FROM upload_hashes_20310203").Error
	})
	if err != nil {
		t.Errorf("the transaction in progress: %v", err)
	}
	if err := <-tended; err != nil {
		t.Errorf("tending: %v", err)
	}
}

// awaitTableWaiter returns when a session of this database waits for a table.
func awaitTableWaiter(t *testing.T, d *db.DB) {
	t.Helper()
	const query = `SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		var waiting int64
		if err := d.Read().WithContext(context.Background()).Raw(query).Scan(&waiting).Error; err != nil {
			t.Error(err)
			return
		}
		if waiting > 0 {
			return
		}
	}
	t.Error("nobody waited for a table")
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

// Partitions have no storage parameters of their table's; each is made with its own.
func TestTendPartitions_storage(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t, db.Postgres, migrations.Gateway)
	daily := db.Daily{Table: "upload_hashes", Ahead: 1, Keep: 2, With: "WITH (toast_tuple_target = 8160)"}
	if err := d.TendPartitions(t.Context(), daily, time.Date(2031, 2, 3, 12, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	var whole int
	err := d.Read().WithContext(t.Context()).Raw(`SELECT count(*) FROM pg_class WHERE relname IN ('upload_hashes_20310203', 'upload_hashes_default')
		AND 'toast_tuple_target=8160' = ANY(reloptions)`).Scan(&whole).Error
	if err != nil || whole != 2 {
		t.Errorf("%d of 2 partitions keep hashes within their rows: %v", whole, err)
	}
}
