package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A client of Partner Center that knows Azure AD's token paths needs only the address of
// another authority: it sends its secret in the body and names a resource or a scope, and
// the token works. Another client's secret in the body is refused.
func TestLegacyAuthority(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		p.agree(r, p.tenant, p.customer)
		var legacy credential
		p.site.admin(&legacy, "client", "create", "--partner", p.partner, "--name", "old script", "--legacy-for", "1h")
		ask := func(path string, who credential, more string) (int, map[string]any) {
			t.Helper()
			body := "grant_type=client_credentials&client_id=" + url.QueryEscape(who.ID) + "&client_secret=" + url.QueryEscape(who.Secret) + more
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			var out map[string]any
			if err := json.Unmarshal(text, &out); err != nil {
				t.Fatalf("%d %s", res.StatusCode, text)
			}
			return res.StatusCode, out
		}
		for path, more := range map[string]string{
			"/northwind.example/oauth2/token":                           "&resource=https%3A%2F%2Fapi.partnercenter.microsoft.com",
			"/0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10/oauth2/v2.0/token":   "&scope=https%3A%2F%2Fapi.partnercenter.microsoft.com%2F.default",
			"/0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10//oauth2/v2.0/token/": "",
		} {
			status, token := ask(path, legacy, more)
			if status != http.StatusOK {
				t.Errorf("%s: %d %v", path, status, token)
				continue
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/v1/customers/"+p.tenant+"/deviceBatches", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token["access_token"].(string))
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("a call with the token of %s: %d", path, res.StatusCode)
			}
		}
		if status, out := ask("/northwind.example/oauth2/token", p.reseller, ""); status != http.StatusUnauthorized || out["error"] != "invalid_client" {
			t.Errorf("a client that may not: %d %v", status, out)
		}
	})
}
