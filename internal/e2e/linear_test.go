//go:build !windows

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"countersign/internal/linear"
)

// Customers give consent, pause it and take it back, a partner uploads whatever they
// say, readers look on, and everything around them fails: gateways and core are
// killed and paused, the networks between gateways, core and databases are slowed,
// cut and silenced, the database crashes. Whatever anybody was told fits an order in
// which everything happened one after the other: nothing is accepted after a revoke
// began, nothing is registered after it was done. (G1, G2, G3)
func TestLinearizable_apart(t *testing.T) {
	t.Parallel()
	newApartCampaign(t).play(*linearFor)
}

// The same holds for the one process with SQLite and the core inside.
func TestLinearizable_embedded(t *testing.T) {
	t.Parallel()
	newEmbeddedCampaign(t).play(*linearFor)
}

// tenants of the one partner; each has a customer, lanes of uploads and readers.
const (
	tenants = 3
	lanes   = 2
)

func (c *campaign) play(length time.Duration) {
	t := c.t
	t.Helper()
	c.people = newPeople(t, c.site)
	c.book.uploads, c.book.answered = map[string]*sending{}, map[string]int64{}
	for i := range tenants {
		tenant, customer := c.people.newTenant(fmt.Sprint("Tenant ", i+1))
		c.pairs = append(c.pairs, &pair{tenant: tenant, customer: customer})
	}
	seen := c.tables()
	start, startWall := time.Now(), wall()
	c.began = start
	run, stop := context.WithCancel(t.Context())
	watching, done := context.WithCancel(t.Context())
	defer done()
	var actors, watchers sync.WaitGroup
	for i, p := range c.pairs {
		actor := uint64(100 * (i + 1))
		actors.Go(func() { c.customer(run, p, c.dice(actor)) })
		actors.Go(func() { c.look(run, p, c.dice(actor+1)) })
		for lane := range lanes {
			actors.Go(func() { c.partner(run, p, lane, c.dice(actor+2+uint64(lane))) })
		}
	}
	watchers.Go(func() { c.watch(watching, seen) })
	suffered := c.harass(length, seen)
	stop()
	actors.Wait()
	c.quiet(seen)
	done()
	watchers.Wait()
	if drift := time.Duration(wall()-startWall) - time.Since(start); drift.Abs() > 50*time.Millisecond {
		t.Fatalf("the machine's clock was set by %v during the run: the history says nothing", drift)
	}
	c.judge(seen, suffered)
	c.checkLedger()
}

// checkLedger has both sides fetch their chain of the ledger, which is verified on the
// way: whatever was killed, it has no hole, nothing twice and nothing changed.
func (c *campaign) checkLedger() {
	r := c.gateways[0].running()
	c.people.commandLine(r, c.people.reseller).run(0, "consent", "export", "--file", "partner.jsonl")
	for _, p := range c.pairs {
		c.people.commandLine(r, p.customer).run(0, "consent", "export", "--file", "tenant.jsonl")
	}
}

// judge completes the history from the tables and lets the checker decide.
func (c *campaign) judge(seen *tables, suffered int) {
	t := c.t
	t.Helper()
	events, outcomes := seen.events(t), seen.outcomes(t)
	var ids []string
	c.grantsOf(events)
	for _, g := range c.book.grants {
		ids = append(ids, g.id)
	}
	if err := c.readTables(t.Context(), seen, ids); err != nil {
		t.Fatal(err)
	}
	seen.endAll(&c.h)
	devices, err := see(t.Context(), seen.core, fmt.Sprintf(devicesSQL, seen.schema, quoted(ids)))
	if err != nil {
		t.Fatal(err)
	}
	c.addUploads(seen, outcomes)
	c.addDevices(seen, devices)
	c.addRefusals()
	raised := c.addEvents(events)
	c.checkBooks(outcomes, devices)
	if c.witness != nil {
		var registered []linear.Registered
		for _, d := range devices {
			registered = append(registered, linear.Registered{Grant: d.grant, Upload: d.upload, Row: d.row, At: d.at.UnixNano()})
		}
		c.witness.check(t, registered, raised)
	}
	dir := filepath.Join("artifacts", fmt.Sprintf("%s-%d", t.Name(), c.seed))
	verdict, err := c.h.Check(20*time.Second, "")
	if err != nil {
		kept, saved := c.h.Save(dir)
		_, _ = c.h.Check(20*time.Second, dir)
		t.Errorf("%v\nthe history is kept in %s, %v", err, kept, saved)
	}
	t.Logf("%d grants, %d operations (the most of one grant: %d), %d faults, judged in %v: %v",
		verdict.Grants, verdict.Operations, verdict.Longest, suffered, verdict.Took.Round(time.Millisecond), verdict.Kinds)
	for kind, least := range map[linear.Kind]int{linear.Grant: tenants, linear.Accept: leastAccepted, linear.Register: leastRegistered / 3, linear.Refuse: leastRefused, linear.Fence: leastFenced} {
		if verdict.Kinds[kind] < least {
			t.Errorf("only %d operations of kind %s: this run proves little", verdict.Kinds[kind], kind)
		}
	}
}

// grantsOf adds the grants whose id nobody learnt before the run was over.
func (c *campaign) grantsOf(events []event) {
	known := map[string]bool{}
	for _, g := range c.book.grants {
		known[g.id] = true
		c.h.Add(linear.Op{Kind: linear.Grant, Grant: g.id, Client: actorCustomer, Call: g.call, Return: g.answer})
	}
	for _, e := range events {
		if e.from == "" && !known[e.grant] {
			c.book.grants = append(c.book.grants, given{id: e.grant, call: e.at.UnixNano(), answer: linear.Never, over: linear.Never})
			c.h.Add(linear.Op{Kind: linear.Grant, Grant: e.grant, Client: actorCustomer, Call: e.at.UnixNano(), Return: linear.Never, Note: "nobody was told"})
		}
	}
}

// addUploads adds what was accepted, by the tables: from the first try to the answer,
// or to the first reader who saw it.
func (c *campaign) addUploads(seen *tables, outcomes []outcome) {
	there := map[string]bool{}
	for _, o := range outcomes {
		if there[o.batch] {
			continue
		}
		there[o.batch] = true
		s := c.book.uploads[o.batch]
		if s == nil {
			c.t.Errorf("upload %s was never sent", o.batch)
			continue
		}
		c.h.Add(linear.Op{
			Kind: linear.Accept, Grant: o.grant, Client: actorPartner, Call: s.call,
			Return: min(s.answer, seen.firstSeen(sighting{upload: o.upload}.key())), Note: o.batch,
		})
	}
	for name, s := range c.book.uploads {
		if s.answer != linear.Never && !there[name] {
			c.t.Errorf("upload %s was answered with 202 and is gone", name)
		}
	}
}

// addDevices adds what was registered, by the core's own record: from its reading of
// the clock under the locks to the first reader who saw it. Devices of one upload
// that have one time were one transaction.
func (c *campaign) addDevices(seen *tables, devices []sighting) {
	type commit struct {
		grant, upload string
		at            int64
	}
	n, first := map[commit]int{}, map[commit]int64{}
	for _, d := range devices {
		at := commit{d.grant, d.upload, d.at.UnixNano()}
		n[at]++
		first[at] = seen.firstSeen(d.key())
	}
	for at, count := range n {
		c.h.Add(linear.Op{
			Kind: linear.Register, Grant: at.grant, N: count, Client: actorCore, Call: at.at, Return: first[at], Note: at.upload,
		})
	}
}

// addRefusals adds each refusal to the grants of its tenant that lived about then. A
// refusal says that at one moment none of them was active.
func (c *campaign) addRefusals() {
	for _, r := range c.book.refusals {
		for _, g := range c.book.grants {
			if g.tenant == r.Grant && g.call <= r.Return && (g.over == linear.Never || r.Call <= g.over+int64(time.Second)) {
				op := r
				op.Grant = g.id
				c.h.Add(op)
			}
		}
	}
}

// addEvents adds what the consent's history says of changes: a change is there from
// the moment it names, which was read while the gate was held, and its answer is no
// earlier than its commit. It returns who raised which epoch.
func (c *campaign) addEvents(events []event) (raised []linear.Raise) {
	ended := map[string]int64{}
	for _, e := range events {
		if e.to == "revoked" {
			ended[e.grant] = e.at.UnixNano() + int64(time.Microsecond) // the databases cut what is below
		}
	}
	for _, e := range events {
		at := e.at.UnixNano()
		if e.from != "" && e.to != "revoked" {
			raised = append(raised, linear.Raise{Grant: e.grant, Epoch: e.epoch, At: at})
		}
		op := linear.Op{Grant: e.grant, Client: actorHistory, Call: at, Return: linear.Never, Note: e.reason}
		if answered, told := c.book.answered[e.reason]; told {
			op.Return = answered
		}
		switch {
		case e.to == "suspended":
			op.Kind = linear.Suspend
		case e.to == "active" && e.from == "suspended":
			op.Kind = linear.Resume
		case e.to == "revoking":
			if moment, done := ended[e.grant]; done {
				op.Return = moment
			}
			op.Kind = linear.Stop
			c.h.Add(linear.Op{Kind: linear.Fence, Grant: e.grant, Client: actorHistory, Call: at, Return: op.Return})
		case e.to == "revoked":
			op.Kind = linear.End
		default:
			continue
		}
		c.h.Add(op)
	}
	return raised
}

// checkBooks compares both databases at the end: what was accepted is registered or
// refused with a reason, each once.
func (c *campaign) checkBooks(outcomes []outcome, devices []sighting) {
	t := c.t
	t.Helper()
	registered := map[string]string{}
	var keys []string
	for _, d := range devices {
		registered[d.key()] = d.grant
		keys = append(keys, d.key())
	}
	for _, key := range unique(keys) {
		t.Errorf("row %s was registered twice", key)
	}
	refused := 0
	for _, o := range outcomes {
		grant, there := registered[sighting{upload: o.upload, row: o.row}.key()]
		switch {
		case !o.settled:
			t.Errorf("row %d of %s has no outcome", o.row, o.batch)
		case o.code == "" && (!there || grant != o.grant):
			t.Errorf("row %d of %s is said to be registered under %s; the core has it under %q", o.row, o.batch, o.grant, grant)
		case o.code != "" && there:
			t.Errorf("row %d of %s ended with %s, and is registered", o.row, o.batch, o.code)
		case o.code == "9001":
			refused++
		case o.code != "":
			t.Errorf("row %d of %s ended with %s", o.row, o.batch, o.code)
		}
		delete(registered, sighting{upload: o.upload, row: o.row}.key())
	}
	for key := range registered {
		t.Errorf("row %s is registered, and the gateway does not know it", key)
	}
	t.Logf("%d rows were accepted: %d registered, %d refused with a reason", len(outcomes), len(devices), refused)
}
