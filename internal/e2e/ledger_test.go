package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/internal/db"
)

// jwks writes the gateway's public keys into the folder of a command line.
func (l *commandLine) jwks(cl *client.Client) {
	l.t.Helper()
	set, err := cl.KeySet(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("jwks.json", set)
}

// Each side keeps receipts and its history, and verifies them when there is no gateway any
// more; whatever byte of either is changed is found, and why a device was allowed is told.
func TestLedger_proofWithoutTheGateway(t *testing.T) {
	t.Parallel()
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, d)
			r := s.start()
			p := newPeople(t, s)
			grant := p.agree(r, p.tenant, p.customer)
			reseller, customer := p.as(r, p.reseller), p.as(r, p.customer)
			p.outcome(reseller, p.tenant, p.send(reseller, p.delivery(p.tenant, 3)).TrackingID, 30*time.Second)
			if _, err := customer.ChangeConsent(t.Context(), grant, client.Revoke, "contract over"); err != nil {
				t.Fatal(err)
			}
			p.whyAllowed(r, grant)

			sides := map[string]*commandLine{"partner": p.commandLine(r, p.reseller), "customer": p.commandLine(r, p.customer)}
			for _, line := range sides {
				line.jwks(reseller)
				line.run(0, "consent", "receipt", grant, "--file", "receipt.jws")
				line.run(0, "consent", "export", "--file", "history.jsonl")
			}
			r.kill()
			for side, line := range sides {
				text := line.run(0, "consent", "verify", "receipt.jws", "--keys", "jwks.json", "--history", "history.jsonl", "--lang", "de")
				for _, want := range []string{"consent.revoked → revoked", "Northwind Devices", "Fabrikam", "Darf ", "Kann "} {
					if !strings.Contains(text, want) {
						t.Errorf("%s: the receipt does not say %q:\n%s", side, want, text)
					}
				}
				line.run(0, "consent", "verify", "history.jsonl", "--keys", "jwks.json")
				line.spoilt("receipt.jws", "receipt.jws is not what the gateway signed")
				line.spoilt("history.jsonl", "entry ")
			}
			// The two sides' chains are not each other's.
			theirs, err := os.ReadFile(filepath.Join(sides["customer"].dir, "history.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			sides["partner"].write("theirs.jsonl", theirs)
			if _, stderr, code := sides["partner"].try("consent", "verify", "receipt.jws", "--keys", "jwks.json", "--history", "theirs.jsonl"); code == 0 || !strings.Contains(stderr, "do not fit together") {
				t.Errorf("the other side's history: %d %s", code, stderr)
			}
		})
	}
}

// spoilt changes one byte after the other of a file, some fifty of them, and looks for the
// complaint.
func (l *commandLine) spoilt(name, complaint string) {
	l.t.Helper()
	content, err := os.ReadFile(filepath.Join(l.dir, name))
	if err != nil {
		l.t.Fatal(err)
	}
	body := strings.Index(string(content), "\n") + 1
	if body == len(content) {
		body = 0
	}
	for i := body; i < len(content)-1; i += max(1, (len(content)-body)/50) {
		changed := append([]byte{}, content...)
		changed[i] ^= 1
		l.write("spoilt", changed)
		if _, stderr, code := l.try("consent", "verify", "spoilt", "--keys", "jwks.json"); code != 1 || !strings.Contains(stderr, strings.Replace(complaint, name, "spoilt", 1)) {
			l.t.Fatalf("%s with byte %d changed: exit code %d, %s", name, i, code, stderr)
		}
	}
}

// whyAllowed asks, after the revoke, why a device of before it was allowed.
func (p *people) whyAllowed(r *replica, grant string) {
	p.t.Helper()
	for _, c := range []credential{p.reseller, p.customer} {
		cl := p.as(r, c)
		devices, _, err := client.Collect(cl.Devices(p.t.Context(), client.DeviceFilter{}), 1)
		if err != nil || len(devices) != 1 {
			p.t.Fatalf("%d devices, %v", len(devices), err)
		}
		why, err := cl.WhyDevice(p.t.Context(), devices[0].ID, client.Owner{})
		if err != nil || why.Grant == nil || why.By != "grant" || why.AcceptedAt == nil {
			p.t.Fatalf("why: %+v, %v", why, err)
		}
		g := why.Grant
		if g.ID != grant || g.State != "active" || g.Epoch != 1 || g.GrantedBy.Side != "customer" || g.Seq == 0 || g.Hash == "" {
			p.t.Errorf("grant %+v", g)
		}
		if ofCustomer := c.ID == p.customer.ID; ofCustomer != (g.GrantedBy.ID == p.customer.ID) {
			p.t.Errorf("the caller %s sees who gave it: %+v", c.ID, g.GrantedBy)
		}
	}
}

// A sequencer that is killed in its work leaves no hole and nothing twice, whoever goes on:
// another replica, or the same server after its start.
func TestLedger_sequencerKilled(t *testing.T) {
	t.Parallel()
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, d)
			a := s.start()
			p := newPeople(t, s)
			b := a
			if d == db.Postgres {
				b = s.start()
			}
			const rounds, each = 3, 12
			asked := map[string]bool{}
			for round := range rounds {
				var mu sync.Mutex
				var work sync.WaitGroup
				cl := p.as(b, p.reseller)
				enough := make(chan struct{}) // some were answered, the sequencer has work
				answered := 0
				for i := range each {
					work.Go(func() {
						made, err := cl.RequestConsent(t.Context(), wire.ConsentAsk{Tenant: fmt.Sprintf("n%d-%d.example", round, i), Purpose: "roll-out", Scopes: []string{"devices.register"}})
						if err != nil {
							return // the server may have been killed under it
						}
						_, err = cl.ChangeConsent(t.Context(), made.ID, client.Withdraw, "")
						mu.Lock()
						defer mu.Unlock()
						asked[made.ID] = err == nil
						if answered++; answered == each/3 {
							close(enough)
						}
					})
				}
				ended := make(chan struct{})
				go func() { work.Wait(); close(ended) }()
				select {
				case <-enough:
				case <-ended:
				}
				a.kill()
				<-ended
				a = s.startAt(a)
				if d == db.SQLite {
					b = a
				}
			}
			p.checkFeed(a, asked)
		})
	}
}

// checkFeed waits for the events of each request and looks for holes and doubles.
func (p *people) checkFeed(r *replica, asked map[string]bool) {
	p.t.Helper()
	if len(asked) == 0 {
		p.t.Fatal("nothing was asked")
	}
	cl := p.as(r, p.reseller)
	seen := map[string]int{}
	var after int64
	complete := func() bool {
		for id, withdrawn := range asked {
			if seen[id+" consent.requested"] == 0 || withdrawn && seen[id+" consent.withdrawn"] == 0 {
				return false
			}
		}
		return true
	}
	for end := time.Now().Add(30 * time.Second); !complete(); {
		if time.Now().After(end) {
			p.t.Fatalf("the feed ends at %d and leaves out what was answered", after)
		}
		feed, err := cl.Events(p.t.Context(), after, 7, time.Second)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, item := range feed.Items {
			if item.Seq != after+1 || item.Entry.Seq != item.Seq {
				p.t.Fatalf("after %d comes %d", after, item.Seq)
			}
			after = item.Seq
			seen[item.Entry.SubjectID+" "+item.Entry.Kind]++
		}
	}
	for what, n := range seen {
		if n != 1 {
			p.t.Errorf("%s is there %d times", what, n)
		}
	}
	p.commandLine(r, p.reseller).run(0, "consent", "export", "--file", "history.jsonl") // verifies on the way
}
