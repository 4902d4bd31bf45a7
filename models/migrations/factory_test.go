package migrations_test

import (
	"strings"
	"testing"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models/migrations"
)

// The history outlives the change of its kinds in both directions, and stays
// append-only.
func TestHistoryOutlivesTheFactoryRecordsMigration(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, migrations.Core, func(t *testing.T, d *db.DB) {
		exec := func(sql string) error { return d.Write().WithContext(t.Context()).Exec(sql).Error }
		const insert = "INSERT INTO device_events (identity_id, kind, tenant_id, tracking_id, ordinal, at) VALUES (7, '%', '', 'u', 1, CURRENT_TIMESTAMP)"
		for _, kind := range []string{"registered", "reported"} {
			if err := exec(strings.Replace(insert, "%", kind, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.MigrateDownTo(t.Context(), migrations.Core, 1); err != nil {
			t.Fatalf("down: %v", err)
		}
		if err := exec(strings.Replace(insert, "%", "reported", 1)); err == nil {
			t.Error("the older schema takes a kind it does not know")
		}
		wantKinds(t, d, "registered")
		if err := d.Migrate(t.Context(), migrations.Core); err != nil {
			t.Fatalf("up again: %v", err)
		}
		if err := exec(strings.Replace(insert, "%", "withdrawn", 1)); err != nil {
			t.Fatal(err)
		}
		wantKinds(t, d, "registered withdrawn")
		for _, change := range []string{"UPDATE device_events SET reason = 'x'", "DELETE FROM device_events"} {
			if err := exec(change); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", change, err)
			}
		}
	})
}

func wantKinds(t *testing.T, d *db.DB, want string) {
	t.Helper()
	var kinds []string
	if err := d.Read().WithContext(t.Context()).Raw("SELECT kind FROM device_events ORDER BY id").Scan(&kinds).Error; err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("the history holds %q, want %q", got, want)
	}
}
