//go:build !windows

package e2e

import (
	"testing"
	"time"

	"countersign/internal/db"
)

// Programs are killed and stopped at the points of an upload's way that matter, the
// database crashes, is full and fails over a row, answers are lost on their way. Every
// upload that was accepted is settled row by row, no device is registered twice, and no
// operator is needed. (Numbers are compared in SQL.)

func TestCrash_inOneProcess(t *testing.T) {
	t.Parallel()
	c := newCrashesOnPostgres(t, false)
	for _, p := range append(gatewayPoints, corePoints...) {
		c.at(p, "kill", c.gateways[0])
	}
	c.at(gatewayPoints[3], "pause", c.gateways[0])
	c.crashPostgres()
	c.trouble()
	c.check()
}

func TestCrash_coreApart(t *testing.T) {
	t.Parallel()
	c := newCrashesOnPostgres(t, true)
	for _, p := range gatewayPoints {
		c.at(p, "kill", c.gateways[0])
	}
	for _, p := range corePoints {
		c.at(p, "kill", c.core)
		c.at(p, "pause", c.core)
	}
	c.loseAnswers()
	c.crashPostgres()
	c.trouble()
	c.sleepThrough()
	c.check()
}

// On SQLite nobody can hold a program at a point from outside: it is killed and stopped
// at any.
func TestCrash_onSQLite(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite, "COUNTERSIGN_LOG_LEVEL=error", "COUNTERSIGN_TOKENS_PER_MINUTE=100000")
	c := newCrashes(t, s)
	addr := freeAddress(t)
	c.gateways = []*standing{stand(func() *replica { return s.startOn(addr) })}
	c.begin()
	for i := range 8 {
		c.submit(60 + 300*(i%4))
		c.rest(time.Duration(30+37*i) * time.Millisecond)
		if i%4 == 3 {
			c.pause(c.gateways[0].running(), time.Second)
		} else {
			c.gateways[0].crash(func() {})
		}
	}
	c.trouble()
	c.check()
}

// point is a place on the way of an upload where a program can be held: a statement, or
// the commit, of its transaction.
type point struct {
	name    string
	core    bool // in the core's database
	table   string
	trigger string // when and for which rows
	rows    int    // of the upload that comes there
}

func (p point) commits() bool { return len(p.trigger) > 5 && p.trigger[:5] == "AFTER" }

var gatewayPoints = []point{
	{"rows are staged", false, "upload_rows", "BEFORE INSERT ON %s FOR EACH STATEMENT", 1100},
	{"an upload is queued", false, "dispatches", "BEFORE INSERT ON %s FOR EACH STATEMENT", 20},
	{"an accepted upload commits", false, "dispatches", "AFTER INSERT ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW", 20},
	{"work is claimed", false, "dispatches", "BEFORE UPDATE ON %s FOR EACH ROW WHEN (NEW.state = 'leased' AND OLD.state = 'ready')", 20},
	{"outcomes are written", false, "upload_rows", "BEFORE UPDATE ON %s FOR EACH STATEMENT", 20},
	{"outcomes commit", false, "upload_rows", "AFTER UPDATE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW", 20},
}

var corePoints = []point{
	{"devices are registered", true, "registrations", "BEFORE INSERT ON %s FOR EACH STATEMENT", 20},
	{"registrations commit", true, "answers", "AFTER INSERT ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW", 20},
}

// at sends an upload, holds whoever comes to a point, and lets something happen to it
// there.
func (c *crashes) at(p point, what string, to *standing) {
	c.t.Helper()
	c.t.Logf("%s while %s", what, p.name)
	release := c.hold(p)
	c.submit(p.rows)
	c.awaitHeld(p)
	switch what {
	case "kill":
		to.crash(release)
	case "pause":
		c.pause(to.running(), 2*time.Second)
		release()
	}
}

// trouble is what a database may say besides: it is full, and it fails over one row.
func (c *crashes) trouble() {
	c.t.Helper()
	for _, full := range []struct {
		core  bool
		table string
	}{{false, "upload_rows"}, {false, "dispatches"}, {true, "registrations"}} {
		c.t.Logf("no room for %s", full.table)
		end := c.fail(full.core, full.table, "1 = 1", "53100") // disk_full
		c.submit(30)
		c.rest(700 * time.Millisecond)
		end()
	}
	c.t.Log("one row cannot be registered for a while")
	end := c.fail(true, "registrations", "NEW.ordinal = 7", "P0001")
	c.submit(40)
	c.rest(4 * time.Second)
	end()
}

// loseAnswers cuts what the core answers after it has committed.
func (c *crashes) loseAnswers() {
	c.t.Helper()
	c.t.Log("answers of the core break off")
	for _, toxic := range []string{
		`{"type":"limit_data","stream":"downstream","attributes":{"bytes":120}}`,
		`{"type":"timeout","stream":"downstream","attributes":{"timeout":1}}`,
	} {
		c.toCore.spoil(c.t, toxic, func() {
			c.submit(25)
			c.rest(1500 * time.Millisecond)
		})
	}
}

// crashPostgres is an immediate stop under load.
func (c *crashes) crashPostgres() {
	c.t.Helper()
	c.t.Log("PostgreSQL crashes")
	for range 3 {
		c.submit(100)
		c.submit(1100)
	}
	c.rest(400 * time.Millisecond)
	if err := c.server.Crash(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	c.rest(500 * time.Millisecond)
	if err := c.server.Start(); err != nil {
		c.t.Fatal(err)
	}
}

// sleepThrough stops a gateway that holds work until another one has taken it over and
// finished it.
func (c *crashes) sleepThrough() {
	c.t.Helper()
	c.t.Log("a gateway sleeps longer than its lease while another one works")
	p := gatewayPoints[4]
	release := c.hold(p)
	c.submit(20)
	c.awaitHeld(p)
	sleeper := c.gateways[0].running()
	c.signal(sleeper, stopSignal)
	release()
	addr := freeAddress(c.t)
	c.gateways = append(c.gateways, stand(func() *replica { return c.startOn(addr, c.gatewaySettings...) }))
	c.turn.Store(1)
	c.submit(20)
	await(c.t, 90*time.Second, "the other gateway to take the work over", func(ctx ctxType) bool {
		return c.number(ctx, false, "SELECT count(*) FROM uploads WHERE state IN ('queued', 'processing')") == 0
	})
	c.signal(sleeper, continueSignal)
}

// check waits until everything is settled, and compares.
func (c *crashes) check() {
	c.t.Helper()
	uploads, rows := c.accepted()
	await(c.t, 150*time.Second, "everything to be settled", func(ctx ctxType) bool {
		return c.number(ctx, false, "SELECT count(*) FROM uploads WHERE state IN ('queued', 'processing')") == 0 &&
			c.number(ctx, false, "SELECT count(*) FROM dispatches WHERE state <> 'done'") == 0
	})
	for query, want := range map[string]int{
		"SELECT count(*) FROM uploads WHERE state <> 'receiving'":                                                     uploads,
		"SELECT count(*) FROM uploads WHERE state = 'finished' AND open_rows = 0 AND error_rows = 0":                  uploads,
		"SELECT coalesce(sum(row_count), 0) FROM uploads WHERE state = 'finished'":                                    rows,
		"SELECT count(DISTINCT tracking_id) FROM uploads WHERE state = 'finished'":                                    uploads,
		"SELECT count(DISTINCT request_id) FROM uploads WHERE state = 'finished'":                                     uploads,
		"SELECT count(*) FROM upload_rows r JOIN uploads u ON u.id = r.upload_id WHERE u.state = 'finished'":          rows,
		"SELECT count(*) FROM upload_rows WHERE settled_at IS NOT NULL AND error_code = '' AND device_id IS NOT NULL": rows,
		"SELECT count(DISTINCT device_id) FROM upload_rows WHERE settled_at IS NOT NULL":                              rows,
		"SELECT count(*) FROM upload_hashes h JOIN uploads u ON u.id = h.upload_id WHERE u.state = 'finished'":        0,
		"SELECT devices_used FROM grants":                                                                     rows,
		"SELECT devices_reserved FROM grants":                                                                 0,
		"SELECT coalesce(sum(devices_count), 0) FROM batches":                                                 rows,
		"SELECT count(*) FROM batches":                                                                        uploads,
		"core: SELECT count(*) FROM registrations WHERE state = 'active'":                                     rows,
		"core: SELECT count(*) FROM (SELECT DISTINCT tracking_id, ordinal FROM registrations) AS r":           rows,
		"core: SELECT count(DISTINCT identity_id) FROM registrations":                                         rows,
		"core: SELECT count(*) FROM device_events WHERE kind = 'registered'":                                  rows,
		"core: SELECT count(*) FROM (SELECT DISTINCT tracking_id, ordinal FROM answers WHERE code = '') AS a": rows,
	} {
		core, sql := splitQuery(query)
		if got := c.number(c.t.Context(), core, sql); got != want {
			c.t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	c.t.Logf("%d uploads of %d rows came through", uploads, rows)
}
