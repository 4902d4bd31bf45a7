package ratelimit_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/gateway/ratelimit"
)

func headers(d ratelimit.Decision, now time.Time) map[string]string {
	h := map[string]string{}
	d.Headers(now, func(name, value string) { h[name] = value })
	return h
}

func TestHeaders_fitHTTPHeader(t *testing.T) {
	t.Parallel()
	l, c := newLimiter()
	h := http.Header{}
	spend(t, l, ratelimit.ForRequest("c", perMinute(10))).Headers(c.Now(), h.Set)
	if got := h.Get("X-RateLimit-Remaining"); got != "9" {
		t.Fatalf("got %q in %v", got, h)
	}
}

func TestHeaders_ofAdmissionListEveryLimit(t *testing.T) {
	t.Parallel()
	l, c := newLimiter()
	d := spend(t, l,
		ratelimit.ForDevices("p", ratelimit.Rate{Count: 10_000, Period: time.Hour}, 1000),
		ratelimit.ForTenantDevices("p", "t", ratelimit.Rate{Count: 2000, Period: time.Hour}, 1000))
	c.Advance(300 * time.Millisecond)
	want := map[string]string{
		"RateLimit-Policy":      `"devices";q=10000;w=3600, "tenant-devices";q=2000;w=3600`,
		"RateLimit":             `"devices";r=9000;t=360, "tenant-devices";r=1000;t=1800`,
		"X-RateLimit-Limit":     "2000",
		"X-RateLimit-Remaining": "1000",
		"X-RateLimit-Reset":     "1772368201", // 12:30:00.3, rounded up
	}
	if diff := cmp.Diff(want, headers(d, c.Now())); diff != "" {
		t.Error(diff)
	}
}

func TestHeaders_ofRefusalNameTheTightestAndItsWait(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := ratelimit.New(ratelimit.NewMemory(c.Now, 0), func() float64 { return 0.999 })
	both := charges(
		ratelimit.ForDevices("p", ratelimit.Rate{Count: 10_000, Period: time.Hour}, 1500),
		ratelimit.ForTenantDevices("p", "t", ratelimit.Rate{Count: 2000, Period: time.Hour}, 1500))
	spend(t, l, both...)
	want := map[string]string{
		"RateLimit-Policy":      `"devices";q=10000;w=3600, "tenant-devices";q=2000;w=3600`,
		"RateLimit":             `"tenant-devices";r=500;t=1800`,
		"X-RateLimit-Limit":     "2000",
		"X-RateLimit-Remaining": "500",
		"X-RateLimit-Reset":     "1772368254",
		"Retry-After":           "1854", // 1800 s + 2.997 %
	}
	if diff := cmp.Diff(want, headers(spend(t, l, both...), c.Now())); diff != "" {
		t.Error(diff)
	}
}

func TestHeaders_ofNeverOfferNoRetry(t *testing.T) {
	t.Parallel()
	l, c := newLimiter()
	h := headers(spend(t, l, ratelimit.ForDevices("p", perMinute(10), 11)), c.Now())
	if v, ok := h["Retry-After"]; ok {
		t.Errorf("Retry-After %q although waiting never helps", v)
	}
	if h["RateLimit"] != `"devices";r=10;t=0` {
		t.Errorf("RateLimit %q", h["RateLimit"])
	}
}

func TestHeaders_withoutChargesAreNone(t *testing.T) {
	t.Parallel()
	l, c := newLimiter()
	if h := headers(spend(t, l), c.Now()); len(h) != 0 {
		t.Errorf("got %v", h)
	}
}
