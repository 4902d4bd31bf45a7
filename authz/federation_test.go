package authz_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"countersign/authz"
	"countersign/models"
)

const (
	machineID   = models.ClientID("t-0190a0b0-0000-7000-8000-000000000005")
	theirIssuer = "https://login.fabrikam.example/realm"
	theirSub    = "system:serviceaccount:it:inventory"
)

// federated makes a customer's client that comes with tokens of the customer's issuer, and
// returns that issuer's key.
func (f *fixture) federated(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	set := keySet(t,
		map[string]any{"kty": "RSA", "use": "enc", "kid": "for encryption", "n": "AQAB", "e": "AQAB"},
		map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "their/key+1", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": "AQAB", "x5c": []string{"AAAA"}},
	)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(set)) }))
	t.Cleanup(site.Close)
	issuer, sub, address, tenant := theirIssuer, theirSub, site.URL, models.TenantID("0190a0b0-0000-7000-8000-00000000000b")
	f.store.clients[machineID] = &clientEntry{standing: models.ClientStanding{Client: models.OAuthClient{
		ID: machineID, OwnerKind: models.OwnerTenant, TenantID: &tenant, State: models.ClientActive, AuthMethod: models.PrivateKeyJWT,
		Profile: models.ProfileStandard, Scopes: "devices.read", Issuer: &issuer, IssuerSubject: &sub, JWKSURI: &address,
	}}}
	f.endpoint, err = authz.NewTokenEndpoint(authz.EndpointDeps{
		Site: f.site, Keys: f.keys, Secrets: f.secrets, Clients: f.store, Nonces: f.nonces, Verifier: f.verifier, RemoteKeys: f.remote(),
		ForeignKeys: authz.NewForeignKeys(http.DefaultClient, func() time.Time { return f.now }),
		Now:         func() time.Time { return f.now }, NewID: func() string { return "id" }, Logger: slog.New(slog.NewTextHandler(f.log, nil)),
	})
	must(t, err)
	return key
}

func theirs() map[string]any {
	return map[string]any{"iss": theirIssuer, "sub": theirSub, "aud": issuer, "iat": start.Unix(), "exp": start.Add(time.Hour).Unix(), "groups": []string{"a", "b"}}
}

// A machine of a customer gets a token of ours for one that its own issuer made; it may use that as
// often as it lives.
func TestFederation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := f.federated(t)
	head := map[string]any{"alg": "RS256", "typ": "JWT", "kid": "their/key+1"}
	exchange := func(head, claims map[string]any, method jwt.SigningMethod, key crypto.PrivateKey, id models.ClientID) (authz.TokenResponse, error) {
		return f.endpoint.Exchange(context.Background(), authz.TokenRequest{RemoteAddr: "192.0.2.1", Form: form(
			"client_id", string(id), "client_assertion_type", assertionType, "client_assertion", mint(t, object(t, head, nil), object(t, claims, nil), method, key),
		)})
	}
	for name, claims := range map[string]map[string]any{
		"plain": theirs(), "again": theirs(), "a list of one audience": with(theirs(), "aud", []string{issuer}), "without iat": with(theirs(), "iat", nil),
	} {
		response, err := exchange(head, claims, jwt.SigningMethodRS256, key, machineID)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: response.AccessToken})
		if err != nil || p.ClientID != machineID || p.TenantID == "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	for name, c := range map[string]struct {
		head, claims map[string]any
		method       jwt.SigningMethod
		key          crypto.PrivateKey
		id           models.ClientID
		says         string
	}{
		"another subject":        {head, with(theirs(), "sub", "system:serviceaccount:it:other"), jwt.SigningMethodRS256, key, machineID, "authentication failed"},
		"another issuer":         {head, with(theirs(), "iss", "https://login.contoso.example"), jwt.SigningMethodRS256, key, machineID, "authentication failed"},
		"another key":            {head, theirs(), jwt.SigningMethodRS256, other, machineID, "authentication failed"},
		"another kid":            {with(head, "kid", "x"), theirs(), jwt.SigningMethodRS256, key, machineID, "authentication failed"},
		"the key for encryption": {with(head, "kid", "for encryption"), theirs(), jwt.SigningMethodRS256, key, machineID, "authentication failed"},
		"PS256 by an RS256 key":  {with(head, "alg", "PS256"), theirs(), jwt.SigningMethodPS256, key, machineID, "authentication failed"},
		"crit":                   {with(head, "crit", []string{"x"}), theirs(), jwt.SigningMethodRS256, key, machineID, ""},
		"typ of a log-out":       {with(head, "typ", "logout+jwt"), theirs(), jwt.SigningMethodRS256, key, machineID, "authentication failed"},
		"another audience":       {head, with(theirs(), "aud", "https://graph.example"), jwt.SigningMethodRS256, key, machineID, "exactly the issuer"},
		"two audiences":          {head, with(theirs(), "aud", []string{issuer, "https://graph.example"}), jwt.SigningMethodRS256, key, machineID, "exactly the issuer"},
		"no audience":            {head, with(theirs(), "aud", nil), jwt.SigningMethodRS256, key, machineID, "exactly the issuer"},
		"expired":                {head, with(theirs(), "exp", start.Unix()), jwt.SigningMethodRS256, key, machineID, "passed 0 s ago"},
		"no exp":                 {head, with(theirs(), "exp", nil), jwt.SigningMethodRS256, key, machineID, "has no exp"},
		"two days":               {head, with(theirs(), "exp", start.Add(48*time.Hour).Unix()), jwt.SigningMethodRS256, key, machineID, "24 hours"},
		"of later":               {head, with(theirs(), "nbf", start.Add(134*time.Second).Unix()), jwt.SigningMethodRS256, key, machineID, "134 s ahead"},
		"for another client":     {head, theirs(), jwt.SigningMethodRS256, key, keyedID, "not the assertion's iss"},
		"for nobody":             {head, theirs(), jwt.SigningMethodRS256, key, "t-0190a0b0-0000-7000-8000-0000000000ff", "not the assertion's iss"},
	} {
		_, err := exchange(c.head, c.claims, c.method, c.key, c.id)
		if refused := refusal(t, err, "invalid_client"); !strings.Contains(refused.Description, c.says) {
			t.Errorf("%s: %s", name, refused.Description)
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
	f.store.clients[machineID].standing.OwnerSuspended = true
	_, err = exchange(head, theirs(), jwt.SigningMethodRS256, key, machineID)
	refusal(t, err, "invalid_client")
	if last := f.store.noted[len(f.store.noted)-1]; last.ClientID != machineID || !last.Refused {
		t.Errorf("noted %+v", last)
	}
}

// A client that comes with tokens of its issuer has no assertions of its own: an issuer that lets
// others choose what stands in a token must not come to speak for the client in our words.
func TestFederation_hasNoAssertionsOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.federated(t)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(keySet(t, ecJWK(t, &f.clientKey.PublicKey, "k1"))))
	}))
	t.Cleanup(site.Close)
	f.store.clients[machineID].standing.Client.JWKSURI = &site.URL
	own := f.assertion(t, nil, map[string]any{"iss": machineID, "sub": machineID})
	for _, more := range [][]string{nil, {"client_id", string(machineID)}} {
		refusal(t, f.exchangeAssertion(own, more...), "invalid_client")
	}
	f.store.untouched(t)
}

func with(claims map[string]any, name string, value any) map[string]any {
	out := map[string]any{}
	for n, v := range claims {
		out[n] = v
	}
	if out[name] = value; value == nil {
		delete(out, name)
	}
	return out
}

// What an issuer publishes is read for the keys that can be used.
func TestForeignKeys_check(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ec := ecJWK(t, &f.clientKey.PublicKey, "k")
	for name, c := range map[string]struct {
		keys []map[string]any
		good bool
	}{
		"one that can be used": {[]map[string]any{{"kty": "oct", "k": "AAAA", "kid": "x"}, ec}, true},
		"none":                 {nil, false},
		"without kid":          {[]map[string]any{with(ec, "kid", nil)}, false},
		"private":              {[]map[string]any{with(ec, "d", "AAAA")}, false},
		"of 1024 bits":         {[]map[string]any{{"kty": "RSA", "kid": "x", "n": base64.RawURLEncoding.EncodeToString(make([]byte, 128)), "e": "AQAB"}}, false},
		"RS512":                {[]map[string]any{{"kty": "RSA", "kid": "x", "alg": "RS512", "n": "AQAB", "e": "AQAB"}}, false},
	} {
		site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(keySet(t, c.keys...))) }))
		err := authz.NewForeignKeys(http.DefaultClient, func() time.Time { return f.now }).Check(context.Background(), site.URL)
		site.Close()
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []models.Federation{{}, {Issuer: "i"}, {Subject: "s"}, {Issuer: "i", Subject: "a\nb"}, {Issuer: strings.Repeat("i", 2000), Subject: "s"}} {
		if authz.CheckForeign(bad) == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	must(t, authz.CheckForeign(models.Federation{Issuer: theirIssuer, Subject: theirSub}))
}
