package gateway_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/authz"
	"countersign/gateway/ratelimit"
	"countersign/internal/errs"
	"countersign/models"
)

const form = "application/x-www-form-urlencoded"

func TestToken_issued(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.exchange = func(req authz.TokenRequest) (authz.TokenResponse, error) {
		if req.Form.Get("grant_type") != "client_credentials" || req.Form.Has("scope") || req.Authorization != "Basic eDp5" || req.RemoteAddr == "" {
			t.Errorf("asked %+v", req)
		}
		return authz.TokenResponse{AccessToken: "a.b.c", Type: "Bearer", ExpiresIn: 10 * time.Minute, Scope: "devices.read"}, nil
	}
	resp, body := e.do("POST", "/oauth2/token?scope=all", "grant_type=client_credentials", "Content-Type", form+"; charset=utf-8", "Authorization", "Basic eDp5")
	if want := `{"access_token":"a.b.c","token_type":"Bearer","expires_in":600,"scope":"devices.read"}`; body != want {
		t.Errorf("got %s\nwant %s", body, want)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Pragma") != "no-cache" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

func TestToken_refusalsAreOAuths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, contentType, body string
		err                     error
		status                  int
		want, challenge         string
	}{
		{"unproven", form, "a=b", &authz.OAuthError{Code: "invalid_client", Description: "No.", Kind: errs.Unauthenticated}, 401, `{"error":"invalid_client","error_description":"No."}`, `Basic realm="countersign", charset="UTF-8"`},
		{"bad scope", form, "a=b", &authz.OAuthError{Code: "invalid_scope", Description: "No.", Kind: errs.Invalid}, 400, `{"error":"invalid_scope","error_description":"No."}`, ""},
		{"store lost", form, "a=b", &authz.OAuthError{Code: "server_error", Description: "Later.", Kind: errs.Unavailable}, 503, `{"error":"server_error","error_description":"Later."}`, ""},
		{"defect", form, "a=b", errUnexpected, 500, `{"error":"server_error","error_description":"a call the test did not expect"}`, ""},
		{"JSON", "application/json", "{}", nil, 400, `{"error":"invalid_request","error_description":"Send the parameters as application/x-www-form-urlencoded, without Content-Encoding."}`, ""},
		{"too large", form, strings.Repeat("a", 17_000), nil, 400, `{"error":"invalid_request","error_description":"The body is larger than a token request may be."}`, ""},
		{"not a form", form, "a=%zz", nil, 400, `{"error":"invalid_request","error_description":"The body is not form encoded."}`, ""},
	} {
		e := newEdge(t)
		e.exchange = func(authz.TokenRequest) (authz.TokenResponse, error) { return authz.TokenResponse{}, c.err }
		resp, body := e.do("POST", "/oauth2/token", c.body, "Content-Type", c.contentType)
		if resp.StatusCode != c.status || body != c.want || resp.Header.Get("WWW-Authenticate") != c.challenge {
			t.Errorf("%s: got %d %s %q\nwant %d %s", c.name, resp.StatusCode, body, resp.Header.Get("WWW-Authenticate"), c.status, c.want)
		}
		if (c.status == 503) != (resp.Header.Get("Retry-After") != "") {
			t.Errorf("%s: Retry-After %q", c.name, resp.Header.Get("Retry-After"))
		}
	}
}

func TestToken_isChargedToTheConnectionsAddress(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.tokenRequest = func(source netip.Addr) (ratelimit.Decision, error) {
		if source.String() != "192.0.2.1" {
			t.Errorf("charged %s", source)
		}
		return ratelimit.Decision{RetryAfter: 7 * time.Second}, nil
	}
	resp, body := e.do("POST", "/oauth2/token", "a=b", "Content-Type", form, "X-Forwarded-For", "1.2.3.4")
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "7" || !strings.HasPrefix(body, `{"error":"temporarily_unavailable"`) {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
}

// A7, API2: a secret is charged for before it is looked at, and given back unless it
// was wrong; with nothing left, and while nobody can count, it is not looked at.
func TestToken_secretsAreGuarded(t *testing.T) {
	t.Parallel()
	const basic = "Basic cC1saW5lOnNlY3JldA==" // p-line:secret
	wrong := &authz.OAuthError{Code: "invalid_client", Description: "No.", Kind: errs.Unauthenticated}
	scope := &authz.OAuthError{Code: "invalid_scope", Description: "No.", Kind: errs.Invalid}
	away := errs.New(errs.Unavailable, "redis_away", "away")
	for _, c := range []struct {
		name          string
		authorization string
		left          bool
		away, err     error
		status        int
		looked        bool
		proven        int
		retry         string
	}{
		{"right", basic, true, nil, nil, 200, true, 1, ""},
		{"wrong", basic, true, nil, wrong, 401, true, 0, ""},
		{"right, but of another scope", basic, true, nil, scope, 400, true, 1, ""},
		{"nothing left", basic, false, nil, nil, 429, false, 0, "9"},
		{"not to be counted", basic, true, away, nil, 503, false, 0, "5"},
		{"an assertion, not to be counted", "", true, away, nil, 200, true, 0, ""},
		{"an assertion with nothing left", "", false, nil, wrong, 401, true, 0, ""},
	} {
		e := newEdge(t)
		looked := false
		e.exchange = func(authz.TokenRequest) (authz.TokenResponse, error) {
			looked = true
			return authz.TokenResponse{AccessToken: "a.b.c", Type: "Bearer", ExpiresIn: time.Minute}, c.err
		}
		e.secretAttempt = func(client models.ClientID, source netip.Addr) (ratelimit.Decision, error) {
			if client != "p-line" || source.String() != "192.0.2.1" {
				t.Errorf("%s: charged %q from %s", c.name, client, source)
			}
			return ratelimit.Decision{Admitted: c.left, RetryAfter: 9 * time.Second}, c.away
		}
		headers := []string{"Content-Type", form}
		if c.authorization != "" {
			headers = append(headers, "Authorization", c.authorization)
		}
		resp, body := e.do("POST", "/oauth2/token", "a=b", headers...)
		if resp.StatusCode != c.status || looked != c.looked || e.proven != c.proven || resp.Header.Get("Retry-After") != c.retry {
			t.Errorf("%s: %d %s, looked %v, given back %d, Retry-After %q", c.name, resp.StatusCode, body, looked, e.proven, resp.Header.Get("Retry-After"))
		}
		if c.status >= 429 && !strings.HasPrefix(body, `{"error":"temporarily_unavailable"`) {
			t.Errorf("%s: %s", c.name, body)
		}
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	got := map[string]string{}
	for _, path := range []string{"/oauth2/jwks", "/.well-known/oauth-authorization-server", "/openapi.json", "/healthz", "/readyz"} {
		resp, body := e.do("GET", path, "", "Authorization", "")
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
		got[path] = resp.Header.Get("Content-Type") + " " + body
	}
	want := map[string]string{
		"/oauth2/jwks": `application/jwk-set+json {"keys":[]}`,
		"/.well-known/oauth-authorization-server": `application/json {"issuer":"x"}`,
		"/openapi.json": `application/json; charset=utf-8 {"openapi":"3.0.3"}`,
		"/healthz":      `application/json; charset=utf-8 {"status":"ok"}`,
		"/readyz":       `application/json; charset=utf-8 {"status":"ready"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	e.ready = func() error { return errUnexpected }
	resp, body := e.do("GET", "/readyz", "", "Authorization", "")
	refused(t, resp, body, 503, "unavailable")
}
