//go:build !windows

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/internal/linear"
)

// pair is a tenant and its grants to the one partner, one after the other.
type pair struct {
	tenant   string
	customer credential

	mu      sync.Mutex
	current string // the grant that was given last
}

func (p *pair) grant() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// book is what the actors did, until the tables say what became of it.
type book struct {
	mu       sync.Mutex
	grants   []given
	uploads  map[string]*sending // by batch name
	refusals []linear.Op         // Grant is the tenant
	answered map[string]int64    // reasons of changes, and when the answer came
}

// given is a grant whose id the customer learnt.
type given struct {
	id, tenant   string
	call, answer int64
	over         int64 // when the customer knew that it had ended; Never while it did not
}

// sending is an upload that may have been tried several times.
type sending struct {
	tenant       string
	call, answer int64 // of the first try; when it was accepted, or Never
	tracking     string
	devices      int
}

func (b *book) record(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// customer gives consent, pauses it now and then, and takes it back, until ctx ends.
func (c *campaign) customer(ctx context.Context, p *pair, dice *rand.Rand) {
	for n := 0; ctx.Err() == nil; n++ {
		id := c.give(ctx, p, dice)
		if id == "" {
			return
		}
		c.think(ctx, dice, 4*time.Second)
		if dice.IntN(3) == 0 {
			c.change(ctx, p, dice, id, client.Suspend, fmt.Sprint("pause ", n))
			c.think(ctx, dice, 700*time.Millisecond)
			c.change(ctx, p, dice, id, client.Resume, fmt.Sprint("go on ", n))
			c.think(ctx, dice, time.Second)
		}
		if ctx.Err() != nil {
			return // some grants outlive the run
		}
		c.end(ctx, p, dice, id)
		c.think(ctx, dice, 300*time.Millisecond)
	}
}

// think is how long a person or a program takes to its next step; it spreads the
// calls, and nothing waits for it.
func (c *campaign) think(ctx context.Context, dice *rand.Rand, most time.Duration) {
	t := time.NewTimer(time.Duration(dice.Int64N(int64(most))))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// give has the partner ask and the customer agree, until both are known to have
// happened. A yes whose answer was lost is looked for: the request shows its grant.
func (c *campaign) give(ctx context.Context, p *pair, dice *rand.Rand) string {
	var ask wire.Consent
	for err := errors.New("not asked"); err != nil; c.think(ctx, dice, 50*time.Millisecond) {
		if ctx.Err() != nil {
			return ""
		}
		ask, err = c.as(c.people.reseller, dice.Int()).RequestConsent(ctx, wire.ConsentAsk{
			Tenant: p.tenant, Purpose: "roll-out", Scopes: []string{"devices.register"},
		})
	}
	call := wall()
	for ; ; c.think(ctx, dice, 50*time.Millisecond) {
		grant, err := c.as(p.customer, dice.Int()).GrantConsent(ctx, ask.ID, wire.ConsentTerms{})
		if err != nil {
			grant, err = c.as(p.customer, dice.Int()).Consent(ctx, ask.ID)
		}
		if err == nil && grantIn(grant, ask.ID) != "" {
			id := grantIn(grant, ask.ID)
			c.book.record(func() { c.book.grants = append(c.book.grants, given{id, p.tenant, call, wall(), linear.Never}) })
			p.mu.Lock()
			p.current = id
			p.mu.Unlock()
			return id
		}
		if ctx.Err() != nil {
			return ""
		}
	}
}

// grantIn is the grant's id in an answer about a request; empty while there is none.
func grantIn(seen wire.Consent, ask string) string {
	if seen.GrantID != "" {
		return seen.GrantID
	}
	if seen.ID != ask {
		return seen.ID
	}
	return ""
}

// change suspends or resumes, once. Whether it happened stands in the history; here
// is only kept when somebody was told so.
func (c *campaign) change(ctx context.Context, p *pair, dice *rand.Rand, id, change, reason string) {
	reason += " of " + id
	if _, err := c.as(p.customer, dice.Int()).ChangeConsent(ctx, id, change, reason); err == nil {
		answered := wall()
		c.book.record(func() { c.book.answered[reason] = answered })
	}
}

// end revokes until the gateway says how far it came. It asks again while the core
// has not acknowledged, but not always: a new grant may come meanwhile.
func (c *campaign) end(ctx context.Context, p *pair, dice *rand.Rand, id string) {
	for try := 0; ctx.Err() == nil; try++ {
		call := wall()
		got, err := c.as(p.customer, dice.Int()).ChangeConsent(ctx, id, client.Revoke, "contract over")
		answered := wall()
		note := fmt.Sprint("try ", try)
		if err != nil { // whether it happened stands in the history of the consent
			c.think(ctx, dice, 100*time.Millisecond)
			continue
		}
		if got.State == "revoked" {
			c.h.Revoked(id, actorCustomer, call, answered, true, note)
		} else {
			c.h.Add(linear.Op{Kind: linear.Stop, Grant: id, Client: actorCustomer, Call: call, Return: answered, Note: note})
		}
		c.book.record(func() {
			at := slices.IndexFunc(c.book.grants, func(g given) bool { return g.id == id })
			c.book.grants[at].over = answered
		})
		if got.State == "revoked" || dice.IntN(4) == 0 {
			return
		}
	}
}

// partner uploads to a tenant, whatever its consent says, until ctx ends.
func (c *campaign) partner(ctx context.Context, p *pair, lane int, dice *rand.Rand) {
	for n := 0; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("%s lane %d no %d", p.tenant[:8], lane, n)
		c.mu.Lock()
		d := c.people.delivery(p.tenant, 1+dice.IntN(3))
		c.mu.Unlock()
		c.send(ctx, name, d, dice)
		c.think(ctx, dice, 250*time.Millisecond)
	}
}

// send tries an upload twice under one request id, and no more: where the first call
// died with its server, others wait for its lease longer than a lane has patience.
func (c *campaign) send(ctx context.Context, name string, d delivery, dice *rand.Rand) {
	s := &sending{tenant: d.Tenant, call: wall(), answer: linear.Never, devices: d.rows}
	c.book.record(func() { c.book.uploads[d.batch] = s })
	for range 2 {
		call := wall()
		receipt, err := c.as(c.people.reseller, dice.Int()).Submit(ctx, d.Submission)
		answered := wall()
		var said *client.APIError
		switch {
		case err == nil:
			c.book.record(func() { s.answer, s.tracking = answered, receipt.TrackingID })
			return
		case errors.As(err, &said) && said.Status == http.StatusForbidden && said.Code == "20002":
			op := linear.Op{Kind: linear.Refuse, Grant: d.Tenant, Client: actorPartner, Call: call, Return: answered, Note: name}
			c.book.record(func() { c.book.refusals = append(c.book.refusals, op) })
			return
		case errors.As(err, &said) && said.Status < 500 && said.Status != http.StatusTooManyRequests && said.Status != http.StatusConflict:
			c.t.Errorf("upload %s: %v", name, err)
			return
		}
		c.think(ctx, dice, 600*time.Millisecond)
	}
}

// look reads the state of the grant given last, through either gateway, as both
// sides.
func (c *campaign) look(ctx context.Context, p *pair, dice *rand.Rand) {
	for ; ctx.Err() == nil; c.think(ctx, dice, 240*time.Millisecond) {
		id := p.grant()
		if id == "" {
			continue
		}
		who := p.customer
		if dice.IntN(2) == 0 {
			who = c.people.reseller
		}
		call := wall()
		if seen, err := c.as(who, dice.Int()).Consent(ctx, id); err == nil {
			c.h.Add(linear.Op{Kind: linear.Look, Grant: id, State: seen.State, Client: actorReader, Call: call, Return: wall()})
		}
	}
}

// Lanes of the picture.
const (
	actorCustomer = iota
	actorPartner
	actorCore
	actorReader
	actorTables
	actorHistory
)
