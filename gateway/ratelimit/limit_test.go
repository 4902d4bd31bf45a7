package ratelimit_test

import (
	"net/netip"
	"strings"
	"testing"

	"countersign/gateway/ratelimit"
	"countersign/models"
)

func TestSourceKey(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7",
		"::ffff:192.0.2.7":     "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::",
		"fe80::1%eth0":         "fe80::",
		"2001:db8:1:3::1":      "2001:db8:1:3::",
	} {
		if got := ratelimit.SourceKey(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	if got := ratelimit.SourceKey(netip.Addr{}); got == "" {
		t.Error("an invalid address has no key, so it could not be limited")
	}
}

func TestCharges_keysDoNotMix(t *testing.T) {
	t.Parallel()
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	r := perMinute(1)
	long := strings.Repeat("x", 1<<20)
	all := charges(
		ratelimit.ForDevices("1", r, 1), ratelimit.ForDevices("2", r, 1),
		ratelimit.ForTenantDevices("1", "1", r, 1), ratelimit.ForTenantDevices("1", "2", r, 1), ratelimit.ForTenantDevices("2", "1", r, 1),
		ratelimit.ForRequest("1", r), ratelimit.ForTokenRequest(a, r), ratelimit.ForTokenRequest(b, r),
		ratelimit.ForFailedAuthentication("1", a, r), ratelimit.ForFailedAuthentication("1", b, r), ratelimit.ForFailedAuthentication("2", a, r),
		ratelimit.ForFailedAuthentication("", a, r),
		ratelimit.ForFailedAuthentication(models.ClientID(long), a, r), ratelimit.ForFailedAuthentication(models.ClientID(long+"y"), a, r),
	)
	l, _ := newLimiter()
	for i, c := range all {
		if !spend(t, l, c).Admitted {
			t.Errorf("charge %d shares a bucket with an earlier one", i)
		}
		if len(c.Key) > 128 {
			t.Errorf("charge %d: key of %d bytes", i, len(c.Key))
		}
		if spend(t, l, c).Admitted {
			t.Errorf("charge %d is not limited", i)
		}
	}
}
