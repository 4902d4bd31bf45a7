package authz_test

import (
	"encoding/json"
	"slices"
	"testing"

	"countersign/authz"
)

// Row G1: the issuer is byte-equal and the required members of RFC 8414 are there.
func TestMetadata_members(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"https://gateway.example.com", "http://127.0.0.1:8080", "https://example.com/gw"} {
		site, err := authz.NewSite(issuer)
		must(t, err)
		text, err := authz.Metadata(site)
		must(t, err)
		var got map[string]any
		must(t, json.Unmarshal(text, &got))
		if got["issuer"] != issuer || got["token_endpoint"] != issuer+"/oauth2/token" || got["jwks_uri"] != issuer+"/oauth2/jwks" {
			t.Errorf("got %s", text)
		}
		if list, ok := got["response_types_supported"].([]any); !ok || len(list) != 0 {
			t.Errorf("response_types_supported is %v, want an empty list", got["response_types_supported"])
		}
	}
}

// Row G2: every advertised value works, and what is not advertised does not. The
// algorithms are tried by TestAssertion_algorithms; here the list is compared.
func TestMetadata_advertisesWhatWorks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	text, err := authz.Metadata(f.site)
	must(t, err)
	var got struct {
		Scopes  []string `json:"scopes_supported"`
		Grants  []string `json:"grant_types_supported"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
		Algs    []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	}
	must(t, json.Unmarshal(text, &got))
	tries := map[string]func() error{
		"client_secret_basic": func() error { return f.exchangeBasic(basic(string(basicID), f.secret)) },
		"private_key_jwt":     func() error { return f.exchangeAssertion(f.assertion(t, nil, nil)) },
		"client_secret_post": func() error {
			return f.exchangeForm(form("client_id", string(basicID), "client_secret", f.secret))
		},
		"none": func() error { return f.exchangeForm(form("client_id", string(basicID))) },
	}
	for method, try := range tries {
		if works, advertised := try() == nil, slices.Contains(got.Methods, method); works != advertised {
			t.Errorf("%s: works %v, advertised %v", method, works, advertised)
		}
	}
	if len(got.Methods) != 2 || !slices.Equal(got.Grants, []string{"client_credentials"}) {
		t.Errorf("got methods %v and grants %v", got.Methods, got.Grants)
	}
	if !slices.Equal(got.Algs, []string{"ES256", "PS256", "EdDSA"}) || !slices.Equal(got.Scopes, authz.AllScopes()) {
		t.Errorf("got algorithms %v and scopes %v", got.Algs, got.Scopes)
	}
}

func TestNewSite_refusesWhatClientsCouldNotCompare(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		"", "gateway.example.com", "https://", "https://gateway.example.com/", "https://g.example.com?x=1",
		"https://g.example.com#f", "https://g.example.com#", "https://u:p@g.example.com", "ftp://g.example.com", "https://g.example.com?", "://",
	} {
		if _, err := authz.NewSite(issuer); err == nil {
			t.Errorf("%q was taken as issuer", issuer)
		}
	}
	if _, err := authz.Metadata(authz.Site{}); err == nil {
		t.Error("an empty site has metadata")
	}
}
