//go:build !windows

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"countersign/internal/linear"
)

// network is one between two programs that can be made to fail.
type network struct {
	name  string
	proxy *toxiproxy.Proxy
}

func newNetwork(t *testing.T, name, to string) *network {
	t.Helper()
	metrics := toxiproxy.NewMetricsContainer(prometheus.NewRegistry())
	p := toxiproxy.NewProxy(toxiproxy.NewServer(metrics, zerolog.Nop()), name, "127.0.0.1:0", to)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return &network{name, p}
}

func (w *network) addr() string { return w.proxy.Listen }

// toxics are what can happen to a network: slow and uneven, silent without an end,
// cut with a reset, an answer that breaks off, crumbs.
var toxics = []string{
	`{"type":"latency","stream":"downstream","attributes":{"latency":150,"jitter":120}}`,
	`{"type":"latency","stream":"upstream","attributes":{"latency":250,"jitter":200}}`,
	`{"type":"timeout","stream":"upstream","attributes":{"timeout":0}}`,
	`{"type":"timeout","stream":"downstream","attributes":{"timeout":0}}`,
	`{"type":"reset_peer","stream":"downstream","attributes":{"timeout":0}}`,
	`{"type":"reset_peer","stream":"upstream","attributes":{"timeout":40}}`,
	`{"type":"limit_data","stream":"downstream","attributes":{"bytes":300}}`,
	`{"type":"slicer","stream":"upstream","attributes":{"average_size":64,"size_variation":32,"delay":200}}`,
}

// spoil makes the network fail in one way for a while.
func (w *network) spoil(t *testing.T, toxic string, during func()) {
	t.Helper()
	if _, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		t.Fatal(err)
	}
	during()
	w.proxy.Toxics.ResetToxics(context.WithoutCancel(t.Context()))
}

// fault is something that goes wrong for a while, and is over when it returns.
type fault struct {
	name string
	do   func(d time.Duration)
}

// faults are all that can go wrong with a run.
func (c *campaign) faults() []fault {
	all := []fault{}
	for i := range c.gateways {
		all = append(all,
			fault{fmt.Sprintf("pause gateway %d", i+1), func(d time.Duration) { c.pause(c.gateways[i].running(), d) }},
			fault{fmt.Sprintf("kill gateway %d", i+1), func(d time.Duration) { c.gateways[i].crash(func() { c.rest(d / 4) }) }},
		)
	}
	if c.core != nil {
		all = append(all,
			fault{"pause the core", func(d time.Duration) { c.pause(c.core.running(), d) }},
			fault{"kill the core", func(d time.Duration) { c.core.crash(func() { c.rest(d / 4) }) }},
		)
	}
	if c.server != nil {
		all = append(all, fault{"crash PostgreSQL", func(d time.Duration) { c.crashDatabase(d / 4) }})
	}
	for _, w := range c.networks {
		all = append(all, fault{"spoil the network " + w.name, func(d time.Duration) {
			toxic := toxics[c.chance.IntN(len(toxics))]
			c.t.Logf("%6.2f s   by %s", c.since(), toxic)
			w.spoil(c.t, toxic, func() { c.rest(d) })
		}})
	}
	return all
}

// harass lets one thing after the other go wrong until the time is over, all of
// them before any comes again. On a machine so busy that little happened by then, it
// goes on for as long again at most. Gateways are not killed near the end: what they
// held is only free again when its lease has run out.
func (c *campaign) harass(length time.Duration, seen *tables) (suffered int) {
	until := time.Now().Add(length)
	calm := until.Add(-min(leaseTime, length/2))
	var hand []fault
	for time.Now().Before(until) || time.Since(until) < length && !c.enough(seen) {
		if len(hand) == 0 {
			hand = c.faults()
			c.chance.Shuffle(len(hand), func(i, j int) { hand[i], hand[j] = hand[j], hand[i] })
		}
		f := hand[0]
		hand = hand[1:]
		if strings.HasPrefix(f.name, "kill gateway") && time.Now().After(calm) {
			continue
		}
		d := 200*time.Millisecond + time.Duration(c.chance.Int64N(int64(2500*time.Millisecond)))
		c.t.Logf("%6.2f s %s for %v", c.since(), f.name, d.Round(time.Millisecond))
		f.do(d)
		suffered++
		c.rest(time.Duration(c.chance.Int64N(int64(c.calm))))
	}
	return suffered
}

// enough tells whether so much has happened that a verdict means something.
func (c *campaign) enough(seen *tables) bool {
	c.book.mu.Lock()
	defer c.book.mu.Unlock()
	accepted := 0
	for _, s := range c.book.uploads {
		if s.answer != linear.Never {
			accepted++
		}
	}
	return accepted >= leastAccepted && seen.devices() >= leastRegistered && len(c.book.refusals) >= leastRefused
}

// What a run must hold at least.
const leastAccepted, leastRegistered, leastRefused, leastFenced = 15, 6, 3, 2

// leaseTime is how long a claim of a killed worker holds.
const leaseTime = 30 * time.Second

// rest lets time pass: the schedule of faults is made of it.
func (c *campaign) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.t.Context().Done():
	}
}

// pause stops a process where it stands, as an overloaded host does.
func (c *campaign) pause(r *replica, d time.Duration) {
	signal := func(s os.Signal) {
		if err := r.cmd.Process.Signal(s); err != nil {
			c.t.Errorf("signal %v: %v", s, err)
		}
	}
	signal(syscall.SIGSTOP)
	c.rest(d)
	signal(syscall.SIGCONT)
}

func (c *campaign) crashDatabase(d time.Duration) {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	if err := c.server.Crash(ctx); err != nil {
		c.t.Errorf("crash PostgreSQL: %v", err)
	}
	c.rest(d)
	if err := c.server.Start(); err != nil {
		c.t.Error(err)
	}
}

// dice gives each actor of a run its own sequence, so that what one does never
// depends on how the others fare.
func (c *campaign) dice(actor uint64) *rand.Rand { return rand.New(rand.NewPCG(c.seed, actor)) }
