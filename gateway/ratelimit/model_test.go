package ratelimit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/gateway/ratelimit"
)

// reference is a leaky bucket kept the plain way: a level that sinks with time.
type reference struct {
	level time.Duration
	at    time.Time
	log   []*spending
}

// spending is an admitted charge of one bucket.
type spending struct {
	at       time.Time
	cost     time.Duration
	refunded bool
}

func (r *reference) sink(now time.Time) time.Duration {
	r.level = max(0, r.level-now.Sub(r.at))
	r.at = now
	return r.level
}

// withoutRefunded is the level if the refunded charges had never happened.
func (r *reference) withoutRefunded(now time.Time) time.Duration {
	level, at := time.Duration(0), time.Time{}
	for _, s := range r.log {
		if !s.refunded {
			level = max(0, level-s.at.Sub(at)) + s.cost
			at = s.at
		}
	}
	return max(0, level-now.Sub(at))
}

// rig drives the limiter and the reference side by side.
type rig struct {
	limiter *ratelimit.Limiter
	clock   *clock
	rates   []ratelimit.Rate
	refs    []reference
	open    []opened
}

// opened is an admitted spend that may still be refunded.
type opened struct {
	decision ratelimit.Decision
	parts    map[int]*spending // by bucket
}

func unit(r ratelimit.Rate) time.Duration { return r.Period / time.Duration(r.Count) }
func full(r ratelimit.Rate) time.Duration { return unit(r) * time.Duration(r.Count) }

func (g *rig) charge(i int, cost int64) ratelimit.Charge {
	return ratelimit.Charge{Limit: ratelimit.Devices, Key: fmt.Sprint(i), Rate: g.rates[i], Cost: cost}
}

func (g *rig) spend(t *rapid.T) {
	now := g.clock.Now()
	buckets := rapid.SliceOfNDistinct(rapid.IntRange(0, len(g.rates)-1), 1, len(g.rates), rapid.ID[int]).Draw(t, "buckets")
	var all []ratelimit.Charge
	parts, fits, never := map[int]*spending{}, true, false
	for _, i := range buckets {
		cost := rapid.Int64Range(0, g.rates[i].Count+1).Draw(t, "cost")
		all = append(all, g.charge(i, cost))
		parts[i] = &spending{at: now, cost: unit(g.rates[i]) * time.Duration(cost)}
		never = never || cost > g.rates[i].Count
		fits = fits && g.refs[i].sink(now)+parts[i].cost <= full(g.rates[i])
	}
	d, err := g.limiter.Spend(context.Background(), all)
	if err != nil {
		t.Fatal(err)
	}
	if d.Admitted != fits || d.Never != never {
		t.Fatalf("admitted %v never %v, want %v %v; charges %+v", d.Admitted, d.Never, fits, never, all)
	}
	if !d.Admitted {
		return
	}
	for i, s := range parts {
		g.refs[i].level += s.cost
		g.refs[i].log = append(g.refs[i].log, s)
	}
	g.open = append(g.open, opened{d, parts})
}

func (g *rig) refund(t *rapid.T) {
	if len(g.open) == 0 {
		t.Skip("nothing to refund")
	}
	n := rapid.IntRange(0, len(g.open)-1).Draw(t, "which")
	o := g.open[n]
	g.open = append(g.open[:n:n], g.open[n+1:]...)
	now := g.clock.Now()
	for range rapid.IntRange(1, 2).Draw(t, "times") {
		if err := g.limiter.Refund(context.Background(), o.decision); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range o.parts {
		s.refunded = true
		g.refs[i].level = max(0, g.refs[i].sink(now)-max(0, s.cost-now.Sub(s.at)))
	}
}

func (g *rig) check(t *rapid.T) {
	now := g.clock.Now()
	for i, r := range g.rates {
		d, err := g.limiter.Peek(context.Background(), charges(g.charge(i, 0)))
		if err != nil {
			t.Fatal(err)
		}
		got, want := d.Tightest, g.refs[i].sink(now)
		if got.Reset != want || got.Remaining != int64((full(r)-want)/unit(r)) {
			t.Fatalf("bucket %d: reset %v remaining %d, reference owes %v at %+v", i, got.Reset, got.Remaining, want, r)
		}
		if least := g.refs[i].withoutRefunded(now); got.Reset < least {
			t.Fatalf("bucket %d: refunds left %v owing, below the %v owed had the refunded spends not happened", i, got.Reset, least)
		}
	}
}

func TestLimiter_agreesWithReference(t *testing.T) {
	t.Parallel()
	onBothStores(t, agreesWithReference)
}

func agreesWithReference(t *testing.T, fresh func(*clock) ratelimit.Store) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Custom(func(t *rapid.T) ratelimit.Rate {
			return ratelimit.Rate{
				Count:  rapid.Int64Range(1, 50).Draw(t, "count"),
				Period: time.Duration(rapid.Int64Range(1, 90).Draw(t, "seconds")) * time.Second,
			}
		})
		c := newClock()
		g := &rig{limiter: ratelimit.New(fresh(c), steady), clock: c, rates: rapid.SliceOfN(rate, 1, 3).Draw(t, "rates")}
		g.refs = make([]reference, len(g.rates))
		t.Repeat(map[string]func(*rapid.T){
			"":       g.check,
			"spend":  g.spend,
			"refund": g.refund,
			"wait": func(t *rapid.T) {
				c.Advance(time.Duration(rapid.Int64Range(0, int64(100*time.Second)).Draw(t, "wait")))
			},
		})
	})
}
