package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/gateway"
)

// The paths of the authority that Partner Center's clients know give tokens in the shapes
// that these expect, whatever directory and resource they name.
func TestLegacyTokens(t *testing.T) {
	t.Parallel()
	for path, c := range map[string]struct {
		form, scope string
		want        map[string]any
	}{
		"/contoso.example/oauth2/token": {
			"grant_type=client_credentials&resource=https%3A%2F%2Fapi.partnercenter.microsoft.com&client_id=p&client_secret=s&scope=x", "",
			map[string]any{
				"token_type": "Bearer", "expires_in": "600", "ext_expires_in": "600", "access_token": "abc", "resource": "https://api.partnercenter.microsoft.com",
				"not_before": "1900000000", "expires_on": "1900000600",
			},
		},
		"/0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10/oauth2/v2.0/token": {
			"grant_type=client_credentials&scope=https%3A%2F%2Fapi.partnercenter.microsoft.com%2F.default&client_id=p&client_secret=s", "",
			map[string]any{"token_type": "Bearer", "expires_in": 600.0, "ext_expires_in": 600.0, "access_token": "abc"},
		},
		"/common/oauth2/v2.0/token": {
			"grant_type=client_credentials&scope=devices.read", "devices.read",
			map[string]any{"token_type": "Bearer", "expires_in": 600.0, "ext_expires_in": 600.0, "access_token": "abc"},
		},
	} {
		e := newEdge(t, func(d *gateway.Deps) { d.Now = func() time.Time { return time.Unix(1_900_000_000, 5) } })
		e.exchange = func(req authz.TokenRequest) (authz.TokenResponse, error) {
			if got := req.Form.Get("scope"); got != c.scope {
				t.Errorf("%s: scope %q, want %q", path, got, c.scope)
			}
			return authz.TokenResponse{AccessToken: "abc", Type: "Bearer", ExpiresIn: 10 * time.Minute, Scope: "devices.read"}, nil
		}
		resp, body := e.do("POST", path, c.form, "Authorization", "", "Content-Type", "application/x-www-form-urlencoded")
		var got map[string]any
		if err := json.Unmarshal([]byte(body), &got); err != nil || resp.StatusCode != http.StatusOK || len(got) != len(c.want) {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, body)
		}
		for name, want := range c.want {
			if got[name] != want {
				t.Errorf("%s: %s is %v, want %v", path, name, got[name], want)
			}
		}
		if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Pragma") != "no-cache" {
			t.Errorf("%s: %v", path, resp.Header)
		}
	}
	resp, body := newEdge(t).do("POST", "/contoso.example/oauth2/token", "a", "Authorization", "", "Content-Type", "text/plain")
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, `"error":"invalid_request"`) {
		t.Errorf("a broken request: %d %s", resp.StatusCode, body)
	}
}

// Whoever knows only OpenID Connect's form of the metadata finds it, under any directory.
func TestOpenIDConfiguration(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	for _, path := range []string{"/.well-known/openid-configuration", "/common/.well-known/openid-configuration", "/common/v2.0/.well-known/openid-configuration"} {
		resp, body := e.do("GET", path, "", "Authorization", "")
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, "subject_types_supported") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}
