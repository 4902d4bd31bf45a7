package ratelimit_test

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/gateway/ratelimit"
)

// act is one step of a scenario over a store: time passes, then items are spent, or
// the spend of an earlier act is refunded.
type act struct {
	after    time.Duration
	spend    []ratelimit.Item
	refund   int // 1-based number of the act whose spend is given back
	admitted bool
	backlogs []time.Duration
}

func item(id string, cost, burst time.Duration) ratelimit.Item {
	return ratelimit.Item{ID: "devices:" + id, Cost: cost, Burst: burst}
}

func items(list ...ratelimit.Item) []ratelimit.Item { return list }

// owes is a look at bucket a that finds a backlog.
func owes(after, backlog, burst time.Duration) act {
	return act{after: after, spend: items(item("a", 0, burst)), admitted: true, backlogs: []time.Duration{backlog}}
}

// Every Store must play these in the same way.
var scenarios = map[string][]act{
	"an exact fit is admitted, one nanosecond more is not": {
		{spend: items(item("a", 40, 100)), admitted: true, backlogs: []time.Duration{40}},
		{spend: items(item("a", 61, 100)), backlogs: []time.Duration{40}},
		{spend: items(item("a", 60, 100)), admitted: true, backlogs: []time.Duration{100}},
	},
	"all or nothing": {
		{spend: items(item("a", 10, 100), item("b", 90, 100)), admitted: true, backlogs: []time.Duration{10, 90}},
		{spend: items(item("a", 20, 100), item("b", 20, 100)), backlogs: []time.Duration{10, 90}},
		{spend: items(item("b", 20, 100), item("a", 20, 100)), backlogs: []time.Duration{90, 10}},
		owes(0, 10, 100),
	},
	"time earns back to the nanosecond, over the border of a second": {
		{spend: items(item("a", 3*time.Second+999_999_999, time.Minute)), admitted: true, backlogs: []time.Duration{3*time.Second + 999_999_999}},
		owes(1, 3*time.Second+999_999_998, time.Minute),
		owes(2*time.Second+999_999_999, 999_999_999, time.Minute),
		owes(999_999_998, 1, time.Minute),
		owes(1, 0, time.Minute),
		owes(time.Hour, 0, time.Minute),
	},
	"the longest period": {
		{spend: items(item("a", 366*24*time.Hour-1, 366*24*time.Hour)), admitted: true, backlogs: []time.Duration{366*24*time.Hour - 1}},
		{spend: items(item("a", 2, 366*24*time.Hour)), backlogs: []time.Duration{366*24*time.Hour - 1}},
		{spend: items(item("a", 1, 366*24*time.Hour)), admitted: true, backlogs: []time.Duration{366 * 24 * time.Hour}},
	},
	"a lowered budget cuts the backlog for good": {
		{spend: items(item("a", time.Hour, time.Hour)), admitted: true, backlogs: []time.Duration{time.Hour}},
		owes(0, time.Minute, time.Minute),
		owes(0, time.Minute, time.Hour),
	},
	"a refused call cuts it too": {
		{spend: items(item("a", time.Hour, time.Hour)), admitted: true, backlogs: []time.Duration{time.Hour}},
		{spend: items(item("a", 1, time.Minute)), backlogs: []time.Duration{time.Minute}},
		owes(0, time.Minute, time.Hour),
	},
	"a clock set back costs at most one budget": {
		{spend: items(item("a", time.Minute, time.Minute)), admitted: true, backlogs: []time.Duration{time.Minute}},
		owes(-24*time.Hour, time.Minute, time.Minute),
		owes(time.Minute, 0, time.Minute),
	},
	"a refund gives back what is left of the spend": {
		{spend: items(item("a", 30*time.Second, time.Minute)), admitted: true, backlogs: []time.Duration{30 * time.Second}},
		{spend: items(item("a", 20*time.Second, time.Minute)), admitted: true, backlogs: []time.Duration{50 * time.Second}},
		{after: 5*time.Second + 1, refund: 2},
		owes(0, 30*time.Second, time.Minute),
	},
	"a refund to zero leaves an empty bucket": {
		{spend: items(item("a", 30*time.Second, time.Minute)), admitted: true, backlogs: []time.Duration{30 * time.Second}},
		{refund: 1},
		owes(0, 0, time.Minute),
		{refund: 1},
		{spend: items(item("a", time.Minute, time.Minute)), admitted: true, backlogs: []time.Duration{time.Minute}},
	},
	"a refund after the spend was earned back is nothing": {
		{spend: items(item("a", 10*time.Second, time.Minute)), admitted: true, backlogs: []time.Duration{10 * time.Second}},
		{after: 10 * time.Second, spend: items(item("a", time.Minute, time.Minute)), admitted: true, backlogs: []time.Duration{time.Minute}},
		{refund: 1},
		owes(0, time.Minute, time.Minute),
	},
	"a refund after the clock stepped back is the cost": {
		{spend: items(item("a", 30*time.Second, time.Minute)), admitted: true, backlogs: []time.Duration{30 * time.Second}},
		{after: -time.Second, spend: items(item("a", 0, time.Minute)), admitted: true, backlogs: []time.Duration{31 * time.Second}},
		{refund: 1},
		owes(0, time.Second, time.Minute),
	},
	"a refund over several buckets": {
		{spend: items(item("a", 10, 100), item("b", 20, 100), item("a/c", 0, 100)), admitted: true, backlogs: []time.Duration{10, 20, 0}},
		{after: 3, refund: 1},
		{spend: items(item("a", 100, 100), item("b", 100, 100), item("a/c", 100, 100)), admitted: true, backlogs: []time.Duration{100, 100, 100}},
	},
	"nothing asked for": {{admitted: true}},
}

func TestStores_playTheScenarios(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, fresh func(*clock) ratelimit.Store) {
		for name, acts := range scenarios {
			t.Run(name, func(t *testing.T) {
				c := newClock()
				play(t, fresh(c), c, acts)
			})
		}
	})
}

func play(t *testing.T, s ratelimit.Store, c *clock, acts []act) {
	t.Helper()
	outcomes := make([]ratelimit.Outcome, len(acts))
	for i, a := range acts {
		c.Advance(a.after)
		if a.refund > 0 {
			if err := s.RefundAll(t.Context(), receipts(acts[a.refund-1].spend, outcomes[a.refund-1])); err != nil {
				t.Fatal(err)
			}
			continue
		}
		out, err := s.SpendAll(t.Context(), a.spend)
		if err != nil {
			t.Fatal(err)
		}
		if out.Admitted != a.admitted || !slices.Equal(out.Backlogs, a.backlogs) {
			t.Fatalf("act %d: admitted %v, owing %v; want %v, %v", i+1, out.Admitted, out.Backlogs, a.admitted, a.backlogs)
		}
		outcomes[i] = out
	}
}

// receipts is what is given back of an admitted spend.
func receipts(spent []ratelimit.Item, out ratelimit.Outcome) []ratelimit.Receipt {
	var list []ratelimit.Receipt
	for _, it := range spent {
		if it.Cost > 0 {
			list = append(list, ratelimit.Receipt{ID: it.ID, Cost: it.Cost, SpentAt: out.At})
		}
	}
	return list
}

// twins are the two stores under one clock.
type twins struct {
	memory, redis ratelimit.Store
	clock         *clock
	start         time.Duration
	given         [2][][]ratelimit.Receipt
}

var bursts = []time.Duration{1, 999_999_999, time.Second, time.Minute + 1, time.Hour, 366 * 24 * time.Hour}

func (w *twins) spend(t *rapid.T) {
	var list []ratelimit.Item
	for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(0, 4), 1, 4, rapid.ID[int]).Draw(t, "buckets") {
		burst := rapid.SampledFrom(bursts).Draw(t, "burst")
		cost := rapid.Int64Range(0, int64(burst)).Draw(t, "cost")
		it := item(strconv.Itoa(id), time.Duration(cost), burst)
		it.Evictable = id%2 == 1
		list = append(list, it)
	}
	m, errM := w.memory.SpendAll(context.Background(), list)
	r, errR := w.redis.SpendAll(context.Background(), list)
	if errM != nil || errR != nil {
		t.Fatalf("memory: %v, redis: %v", errM, errR)
	}
	if m.Admitted != r.Admitted || !slices.Equal(m.Backlogs, r.Backlogs) || w.start+m.At != r.At {
		t.Fatalf("memory %+v, redis %+v", m, r)
	}
	if m.Admitted {
		w.given[0] = append(w.given[0], receipts(list, m))
		w.given[1] = append(w.given[1], receipts(list, r))
	}
}

func (w *twins) refund(t *rapid.T) {
	if len(w.given[0]) == 0 {
		return
	}
	n := rapid.IntRange(0, len(w.given[0])-1).Draw(t, "which")
	errM := w.memory.RefundAll(context.Background(), w.given[0][n])
	errR := w.redis.RefundAll(context.Background(), w.given[1][n])
	if errM != nil || errR != nil {
		t.Fatalf("memory: %v, redis: %v", errM, errR)
	}
}

func TestStores_agreeStepByStep(t *testing.T) {
	t.Parallel()
	client := newClient(t, redisURL(t))
	rapid.Check(t, func(r *rapid.T) {
		c := newClock()
		w := &twins{
			memory: ratelimit.NewMemory(c.Now, 0), redis: freshRedis(t, client, c),
			clock: c, start: time.Duration(c.Now().UnixNano()),
		}
		r.Repeat(map[string]func(*rapid.T){
			"spend":  w.spend,
			"again":  w.spend,
			"refund": w.refund,
			"wait": func(t *rapid.T) {
				most := rapid.SampledFrom(bursts).Draw(t, "scale")
				c.Advance(time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, "wait")))
			},
		})
	})
}
