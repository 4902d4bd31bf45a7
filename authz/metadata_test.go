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
		text, err := authz.Metadata(site, authz.Mutual{})
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
	text, err := authz.Metadata(f.site, authz.Mutual{})
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
	if !slices.Equal(got.Algs, []string{"ES256", "PS256", "EdDSA", "Ed25519"}) || !slices.Equal(got.Scopes, authz.AllScopes()) {
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
	if _, err := authz.Metadata(authz.Site{}, authz.Mutual{}); err == nil {
		t.Error("an empty site has metadata")
	}
}

// Row D4: where clients show certificates is told where there is such an address, and only the
// methods that work there.
func TestMetadata_ofCertificates(t *testing.T) {
	t.Parallel()
	site, err := authz.NewSite(issuer)
	must(t, err)
	for _, c := range []struct {
		mutual  authz.Mutual
		methods []string
	}{
		{authz.Mutual{}, []string{"client_secret_basic", "private_key_jwt"}},
		{authz.Mutual{URL: "https://mtls.example.com"}, []string{"client_secret_basic", "private_key_jwt", "self_signed_tls_client_auth"}},
		{authz.Mutual{URL: "https://mtls.example.com", CAs: true}, []string{"client_secret_basic", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}},
	} {
		text, err := authz.Metadata(site, c.mutual)
		must(t, err)
		var got struct {
			Methods []string          `json:"token_endpoint_auth_methods_supported"`
			Bound   bool              `json:"tls_client_certificate_bound_access_tokens"`
			Aliases map[string]string `json:"mtls_endpoint_aliases"`
		}
		must(t, json.Unmarshal(text, &got))
		asked := c.mutual.URL != ""
		if !slices.Equal(got.Methods, c.methods) || got.Bound != asked || (len(got.Aliases) == 3) != asked {
			t.Errorf("%+v: %s", c.mutual, text)
		}
		if asked && got.Aliases["token_endpoint"] != "https://mtls.example.com/oauth2/token" {
			t.Errorf("aliases %v", got.Aliases)
		}
		resource, err := authz.ResourceMetadata(site, c.mutual)
		must(t, err)
		var of struct {
			Resource string
			Servers  []string `json:"authorization_servers"`
		}
		must(t, json.Unmarshal(resource, &of))
		if of.Resource != issuer || !slices.Equal(of.Servers, []string{issuer}) {
			t.Errorf("%s", resource)
		}
	}
}
