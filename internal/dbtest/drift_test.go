package dbtest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/db"
)

type owner struct {
	ID int64
}

type device struct {
	ID      int64
	OwnerID int64
	Serial  string
	Seen    *time.Time
	Hash    []byte
	Raw     json.RawMessage
	Open    bool
	Tags    []string `gorm:"serializer:json"`
	Share   float64
}

const ownersSQL = `CREATE TABLE owners (id BIGINT PRIMARY KEY);`

const devicesPostgres = ownersSQL + `
CREATE TABLE devices (id BIGINT PRIMARY KEY, owner_id BIGINT NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
  serial VARCHAR(80) NOT NULL, seen TIMESTAMPTZ, hash BYTEA NOT NULL, raw JSONB, open BOOLEAN NOT NULL,
  tags JSONB NOT NULL, share DOUBLE PRECISION NOT NULL, UNIQUE (owner_id, serial));
CREATE INDEX devices_seen ON devices (seen) WHERE open;
CREATE UNIQUE INDEX devices_lower ON devices (lower(serial), owner_id)`

const devicesSQLite = ownersSQL + `
CREATE TABLE devices (id INTEGER PRIMARY KEY, owner_id BIGINT NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
  serial TEXT NOT NULL, seen DATETIME, hash BLOB NOT NULL, raw TEXT, open BOOLEAN NOT NULL,
  tags TEXT NOT NULL, share REAL NOT NULL, UNIQUE (owner_id, serial));
CREATE INDEX devices_seen ON devices (seen) WHERE open;
CREATE UNIQUE INDEX devices_lower ON devices (lower(serial), owner_id)`

// findDrift applies both schemas and compares them with owner and device.
func findDrift(t *testing.T, postgres, sqlite string, exclude ...string) []string {
	t.Helper()
	ctx := context.Background()
	pg, lite := Empty(t, db.Postgres), Empty(t, db.SQLite)
	for d, script := range map[*db.DB]string{pg: postgres, lite: sqlite} {
		for statement := range strings.SplitSeq(script, ";") {
			if err := d.Write().WithContext(ctx).Exec(statement).Error; err != nil {
				t.Fatal(err)
			}
		}
	}
	found, err := drift(t, pg, lite, []any{&owner{}, &device{}}, exclude)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestNoDriftIsQuiet(t *testing.T) {
	t.Parallel()
	partition := `; CREATE TABLE extra (at TIMESTAMPTZ NOT NULL) PARTITION BY RANGE (at);
		CREATE TABLE extra_2026 PARTITION OF extra FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`
	if found := findDrift(t, devicesPostgres+partition, devicesSQLite, "ext*"); len(found) > 0 {
		t.Errorf("unexpected findings: %q", found)
	}
}

func TestEveryDriftIsFound(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		dialect  db.Dialect
		old, new string
		want     []string
	}{
		"column lost": {db.SQLite, ` raw TEXT,`, ` `, []string{
			"devices.raw: the column is missing on SQLite",
			"devices.raw: the column of device.Raw is missing on SQLite",
		}},
		"column added": {db.Postgres, `seen TIMESTAMPTZ,`, `seen TIMESTAMPTZ, more TEXT,`, []string{
			"devices.more: the column is missing on SQLite",
			"devices.more: the column on PostgreSQL has no field in a model",
		}},
		"not null lost": {db.SQLite, `serial TEXT NOT NULL`, `serial TEXT`, []string{
			"devices.serial: device.Serial cannot be nil, but the column on SQLite may be NULL",
			"devices.serial: may be NULL on PostgreSQL: false, on SQLite: true",
		}},
		"not null won": {db.Postgres, `seen TIMESTAMPTZ,`, `seen TIMESTAMPTZ NOT NULL,`, []string{
			"devices.seen: device.Seen can be nil, but the column on PostgreSQL is NOT NULL",
			"devices.seen: may be NULL on PostgreSQL: false, on SQLite: true",
		}},
		"zone lost": {db.Postgres, `seen TIMESTAMPTZ`, `seen TIMESTAMP`, []string{
			"devices.seen: device.Seen is time, but the column on PostgreSQL is timestamp without time zone",
			"devices.seen: the types differ: timestamp without time zone on PostgreSQL, DATETIME on SQLite",
		}},
		"type changed": {db.SQLite, `hash BLOB`, `hash INTEGER`, []string{
			"devices.hash: device.Hash is bytes, but the column on SQLite is INTEGER",
			"devices.hash: the types differ: bytea on PostgreSQL, INTEGER on SQLite",
		}},
		"index lost": {db.SQLite, `CREATE INDEX devices_seen ON devices (seen) WHERE open;`, ``, []string{
			"devices: index devices_seen (seen) where …: missing on SQLite",
		}},
		"index not partial": {db.SQLite, ` WHERE open`, ``, []string{
			"devices: index devices_seen (seen) where …: missing on SQLite",
			"devices: index devices_seen (seen): missing on PostgreSQL",
		}},
		"unique lost": {db.Postgres, `, UNIQUE (owner_id, serial)`, ``, []string{
			"devices: unique (owner_id,serial): missing on PostgreSQL",
		}},
		"cascade lost": {db.Postgres, ` ON DELETE CASCADE`, ``, []string{
			"devices: foreign key (owner_id) to owners on delete cascade: missing on PostgreSQL",
			"devices: foreign key (owner_id) to owners on delete no action: missing on SQLite",
		}},
		"key lost": {db.SQLite, `id INTEGER PRIMARY KEY`, `id INTEGER NOT NULL`, []string{
			"devices: primary key (id): missing on SQLite",
		}},
		"table added": {db.SQLite, ownersSQL, ownersSQL + `CREATE TABLE more (id INTEGER PRIMARY KEY);`, []string{
			"more: the table is missing on PostgreSQL",
			"more: the table on SQLite has no model",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			postgres, sqlite := devicesPostgres, devicesSQLite
			changed := &sqlite
			if test.dialect == db.Postgres {
				changed = &postgres
			}
			before := *changed
			if *changed = strings.Replace(before, test.old, test.new, 1); *changed == before {
				t.Fatal("the test changes nothing")
			}
			if diff := cmp.Diff(test.want, findDrift(t, postgres, sqlite)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
