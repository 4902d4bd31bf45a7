//go:build !windows

package e2e

import (
	"flag"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/internal/linear"
)

var (
	linearFor  = flag.Duration("linear.for", time.Minute, "how long the histories of consent are recorded")
	linearSeed = flag.Uint64("linear.seed", 0, "repeat the schedule of this seed; 0 draws one")
)

// campaign is a run: real programs, people who use them at random, and faults.
type campaign struct {
	*site
	people   *people
	seed     uint64
	chance   *rand.Rand // of the faults
	began    time.Time
	server   *dbtest.Server // nil on SQLite
	coreURL  string         // of the core's own database
	gateways []*standing
	core     *standing // nil: in the gateway's process
	networks []*network
	witness  *witness      // nil without a core elsewhere
	calm     time.Duration // the most between two faults
	pairs    []*pair
	h        linear.History
	book     book

	mu      sync.Mutex
	clients map[string]*client.Client
}

// standing is a program that is started again at the same address when it was
// killed.
type standing struct {
	mu    sync.Mutex
	now   *replica
	again func() *replica
}

func (s *standing) running() *replica {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// crash kills the program, lets time pass and starts it again.
func (s *standing) crash(pass func()) {
	s.running().kill()
	pass()
	fresh := s.again()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = fresh
}

func newCampaign(t *testing.T, s *site) *campaign {
	t.Helper()
	c := &campaign{site: s, seed: *linearSeed, clients: map[string]*client.Client{}, began: time.Now()}
	if c.seed == 0 {
		c.seed = rand.Uint64()
	}
	t.Logf("seed %d: repeat it with -linear.seed=%d", c.seed, c.seed)
	c.chance = c.dice(0)
	return c
}

func (c *campaign) since() float64 { return time.Since(c.began).Seconds() }

// newApartCampaign has two gateways and a core of its own on a PostgreSQL server
// that crashes, with networks that fail between any two of them.
func newApartCampaign(t *testing.T) *campaign {
	t.Helper()
	// What a crash of the server forgets is what was not written; what a power cut
	// forgets besides is not tested here.
	server, err := dbtest.StartServer("fsync=off", "synchronous_commit=on", "autovacuum=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	gatewayURL, coreURL := createDatabase(t, server, "gateway"), createDatabase(t, server, "core")
	c := newCampaign(t, &site{
		t: t, dataDir: shortTempDir(t), gateway: gatewayURL,
		settings: []string{
			"COUNTERSIGN_DEV=false", "COUNTERSIGN_PUBLIC_URL=http://127.0.0.1:8080", "COUNTERSIGN_LOG_LEVEL=error",
			"COUNTERSIGN_TOKENS_PER_MINUTE=100000",
		},
	})
	c.server, c.coreURL, c.calm = server, coreURL, 800*time.Millisecond
	c.startCoreApart()
	for _, name := range []string{"of gateway 1", "of gateway 2"} {
		toDB, toCore := c.network(name+" to its database", hostOf(t, gatewayURL)), c.network(name+" to the core", c.witness.Listener.Addr().String())
		addr := freeAddress(t)
		c.gateways = append(c.gateways, c.stand(func() *replica {
			return c.startOn(addr, "COUNTERSIGN_DATABASE_URL="+through(t, gatewayURL, toDB), "COUNTERSIGN_CORE_URL=http://"+toCore.addr(),
				"COUNTERSIGN_PUBLIC_URL=http://127.0.0.1:8080")
		}))
	}
	c.settings = append(c.settings, "COUNTERSIGN_CORE_URL=http://"+c.witness.Listener.Addr().String())
	return c
}

func (c *campaign) startCoreApart() {
	listen, ops := freeAddress(c.t), freeAddress(c.t)
	toDB := c.network("of the core to its database", hostOf(c.t, c.coreURL))
	c.core = c.stand(func() *replica {
		r := &replica{t: c.t, url: "http://" + ops, log: &lockedBuffer{}, done: make(chan error, 1)}
		r.cmd = exec.Command(filepath.Join(bin, "registrard"), "serve")
		r.cmd.Env = append(r.cmd.Environ(), "REGISTRARD_LISTEN="+listen, "REGISTRARD_OPS_LISTEN="+ops, "REGISTRARD_LOG_LEVEL=error",
			"REGISTRARD_DATA_DIR="+c.t.TempDir(), "REGISTRARD_DATABASE_URL="+through(c.t, c.coreURL, toDB))
		r.run("the core")
		return r
	})
	toCore := c.network("of the witness to the core", listen)
	c.witness = newWitness(c.t, "http://"+toCore.addr())
}

// newEmbeddedCampaign is one process with SQLite and the core inside, behind a
// network that fails between it and its callers.
func newEmbeddedCampaign(t *testing.T) *campaign {
	t.Helper()
	c := newCampaign(t, newSite(t, db.SQLite, "COUNTERSIGN_LOG_LEVEL=error", "COUNTERSIGN_TOKENS_PER_MINUTE=100000"))
	c.calm = 3 * time.Second // there is no other way round a fault
	addr := freeAddress(t)
	c.gateways = append(c.gateways, c.stand(func() *replica { return c.startOn(addr) }))
	c.network("of the callers", addr)
	return c
}

func (c *campaign) network(name, to string) *network {
	w := newNetwork(c.t, name, to)
	c.networks = append(c.networks, w)
	return w
}

func (c *campaign) stand(start func() *replica) *standing {
	return &standing{now: start(), again: start}
}

// as speaks to one of the gateways. A call that takes longer than a few seconds is
// given up: its outcome is unknown then.
func (c *campaign) as(who credential, which int) *client.Client {
	base := c.gateways[which%len(c.gateways)].running().url
	if c.core == nil {
		base = "http://" + c.networks[0].addr()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.clients[base+who.ID]; found != nil {
		return found
	}
	cl, err := client.New(client.Config{
		BaseURL: base, Credentials: client.Secret(who.ID, who.Secret), Patience: -1, HTTP: &http.Client{Timeout: 4 * time.Second},
	})
	if err != nil {
		c.t.Error(err)
		return nil
	}
	c.clients[base+who.ID] = cl
	return cl
}

// createDatabase makes a database on a server of the test's own.
func createDatabase(t *testing.T, server *dbtest.Server, name string) string {
	t.Helper()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := openTables(t, "pgx", server.URL)
	defer c.Close()
	if _, err := c.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// through is a database's URL over a network that fails.
func through(t *testing.T, database string, w *network) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = w.addr()
	return u.String()
}

func hostOf(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
