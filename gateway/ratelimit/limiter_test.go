package ratelimit_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"countersign/gateway/ratelimit"
	"countersign/internal/errs"
)

func TestSpend_refusedUploadCostsNothing(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	partner, tenant := perMinute(1000), perMinute(100)
	big := charges(ratelimit.ForDevices("p", partner, 80), ratelimit.ForTenantDevices("p", "t", tenant, 80))
	if !spend(t, l, big...).Admitted {
		t.Fatal("first upload refused")
	}
	d := spend(t, l, big...)
	if d.Admitted || d.Never || d.Tightest.Limit != ratelimit.TenantDevices || d.Tightest.Remaining != 20 || d.RetryAfter != 36*time.Second {
		t.Fatalf("want tenant-devices with 20 left and 36s to wait, got %+v", d)
	}
	if got := left(t, l, big[0]); got != 920 {
		t.Errorf("partner has %d devices left, want 920", got)
	}
	if !spend(t, l, ratelimit.ForDevices("p", partner, 920), ratelimit.ForTenantDevices("p", "t", tenant, 20)).Admitted {
		t.Error("exact fit refused: the refused upload was charged")
	}
}

func TestSpend_reportsLongestWaitOrSmallestShare(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	slow := ratelimit.Rate{Count: 10, Period: time.Hour}
	both := charges(ratelimit.ForRequest("c", perMinute(10)), ratelimit.ForDevices("p", slow, 10))
	if d := spend(t, l, both...); d.Tightest.Limit != ratelimit.Devices || d.Tightest.Remaining != 0 {
		t.Fatalf("admitted: tightest %+v, want devices with nothing left", d.Tightest)
	}
	spend(t, l, ratelimit.Charge{Limit: ratelimit.Requests, Key: "c", Rate: perMinute(10), Cost: 9})
	if d := spend(t, l, both...); d.Tightest.Limit != ratelimit.Devices || d.RetryAfter != time.Hour {
		t.Fatalf("refused by both: %+v, want devices and 1h", d)
	}
}

func TestSpend_largerThanBudgetIsNoRateLimit(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	d := spend(t, l, ratelimit.ForDevices("p", perMinute(100), 50), ratelimit.ForTenantDevices("p", "t", perMinute(10), 50))
	if d.Admitted || !d.Never || d.RetryAfter != 0 || d.Tightest.Limit != ratelimit.TenantDevices {
		t.Fatalf("got %+v", d)
	}
	err := d.Err()
	if !errors.Is(err, ratelimit.ErrLargerThanBudget) || errs.KindOf(err) != errs.Invalid {
		t.Fatalf("got %v of kind %v", err, errs.KindOf(err))
	}
	want := `50 devices at once are more than the whole budget "tenant-devices" of 10 per minute. ` +
		"Send at most 10 at once, or ask the operator for a larger budget."
	if got := errs.From(err).Detail; got != want {
		t.Errorf("detail\n got %s\nwant %s", got, want)
	}
	if got := left(t, l, ratelimit.ForDevices("p", perMinute(100), 0)); got != 100 {
		t.Errorf("%d left, want 100: the refusal was charged", got)
	}
}

func TestSpend_absurdCostDoesNotOverflow(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	spend(t, l, ratelimit.ForDevices("p", perMinute(10), 5))
	// The second times 6 s, in nanoseconds and 64 bits, is 6 s again.
	for _, cost := range []int64{math.MaxInt64, 1<<54 + 1} {
		d := spend(t, l, ratelimit.ForDevices("p", perMinute(10), cost))
		if d.Admitted || !d.Never || d.Tightest.Remaining != 5 {
			t.Fatalf("cost %d: got %+v", cost, d)
		}
	}
	if got := left(t, l, ratelimit.ForDevices("p", perMinute(10), 0)); got != 5 {
		t.Fatalf("%d left, want 5", got)
	}
}

func TestErr_exhaustedSaysWhatPartnerCenterSays(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	c := ratelimit.ForTenantDevices("p", "t", ratelimit.Rate{Count: 100, Period: 90 * time.Second}, 60)
	if err := spend(t, l, c).Err(); err != nil {
		t.Fatalf("admitted, but %v", err)
	}
	e := errs.From(spend(t, l, c).Err())
	if !errors.Is(e, ratelimit.ErrExhausted) || e.Kind != errs.RateLimited || e.RetryAfter != 18*time.Second {
		t.Fatalf("got %v kind %v retry %v", e, e.Kind, e.RetryAfter)
	}
	want := `Rate limit is exceeded. Try again in 18 seconds. Limit "tenant-devices" allows 100 devices per 90 seconds; 40 are left and 60 were asked for.`
	if e.Detail != want {
		t.Errorf("detail\n got %s\nwant %s", e.Detail, want)
	}
}

func TestPeek_decidesAsSpendWould(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	for _, cost := range []int64{0, 5, 6, 10, 11} {
		c := charges(ratelimit.ForDevices("p", perMinute(10), cost))
		p, err := l.Peek(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		s := spend(t, l, c...)
		if p.Admitted != s.Admitted || p.Never != s.Never || p.RetryAfter != s.RetryAfter {
			t.Errorf("cost %d: peek %+v, spend %+v", cost, p, s)
		}
		refund(t, l, s)
		spend(t, l, ratelimit.ForDevices("p", perMinute(10), 1))
	}
}

func TestSpend_withoutChargesIsAdmitted(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	if d := spend(t, l); !d.Admitted || d.Err() != nil {
		t.Fatalf("got %+v", d)
	}
}

func TestSpend_wrongChargesAreErrors(t *testing.T) {
	t.Parallel()
	good := ratelimit.ForDevices("p", perMinute(10), 1)
	with := func(change func(*ratelimit.Charge)) []ratelimit.Charge {
		c := good
		change(&c)
		return charges(c)
	}
	for want, c := range map[string][]ratelimit.Charge{
		"charged twice":         charges(good, good),
		"needs a limit":         with(func(c *ratelimit.Charge) { c.Limit = "" }),
		"and a key":             with(func(c *ratelimit.Charge) { c.Key = "" }),
		"cost -1":               with(func(c *ratelimit.Charge) { c.Cost = -1 }),
		"count 0":               with(func(c *ratelimit.Charge) { c.Rate.Count = 0 }),
		"period 1.5s":           with(func(c *ratelimit.Charge) { c.Rate.Period = 1500 * time.Millisecond }),
		"period 0s":             with(func(c *ratelimit.Charge) { c.Rate.Period = 0 }),
		"period 8808h0m0s":      with(func(c *ratelimit.Charge) { c.Rate.Period = 367 * 24 * time.Hour }),
		"1000000 per second":    with(func(c *ratelimit.Charge) { c.Rate.Count = 60_000_001 }),
		"17 charges at once":    make([]ratelimit.Charge, 17),
		`limit "devices": cost`: with(func(c *ratelimit.Charge) { c.Cost = -5 }),
	} {
		l, _ := newLimiter()
		if _, err := l.Spend(context.Background(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
		if got := left(t, l, good); got != 10 {
			t.Errorf("%s: %d left of 10", want, got)
		}
	}
}
