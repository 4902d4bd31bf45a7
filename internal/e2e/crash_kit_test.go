//go:build !windows

package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/internal/dbtest"
)

type ctxType = context.Context

const stopSignal, continueSignal = syscall.SIGSTOP, syscall.SIGCONT

// crashes is an installation to which things happen while uploads come in.
type crashes struct {
	*site
	people          *people
	server          *dbtest.Server // nil on SQLite
	gateways        []*standing
	gatewaySettings []string
	core            *standing // nil: in the gateway's process
	toCore          *network
	turn            atomic.Int64 // which gateway is spoken to
	gatewayDB       *sql.DB
	coreDB          *sql.DB
	schema          string // of the core's tables, with its dot

	senders sync.WaitGroup
	mu      sync.Mutex
	uploads int // accepted
	rows    int // of these
}

func stand(start func() *replica) *standing { return &standing{now: start(), again: start} }

func newCrashes(t *testing.T, s *site) *crashes {
	t.Helper()
	return &crashes{site: s}
}

// newCrashesOnPostgres has a server of its own, and the core in the gateway's process or
// behind a network.
func newCrashesOnPostgres(t *testing.T, apart bool) *crashes {
	t.Helper()
	server, err := dbtest.StartServer("fsync=off", "synchronous_commit=on", "autovacuum=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	s := &site{t: t, dataDir: shortTempDir(t), gateway: createDatabase(t, server, "gateway"), settings: []string{
		// Development trades durability for speed, and a crash of the server shows it.
		"COUNTERSIGN_DEV=false", "COUNTERSIGN_PUBLIC_URL=http://127.0.0.1:8080", "COUNTERSIGN_LOG_LEVEL=error", "COUNTERSIGN_TOKENS_PER_MINUTE=100000",
	}}
	s.core = createDatabase(t, server, "core")
	c := newCrashes(t, s)
	c.server, c.schema, c.gatewaySettings = server, "core.", []string{"COUNTERSIGN_PUBLIC_URL=http://127.0.0.1:8080"}
	if apart {
		c.startCoreApart()
	}
	addr := freeAddress(t)
	c.gateways = []*standing{stand(func() *replica { return c.startOn(addr, c.gatewaySettings...) })}
	c.begin()
	return c
}

func (c *crashes) startCoreApart() {
	listen, ops, coreURL := freeAddress(c.t), freeAddress(c.t), c.site.core
	c.core = stand(func() *replica {
		r := &replica{t: c.t, url: "http://" + ops, log: &lockedBuffer{}, done: make(chan error, 1)}
		r.cmd = exec.Command(filepath.Join(bin, "registrard"), "serve")
		r.cmd.Env = append(r.cmd.Environ(), "REGISTRARD_LISTEN="+listen, "REGISTRARD_OPS_LISTEN="+ops, "REGISTRARD_LOG_LEVEL=error",
			"REGISTRARD_DATA_DIR="+c.t.TempDir(), "REGISTRARD_DATABASE_URL="+coreURL)
		r.run("the core")
		return r
	})
	c.toCore = newNetwork(c.t, "to the core", listen)
	c.settings = append(c.settings, "COUNTERSIGN_CORE_URL=http://"+c.toCore.addr())
	c.site.core = ""
	c.coreDB = openTables(c.t, "pgx", coreURL)
}

// begin makes the people once the programs run.
func (c *crashes) begin() {
	c.t.Helper()
	open := func(url string) *sql.DB {
		if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
			return openTables(c.t, "sqlite", "file:"+path+"?_pragma=busy_timeout(20000)")
		}
		return openTables(c.t, "pgx", url)
	}
	c.gatewayDB = open(c.gateway)
	if c.coreDB == nil {
		c.coreDB = open(c.site.core)
	}
	c.people = newPeople(c.t, c.site)
	c.people.agree(c.gateways[0].running(), c.people.tenant, c.people.customer)
}

// submit sends an upload in the background, under one request id, until it is accepted.
func (c *crashes) submit(rows int) {
	d := c.people.delivery(c.people.tenant, rows)
	c.senders.Go(func() {
		deadline := time.Now().Add(150 * time.Second)
		for {
			_, err := c.speak().Submit(c.t.Context(), d.Submission)
			if err == nil {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.uploads++
				c.rows += rows
				return
			}
			if time.Now().After(deadline) || c.t.Context().Err() != nil {
				c.t.Errorf("an upload of %d is never accepted: %v", rows, err)
				return
			}
			c.rest(100 * time.Millisecond)
		}
	})
}

// accepted waits for the senders and says what they were told.
func (c *crashes) accepted() (uploads, rows int) {
	c.senders.Wait()
	return c.uploads, c.rows
}

// speak is a client that gives a call up that hangs.
func (c *crashes) speak() *client.Client {
	cl, err := client.New(client.Config{
		BaseURL: c.gateways[c.turn.Load()].running().url, Credentials: client.Secret(c.people.reseller.ID, c.people.reseller.Secret),
		Patience: -1, HTTP: &http.Client{Timeout: 10 * time.Second},
	})
	if err != nil {
		panic(err) // the address and the credential are ours
	}
	return cl
}

func (c *crashes) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.t.Context().Done():
	}
}

func (c *crashes) signal(r *replica, s os.Signal) {
	if err := r.cmd.Process.Signal(s); err != nil {
		c.t.Errorf("signal %v: %v", s, err)
	}
}

// pause stops a process where it stands, as an overloaded host does.
func (c *crashes) pause(r *replica, d time.Duration) {
	c.signal(r, stopSignal)
	c.rest(d)
	c.signal(r, continueSignal)
}

func (c *crashes) in(core bool) (*sql.DB, string) {
	if core {
		return c.coreDB, c.schema
	}
	return c.gatewayDB, ""
}

// heldBy is the lock that programs are held by.
const heldBy = 4711

// hold makes whoever comes to a point wait there until release is called.
func (c *crashes) hold(p point) (release func()) {
	c.t.Helper()
	d, schema := c.in(p.core)
	conn, err := d.Conn(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	kind := "TRIGGER"
	if p.commits() {
		kind = "CONSTRAINT TRIGGER"
	}
	c.exec(conn, fmt.Sprintf("SELECT pg_advisory_lock(%d)", heldBy))
	c.exec(conn, fmt.Sprintf(`CREATE OR REPLACE FUNCTION public.hold_here() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN PERFORM pg_advisory_xact_lock_shared(%d); RETURN NEW; END $$`, heldBy))
	c.exec(conn, fmt.Sprintf("CREATE %s hold_here %s EXECUTE FUNCTION public.hold_here()", kind, fmt.Sprintf(p.trigger, schema+p.table)))
	return func() {
		c.exec(conn, fmt.Sprintf("SELECT pg_advisory_unlock(%d)", heldBy))
		c.exec(conn, fmt.Sprintf("DROP TRIGGER hold_here ON %s", schema+p.table))
		_ = conn.Close()
	}
}

// exec runs a statement on a connection beside the programs.
func (c *crashes) exec(conn *sql.Conn, statement string) {
	c.t.Helper()
	if _, err := conn.ExecContext(c.t.Context(), statement); err != nil {
		c.t.Fatalf("%s: %v", statement, err)
	}
}

func (c *crashes) awaitHeld(p point) {
	c.t.Helper()
	await(c.t, 60*time.Second, "somebody to be there while "+p.name, func(ctx context.Context) bool {
		return c.number(ctx, p.core, fmt.Sprintf("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %d AND NOT granted", heldBy)) > 0
	})
}

// fail makes inserts into a table fail where a condition holds, until end is called.
func (c *crashes) fail(core bool, table, when, code string) (end func()) {
	c.t.Helper()
	d, schema := c.in(core)
	conn, err := d.Conn(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	drop := "DROP TRIGGER fail_here ON " + schema + table
	if c.server == nil {
		c.exec(conn, fmt.Sprintf("CREATE TRIGGER fail_here BEFORE INSERT ON %s WHEN %s BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END", table, when))
		drop = "DROP TRIGGER fail_here"
	} else {
		c.exec(conn, fmt.Sprintf("CREATE OR REPLACE FUNCTION public.fail_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'made to fail' USING ERRCODE = '%s'; END $$", code))
		c.exec(conn, fmt.Sprintf("CREATE TRIGGER fail_here BEFORE INSERT ON %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION public.fail_here()", schema+table, when))
	}
	return func() {
		c.exec(conn, drop)
		_ = conn.Close()
	}
}

// number asks a database; -1 when it does not answer.
func (c *crashes) number(ctx context.Context, core bool, query string) int {
	d, schema := c.in(core)
	if schema != "" {
		query = strings.ReplaceAll(query, " FROM ", " FROM "+schema)
		query = strings.ReplaceAll(query, schema+"(", "(")
		query = strings.ReplaceAll(query, schema+"pg_", "pg_")
	}
	n := -1
	if err := d.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return -1
	}
	return n
}

// splitQuery tells whose database a query is for.
func splitQuery(query string) (core bool, sql string) {
	sql, core = strings.CutPrefix(query, "core: ")
	return core, sql
}
