package ratelimit_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/gateway/ratelimit"
)

// TestRetryAfter_holds lets an obedient client meet a budget that others have used:
// the advertised time is not early, not much too late, and the retry is admitted,
// also when the clock was set back or the rate was changed before.
func TestRetryAfter_holds(t *testing.T) {
	t.Parallel()
	onBothStores(t, retryAfterHolds)
}

func retryAfterHolds(t *testing.T, fresh func(*clock) ratelimit.Store) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		jitter := rapid.Float64Range(0, 0.999999).Draw(t, "jitter")
		l := ratelimit.New(fresh(c), func() float64 { return jitter })
		draw := func(label string) ratelimit.Charge {
			rate := ratelimit.Rate{
				Count:  rapid.Int64Range(1, 100_000).Draw(t, label+" count"),
				Period: time.Duration(rapid.Int64Range(1, 86_400).Draw(t, label+" seconds")) * time.Second,
			}
			return ratelimit.ForDevices("p", rate, rapid.Int64Range(1, rate.Count).Draw(t, label+" cost"))
		}
		spend(t, l, draw("before"))
		c.Advance(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "step")))
		mine := draw("mine")
		d := spend(t, l, mine)
		for range 3 { // use the budget up
			if d.Admitted {
				d = spend(t, l, mine)
			}
		}
		if d.Admitted {
			return
		}
		wait := d.Tightest.Reset + unit(mine.Rate)*time.Duration(mine.Cost) - full(mine.Rate)
		if most := wait + wait*3/100 + time.Second; d.RetryAfter < wait || d.RetryAfter > most || d.RetryAfter%time.Second != 0 {
			t.Fatalf("retry after %v, want whole seconds in %v..%v", d.RetryAfter, wait, most)
		}
		c.Advance(wait - 1)
		if p, err := l.Peek(context.Background(), charges(mine)); err != nil || p.Admitted {
			t.Fatalf("1 ns too early: %+v, %v", p, err)
		}
		c.Advance(d.RetryAfter - wait + 1)
		if again := spend(t, l, mine); !again.Admitted {
			t.Fatalf("obeyed %v and was refused again: %+v", d.RetryAfter, again)
		}
	})
}

func TestRetryAfter_spreadsCallersRefusedTogether(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := ratelimit.New(ratelimit.NewMemory(c.Now, 0), nil)
	all := ratelimit.ForDevices("p", ratelimit.Rate{Count: 1000, Period: time.Hour}, 1000)
	spend(t, l, all)
	seen := map[time.Duration]int{}
	for range 200 {
		seen[spend(t, l, all).RetryAfter]++
	}
	// 108 seconds to choose from; 200 callers in fewer than 20 of them would be
	// a failure of the spread, not of luck.
	if len(seen) < 20 {
		t.Fatalf("200 callers return in only %d different seconds", len(seen))
	}
}

func TestRetryAfter_clockSetBackCostsAtMostOnePeriod(t *testing.T) {
	t.Parallel()
	l, c := newLimiter()
	all := ratelimit.ForDevices("p", perMinute(10), 10)
	spend(t, l, all)
	c.Advance(-24 * time.Hour)
	d := spend(t, l, all)
	if d.Admitted || d.RetryAfter != time.Minute {
		t.Fatalf("after the step: admitted %v, retry after %v, want a refusal for 1m", d.Admitted, d.RetryAfter)
	}
	c.Advance(d.RetryAfter)
	if !spend(t, l, all).Admitted {
		t.Fatal("still refused after waiting as told")
	}
}

func TestRaisedBudget_helpsAtOnce(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	spend(t, l, ratelimit.ForDevices("p", ratelimit.Rate{Count: 10, Period: 24 * time.Hour}, 10))
	d := spend(t, l, ratelimit.ForDevices("p", perMinute(10), 1))
	if d.Admitted || d.RetryAfter > time.Minute {
		t.Fatalf("retry after %v although the budget now refills within a minute", d.RetryAfter)
	}
}
