package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/gateway/wire"
	"countersign/internal/db"
)

// signedByRS256 is a token as a customer's own issuer makes it.
func signedByRS256(t *testing.T, key *rsa.PrivateKey, kid string, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		text, err := json.Marshal(v)
		noError(t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(map[string]string{"alg": "RS256", "typ": "JWT", "kid": kid}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	noError(t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// A customer registers its own issuer for a client; a machine of the customer then comes with the token
// it has, gets one of ours and reads the customer's devices. Another machine of the same issuer does not.
func TestFederation_machinesUseTheTokensTheyHave(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	address := freeAddress(t)
	r := s.startOn(address, "COUNTERSIGN_PUBLIC_URL=http://"+address)
	p := newPeople(t, s)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	noError(t, err)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "use": "sig", "kid": "2026-11", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": "AQAB",
		}}})
	}))
	t.Cleanup(site.Close)
	var manager credential
	s.admin(&manager, "client", "create", "--tenant", p.tenant, "--name", "manager", "--scope", "tenant.manage")
	cli := p.commandLine(r, manager)
	const issuer, subject = "https://login.fabrikam.example", "system:serviceaccount:it:inventory"
	var made wire.TenantClient
	out := cli.run(0, "tenant", "clients", "create", "inventory", "--scope", "devices.read", "--issuer", issuer, "--subject", subject, "--jwks-uri", site.URL, "--output", "json")
	noError(t, json.Unmarshal([]byte(out), &made))
	if made.Secret != "" || made.Federation == nil || made.Federation.Subject != subject {
		t.Errorf("made %+v", made)
	}
	exchange := func(sub, aud string) (int, string) {
		t.Helper()
		token := signedByRS256(t, key, "2026-11", map[string]any{"iss": issuer, "sub": sub, "aud": aud, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
		status, text, _ := ask(t, http.DefaultClient, "POST", r.url+"/oauth2/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {made.ID}, "client_assertion": {token},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}.Encode())
		return status, text
	}
	for range 2 { // such a token is used for as long as it lives
		status, text := exchange(subject, r.url)
		var token struct {
			AccessToken string `json:"access_token"`
		}
		noError(t, json.Unmarshal([]byte(text), &token))
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		if status, text, _ := ask(t, http.DefaultClient, "GET", r.url+"/v1/devices", "", "Authorization", "Bearer "+token.AccessToken); status != http.StatusOK {
			t.Errorf("%d %s", status, text)
		}
	}
	if status, text := exchange("system:serviceaccount:it:other", r.url); status != 401 || !strings.Contains(text, "invalid_client") {
		t.Errorf("another machine: %d %s", status, text)
	}
	if status, text := exchange(subject, "https://graph.example"); status != 401 || !strings.Contains(text, "aud") {
		t.Errorf("a token for somebody else: %d %s", status, text)
	}
	if _, said, code := cli.try("tenant", "clients", "create", "x", "--scope", "devices.read", "--issuer", issuer, "--subject", subject, "--jwks-uri", "https://10.0.0.7/keys"); code == 0 || !strings.Contains(said, "must name its host") {
		t.Errorf("an address inside: %d %s", code, said)
	}
}
