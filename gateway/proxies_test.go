package gateway_test

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/gateway"
	"countersign/gateway/ratelimit"
)

// Where a call comes from is what the connection says, but behind our own proxies; nobody can
// make it up.
func TestSource_isNeverMadeUp(t *testing.T) {
	t.Parallel()
	ours := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		proxies   []netip.Prefix
		peer      string
		forwarded []string
		want      string
	}{
		"no proxies set":                {nil, "10.1.2.3:9", []string{"203.0.113.7"}, "10.1.2.3"},
		"not through a proxy":           {ours, "198.51.100.1:9", []string{"203.0.113.7"}, "198.51.100.1"},
		"through one":                   {ours, "10.1.2.3:9", []string{"203.0.113.7"}, "203.0.113.7"},
		"through two":                   {ours, "10.1.2.3:9", []string{"203.0.113.7, 10.1.9.9"}, "203.0.113.7"},
		"what the caller wrote before":  {ours, "10.1.2.3:9", []string{"192.0.2.1, 203.0.113.7"}, "203.0.113.7"},
		"in a header of its own":        {ours, "10.1.2.3:9", []string{"192.0.2.1", "203.0.113.7"}, "203.0.113.7"},
		"our own address, written":      {ours, "10.1.2.3:9", []string{"10.1.7.7, 203.0.113.7"}, "203.0.113.7"},
		"nonsense at the end":           {ours, "10.1.2.3:9", []string{"203.0.113.7, unknown"}, "10.1.2.3"},
		"no header":                     {ours, "10.1.2.3:9", nil, "10.1.2.3"},
		"only proxies":                  {ours, "10.1.2.3:9", []string{"10.1.5.5"}, "10.1.5.5"},
		"a port":                        {ours, "10.1.2.3:9", []string{"203.0.113.7:4711"}, "203.0.113.7"},
		"IPv6":                          {ours, "[fd00::1]:9", []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		"IPv6 alone":                    {ours, "[fd00::1]:9", []string{"[2001:db8::7]"}, "2001:db8::7"},
		"IPv4 within IPv6":              {ours, "[::ffff:10.1.2.3]:9", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		"a zone, which tells no caller": {ours, "10.1.2.3:9", []string{"fe80::1%eth0"}, "fe80::1"},
	} {
		e := newEdge(t, func(d *gateway.Deps) { d.TrustedProxies = c.proxies })
		var charged netip.Addr
		e.tokenRequest = func(from netip.Addr) (ratelimit.Decision, error) {
			charged = from
			return ratelimit.Decision{Admitted: true}, nil
		}
		var logged string
		e.exchange = func(req authz.TokenRequest) (authz.TokenResponse, error) {
			logged = req.RemoteAddr
			return authz.TokenResponse{AccessToken: "a", ExpiresIn: time.Minute}, nil
		}
		r := httptest.NewRequest("POST", "/oauth2/token", strings.NewReader("grant_type=client_credentials"))
		r.RemoteAddr = c.peer
		r.Header.Set("Content-Type", form)
		for _, value := range c.forwarded {
			r.Header.Add("X-Forwarded-For", value)
		}
		w := httptest.NewRecorder()
		e.handler.ServeHTTP(w, r)
		if w.Code != 200 || charged.String() != c.want || logged != c.want {
			t.Errorf("%s: %d, charged to %s, logged %s, want %s", name, w.Code, charged, logged, c.want)
		}
	}
}
