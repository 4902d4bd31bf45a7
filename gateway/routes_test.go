package gateway_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"countersign/authz"
	"countersign/gateway"
	"countersign/gateway/apidocs"
	"countersign/gateway/ratelimit"
	"countersign/models"
)

// address fills the parameters of a path.
func address(path string) string {
	return strings.NewReplacer("{tenant}", tenant, "{batch}", "b", "{device}", madeUpID, "{tracking}", tracking, "{id}", grantID, "{domain}", "fabrikam.example", "{person}", madeUpID, "{client}", "t-client", "{scope}", "consents.decide").Replace(path)
}

func kinds() []models.OwnerKind {
	return []models.OwnerKind{models.OwnerPartner, models.OwnerTenant, models.OwnerOperator}
}

func TestRoutes_eachSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range gateway.Routes() {
		name := r.Method + " " + r.Path
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		public := r.Scope == ""
		if public != (len(r.Audience) == 0) || public == (r.Class == gateway.RateAPI) {
			t.Errorf("%s: scope %q, audience %v, rate class %s do not fit together", name, r.Scope, r.Audience, r.Class)
		}
		if !public && !slices.Contains(authz.AllScopes(), r.Scope) {
			t.Errorf("%s needs the scope %q, which nobody can get", name, r.Scope)
		}
		for _, kind := range r.Audience {
			if !slices.Contains(authz.AllowedScopes(kind), r.Scope) {
				t.Errorf("%s is for a %s, who can never have the scope %s", name, kind, r.Scope)
			}
		}
	}
	if len(seen) < 25 {
		t.Errorf("only %d routes", len(seen))
	}
}

// Every route refuses in the same order and shape; no handler runs.
func TestRoutes_defaultDeny(t *testing.T) {
	t.Parallel()
	for _, r := range gateway.Routes() {
		if r.Scope == "" {
			continue
		}
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			path := address(r.Path)
			resp, body := e.do(r.Method, path, "", "Authorization", "")
			refused(t, resp, body, 401, "token_missing")
			resp, body = e.do(r.Method, path, "", "Authorization", "Bearer stranger")
			refused(t, resp, body, 401, "invalid_token")
			for _, kind := range kinds() {
				token := string(kind)
				resp, body = e.do(r.Method, path, "", "Authorization", "Bearer "+token+"-"+r.Scope)
				refused(t, resp, body, 403, "insufficient_scope")
				if !strings.Contains(resp.Header.Get("WWW-Authenticate"), `scope="`+r.Scope+`"`) {
					t.Errorf("challenge %q does not name the scope", resp.Header.Get("WWW-Authenticate"))
				}
				if slices.Contains(r.Audience, kind) {
					continue
				}
				resp, body = e.do(r.Method, path, "", "Authorization", "Bearer "+token)
				refused(t, resp, body, 403, "wrong_caller")
			}
			e.request = func() (ratelimit.Decision, error) { return ratelimit.Decision{RetryAfter: 57e9}, nil }
			if resp, _ = e.do(r.Method, path, "", "Authorization", "Bearer partner-"+r.Scope); resp.StatusCode != 429 {
				t.Errorf("a caller without scope and budget got %d: refusals must cost budget", resp.StatusCode)
			}
		})
	}
}

func TestRoutes_wrongMethod(t *testing.T) {
	t.Parallel()
	allowed := map[string][]string{}
	for _, r := range gateway.Routes() {
		allowed[r.Path] = append(allowed[r.Path], r.Method)
	}
	e := newEdge(t)
	for path, methods := range allowed {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if slices.Contains(methods, method) {
				continue
			}
			resp, body := e.do(method, address(path), "", "X-HTTP-Method-Override", methods[0])
			want := 405
			if strings.HasPrefix(path, "/v1/customers") {
				want = 400 // Partner Center's SDK repeats a 405
			}
			refused(t, resp, body, want, "method_not_allowed")
			for _, m := range methods {
				if !strings.Contains(resp.Header.Get("Allow"), m) {
					t.Errorf("%s %s: Allow is %q", method, path, resp.Header.Get("Allow"))
				}
			}
		}
	}
}

func TestRoutes_unknownPaths(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	for _, path := range []string{"/", "/v1", "/v2/customers", "/v1/customers/" + tenant + "/deviceBatches/a/b/c/d", "/customers/" + tenant, "/v1/../healthz", "/debug/pprof"} {
		resp, body := e.do("GET", path, "", "Authorization", "")
		refused(t, resp, body, 404, "route_not_found")
	}
	for _, segment := range []string{"a%2Fb", "a%5Cb", "a%00b", "a%0Ab", "%FF"} {
		resp, body := e.do("GET", "/v1/customers/"+tenant+"/deviceBatches/"+segment+"/devices", "")
		refused(t, resp, body, 400, "invalid_path")
	}
}

func TestRoutes_neverRedirect(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	for _, path := range []string{"/healthz/", "//HealthZ", "/V1/Uploads/"} {
		resp, body := e.do("GET", path, "", "Authorization", "")
		if resp.StatusCode != 200 && resp.StatusCode != 401 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}

func TestRoutes_headIsGetWithoutBody(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(newEdge(t).handler)
	defer srv.Close()
	resp, err := http.Head(srv.URL + "/healthz")
	if err != nil || resp.StatusCode != 200 || resp.ContentLength == 0 {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
}

// policyOf is what a browser may do with an answer: nothing, unless it is a page.
func policyOf(path string) string {
	switch path {
	case "/docs":
		return apidocs.Home().Policy
	case "/docs/errors":
		return apidocs.Errors().Policy
	}
	return "default-src 'none'; frame-ancestors 'none'"
}

// Headers that every answer carries, whatever it is.
func TestRoutes_headersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	for _, r := range append(gateway.Routes(), gateway.Route{Method: "GET", Path: "/nowhere"}) {
		resp, _ := e.do(r.Method, address(r.Path), "", "Authorization", "", "MS-RequestId", "not valid", "X-Forwarded-For", "1.2.3.4")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Content-Security-Policy": policyOf(r.Path),
			"MS-RequestId": madeUpID, "MS-CorrelationId": madeUpID, "MS-ServerId": "replica-a", "Referrer-Policy": "no-referrer",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", r.Method, r.Path, name, got, want)
			}
		}
		if cv := resp.Header.Get("MS-CV"); len(cv) != 24 {
			t.Errorf("%s %s: MS-CV is %q", r.Method, r.Path, cv)
		}
		if cache := resp.Header.Get("Cache-Control"); cache != "no-store" && !strings.HasPrefix(cache, "public") {
			t.Errorf("%s %s: Cache-Control is %q", r.Method, r.Path, cache)
		}
	}
}

func TestRoutes_metricsNameRoutesNotPaths(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.do("GET", "/v1/customers/"+tenant+"/deviceBatches/secret-name/devices", "", "Authorization", "")
	e.do("BREW", "/secret-path", "")
	_, text := e.do("GET", "/metrics", "")
	var requests []string
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "countersign_http_requests_total") {
			requests = append(requests, lines.Text())
		}
	}
	want := []string{
		`countersign_http_requests_total{method="GET",route="/v1/customers/{tenant}/deviceBatches/{batch}/devices",status="401"} 1`,
		`countersign_http_requests_total{method="other",route="none",status="404"} 1`,
	}
	if !slices.Equal(requests, want) {
		t.Errorf("got %q\nwant %q", requests, want)
	}
}
