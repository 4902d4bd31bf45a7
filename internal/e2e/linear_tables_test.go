//go:build !windows

package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/glebarez/go-sqlite" // a look at the tables behind the server's back

	"countersign/gateway/client"
	"countersign/internal/linear"
)

// tables are the gateway's and the core's, read beside the programs and past the
// networks that fail.
type tables struct {
	gateway, core *sql.DB
	schema        string // of the core's tables, with its dot

	mu    sync.Mutex
	first map[string]int64 // when an upload, or a device of one, was first seen
	runs  map[string]*run  // by grant and kind of look
}

// run is a row of looks that showed the same. Its first and its last say all that
// those in between say.
type run struct{ first, last linear.Op }

// looked adds a look, as soon as another one shows something else.
func (t *tables) looked(h *linear.History, op linear.Op) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := string(op.Kind) + op.Grant
	now := t.runs[key]
	if now != nil && now.last.N == op.N {
		now.last = op
		return
	}
	now.end(h)
	t.runs[key] = &run{op, op}
}

// end adds a run to the history.
func (r *run) end(h *linear.History) {
	if r == nil {
		return
	}
	h.Add(r.first)
	if r.last != r.first {
		h.Add(r.last)
	}
}

// endAll adds what is left when nobody looks any more.
func (t *tables) endAll(h *linear.History) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.runs {
		r.end(h)
	}
	t.runs = map[string]*run{}
}

func openTables(t *testing.T, driver, url string) *sql.DB {
	t.Helper()
	d, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func (c *campaign) tables() *tables {
	if c.server != nil {
		return &tables{gateway: openTables(c.t, "pgx", c.gateway), core: openTables(c.t, "pgx", c.coreURL), schema: "core.", first: map[string]int64{}, runs: map[string]*run{}}
	}
	readOnly := func(url string) *sql.DB {
		return openTables(c.t, "sqlite", "file:"+strings.TrimPrefix(url, "sqlite:")+"?mode=ro&_pragma=busy_timeout(5000)")
	}
	return &tables{gateway: readOnly(c.gateway), core: readOnly(c.site.core), first: map[string]int64{}, runs: map[string]*run{}}
}

// sighting is a row that belongs to a grant: an upload, or a device of one.
type sighting struct {
	grant, upload string
	row           int
	at            time.Time // by the database's clock
}

const (
	uploadsSQL = "SELECT grant_id, tracking_id, 0, accepted_at FROM uploads WHERE accepted_at IS NOT NULL AND grant_id IN (%s)"
	devicesSQL = "SELECT grant_id, tracking_id, ordinal, registered_at FROM %sregistrations WHERE grant_id IN (%s)"
)

// see reads the rows of some grants in one statement.
func see(ctx context.Context, d *sql.DB, query string) ([]sighting, error) {
	rows, err := d.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []sighting
	for rows.Next() {
		var s sighting
		if err := rows.Scan(&s.grant, &s.upload, &s.row, &s.at); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// quoted lists ids for IN; they are UUIDs.
func quoted(ids []string) string { return "'" + strings.Join(ids, "', '") + "'" }

// watch counts the uploads and the devices of every grant that lives, or ended a
// moment ago, until ctx ends. A failed look is none.
func (c *campaign) watch(ctx context.Context, t *tables) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if ids := c.lately(); len(ids) > 0 {
			_ = c.readTables(ctx, t, ids)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// lately are the grants that may still change.
func (c *campaign) lately() (ids []string) {
	c.book.mu.Lock()
	defer c.book.mu.Unlock()
	for _, g := range c.book.grants {
		if g.over == linear.Never || wall()-g.over < int64(2*time.Second) {
			ids = append(ids, g.id)
		}
	}
	return ids
}

// readTables is one look: two operations of each grant.
func (c *campaign) readTables(ctx context.Context, t *tables, ids []string) error {
	for _, q := range []struct {
		kind  linear.Kind
		db    *sql.DB
		query string
	}{
		{linear.List, t.gateway, fmt.Sprintf(uploadsSQL, quoted(ids))},
		{linear.Count, t.core, fmt.Sprintf(devicesSQL, t.schema, quoted(ids))},
	} {
		call := wall()
		found, err := see(ctx, q.db, q.query)
		answered := wall()
		if err != nil {
			return err
		}
		count := map[string]int{}
		for _, s := range found {
			count[s.grant]++
			t.note(s.key(), answered)
		}
		for _, id := range ids {
			t.looked(&c.h, linear.Op{Kind: q.kind, Grant: id, N: count[id], Client: actorTables, Call: call, Return: answered})
		}
	}
	return nil
}

func (s sighting) key() string { return fmt.Sprint(s.upload, " ", s.row) }

func (t *tables) note(key string, at int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.first[key]; !known {
		t.first[key] = at
	}
}

// firstSeen is when a reader first saw a row.
func (t *tables) firstSeen(key string) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, known := t.first[key]; known {
		return at
	}
	return linear.Never
}

// devices counts the devices that were seen on record.
func (t *tables) devices() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range t.first {
		if !strings.HasSuffix(key, " 0") {
			n++
		}
	}
	return n
}

// event is a line of the consent's history.
type event struct {
	grant, from, to, reason string
	epoch                   int64
	at                      time.Time
}

func (t *tables) events(test *testing.T) (all []event) {
	test.Helper()
	rows, err := t.gateway.QueryContext(test.Context(), "SELECT subject_id, from_state, to_state, reason, epoch, at FROM consent_events WHERE subject = 'grant' ORDER BY id")
	if err != nil {
		test.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e event
		if err := rows.Scan(&e.grant, &e.from, &e.to, &e.reason, &e.epoch, &e.at); err != nil {
			test.Fatal(err)
		}
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		test.Fatal(err)
	}
	return all
}

// outcome is how a row of an upload ended at the gateway.
type outcome struct {
	upload, batch, grant, code string
	row                        int
	settled                    bool
}

func (t *tables) outcomes(test *testing.T) (all []outcome) {
	test.Helper()
	rows, err := t.gateway.QueryContext(test.Context(), `SELECT u.tracking_id, b.name, u.grant_id, r.error_code, r.ordinal, r.settled_at IS NOT NULL
		FROM uploads u JOIN batches b ON b.id = u.batch_id JOIN upload_rows r ON r.upload_id = u.id WHERE u.accepted_at IS NOT NULL`)
	if err != nil {
		test.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var o outcome
		if err := rows.Scan(&o.upload, &o.batch, &o.grant, &o.code, &o.row, &o.settled); err != nil {
			test.Fatal(err)
		}
		all = append(all, o)
	}
	if err := rows.Err(); err != nil {
		test.Fatal(err)
	}
	return all
}

// quiet waits until nothing is under way any more: claims of killed workers hold for
// half a minute. Rows under a suspended grant would wait for as long as it is, so the
// customers resume what the end of the run has caught them in.
func (c *campaign) quiet(t *tables) {
	c.t.Helper()
	var open string
	defer func() {
		if c.t.Failed() {
			c.t.Log("open are ", open)
		}
	}()
	await(c.t, 100*time.Second, "every dispatch, fence and revoke to be settled", func(ctx context.Context) bool {
		c.resumeAll(ctx, t)
		found, err := texts(ctx, t.gateway, `SELECT 'dispatch ' || id || ' ' || state || ' attempt ' || attempt || ' until ' || coalesce(lease_until, run_at) || ' ' || last_error
			FROM dispatches WHERE state <> 'done'
			UNION ALL SELECT 'fence ' || subject_id || ' attempt ' || attempts || ' at ' || next_at || ' ' || last_error FROM fences WHERE acked_at IS NULL
			UNION ALL SELECT 'grant ' || id || ' ' || state FROM grants WHERE state = 'revoking' `)
		if err != nil {
			return false // what the last good look saw is more telling
		}
		open = strings.Join(found, "\n")
		return open == ""
	})
	c.t.Logf("%6.2f s everything is settled", c.since())
}

// resumeAll asks once for each grant that is suspended.
func (c *campaign) resumeAll(ctx context.Context, t *tables) {
	for _, p := range c.pairs {
		found, err := texts(ctx, t.gateway, fmt.Sprintf(`SELECT id FROM grants WHERE state = 'suspended' AND tenant_id = '%s'`, p.tenant))
		if err != nil {
			continue // the next look asks again
		}
		for _, id := range found {
			c.change(ctx, p, c.dice(0), id, client.Resume, "go on after the run")
		}
	}
}

// texts reads a column.
func texts(ctx context.Context, d *sql.DB, query string) (all []string, err error) {
	rows, err := d.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

// unique tells what stands twice in a list.
func unique(keys []string) (twice []string) {
	slices.Sort(keys)
	for i := 1; i < len(keys); i++ {
		if keys[i] == keys[i-1] {
			twice = append(twice, keys[i])
		}
	}
	return twice
}
