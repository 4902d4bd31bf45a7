package gateway_test

import (
	"net/netip"
	"testing"
	"time"

	"countersign/authz"
	"countersign/gateway/ratelimit"
	"countersign/internal/errs"
	"countersign/models"
)

func TestRevokeAndIntrospect(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	e := newEdge(t)
	e.revokeToken = func(req authz.TokenRequest) error {
		if req.Form.Get("token") != "a.b.c" || req.Authorization != "Basic eDp5" || req.RemoteAddr == "" {
			t.Errorf("asked %+v", req)
		}
		return nil
	}
	e.introspect = func(req authz.TokenRequest) (authz.TokenStatus, error) {
		if req.Form.Get("token") != "a.b.c" {
			return authz.TokenStatus{}, nil
		}
		return authz.TokenStatus{
			Active: true, ClientID: "p-1", Scope: "devices.read", Type: "DPoP", Issuer: "i", Audience: "i/api", ID: "j",
			IssuedAt: time.Unix(1_900_000_000, 0), ExpiresAt: time.Unix(1_900_000_600, 0), KeyThumbprint: "k",
		}, nil
	}
	for _, c := range []struct{ path, body, want string }{
		{"/oauth2/revoke", "token=a.b.c", ""},
		{"/oauth2/introspect", "token=other", `{"active":false}`},
		{"/oauth2/introspect", "token=a.b.c", `{"active":true,"scope":"devices.read","client_id":"p-1","token_type":"DPoP","exp":1900000600,"iat":1900000000,` +
			`"sub":"p-1","aud":"i/api","iss":"i","jti":"j","cnf":{"jkt":"k"}}`},
	} {
		resp, body := e.do("POST", c.path, c.body, "Content-Type", form, "Authorization", "Basic eDp5")
		if resp.StatusCode != 200 || body != c.want || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %d %s", c.path, c.body, resp.StatusCode, body)
		}
	}
	refused := &authz.OAuthError{Code: "invalid_client", Description: "d", Kind: errs.Unauthenticated}
	e.revokeToken = func(authz.TokenRequest) error { return refused }
	e.introspect = func(authz.TokenRequest) (authz.TokenStatus, error) { return authz.TokenStatus{}, refused }
	for _, path := range []string{"/oauth2/revoke", "/oauth2/introspect"} {
		resp, body := e.do("POST", path, "token=a.b.c", "Content-Type", form, "Authorization", "Basic eDp5")
		if resp.StatusCode != 401 || body != `{"error":"invalid_client","error_description":"d"}` || resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
		if resp, body := e.do("POST", path, `{"token":"a.b.c"}`, "Content-Type", "application/json", "Authorization", "Basic eDp5"); resp.StatusCode != 400 {
			t.Errorf("%s with JSON: %d %s", path, resp.StatusCode, body)
		}
	}
	// Guesses at secrets are counted here as at the token endpoint, and guesses at tokens by where
	// they come from.
	e.secretAttempt = func(models.ClientID, netip.Addr) (ratelimit.Decision, error) {
		return ratelimit.Decision{RetryAfter: time.Hour}, nil
	}
	for _, path := range []string{"/oauth2/revoke", "/oauth2/introspect"} {
		if resp, body := e.do("POST", path, "token=a.b.c", "Content-Type", form, "Authorization", "Basic eDp5"); resp.StatusCode != 429 {
			t.Errorf("%s after guesses: %d %s", path, resp.StatusCode, body)
		}
	}
}
