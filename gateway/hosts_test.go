package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/gateway"
)

// pages answers everything as the pages would.
var pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "pages "+r.URL.Path)
})

// W7: pages and API have a host each. Neither answers on the other's.
func TestHosts_keepPagesAndAPIApart(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(d *gateway.Deps) { d.Portal, d.PortalURL = pages, "https://portal.example" })
	for _, row := range []struct {
		host, path string
		pages      bool
	}{
		{"portal.example", "/portal/requests", true},
		{"PORTAL.example:443", "/portal/", true},
		{"portal.example", "/v1/consents", true},
		{"portal.example", "/oauth2/token", true},
		{"portal.example", "/metrics", true},
		{"portal.example", "/", true},
		{"api.example", "/portal/requests", false},
		{"api.example", "/healthz", false},
		{"portal.example:8443", "/portal/", false},
		{"portal.example.evil.example", "/portal/", false},
		{"", "/portal/", false},
	} {
		r := httptest.NewRequest(http.MethodGet, row.path, nil)
		r.Host = row.host
		w := httptest.NewRecorder()
		e.handler.ServeHTTP(w, r)
		if got := strings.HasPrefix(w.Body.String(), "pages "); got != row.pages {
			t.Errorf("%s%s: pages %v, status %d", row.host, row.path, got, w.Code)
		}
	}
}

// On one host, as in development, the path decides, and what the pages do not have is the
// API's.
func TestHosts_shareOneInDevelopment(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(d *gateway.Deps) { d.Portal, d.PortalURL = pages, publicURL })
	for path, want := range map[string]bool{
		"/portal": true, "/portal/": true, "/portal/requests": true, "/portalx": false, "/": false, "/v1/consents": false, "/healthz": false,
	} {
		w := httptest.NewRecorder()
		e.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if got := strings.HasPrefix(w.Body.String(), "pages "); got != want {
			t.Errorf("%s: pages %v", path, got)
		}
	}
}

// W7: no cookie opens the API, whatever it holds.
func TestAPI_ignoresCookies(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(d *gateway.Deps) { d.Portal, d.PortalURL = pages, publicURL })
	for _, cookie := range []string{"__Host-countersign-session=x", "countersign-session=x", "Authorization=Bearer partner", "access_token=partner"} {
		res, body := e.do(http.MethodGet, "/v1/consents", "", "Authorization", "", "Cookie", cookie)
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", cookie, res.StatusCode, body)
		}
	}
}
