package authz_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"countersign/authz"
	"countersign/models"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

var es256Head = map[string]any{"alg": "ES256", "kid": "k1", "typ": "JWT"}

// assertionClaims are the claims of a good assertion of keyedID.
func assertionClaims() map[string]any {
	return map[string]any{
		"iss": keyedID, "sub": keyedID, "aud": issuer, "jti": "one",
		"iat": start.Unix(), "exp": start.Add(time.Minute).Unix(),
	}
}

func (f *fixture) exchangeAssertion(assertion string, more ...string) error {
	pairs := append([]string{"client_assertion_type", assertionType, "client_assertion", assertion}, more...)
	return f.exchangeForm(form(pairs...))
}

func (f *fixture) exchangeForm(values url.Values) error {
	_, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{Form: values})
	return err
}

// assertion mints a good assertion with some members of header and claims changed.
func (f *fixture) assertion(t testing.TB, headChanges, claimChanges map[string]any) string {
	t.Helper()
	return mint(t, object(t, es256Head, headChanges), object(t, assertionClaims(), claimChanges), jwt.SigningMethodES256, f.clientKey)
}

func TestAssertion_accepted(t *testing.T) {
	t.Parallel()
	plus := func(d time.Duration) int64 { return start.Add(d).Unix() }
	tests := []struct {
		name         string
		head, claims map[string]any
		more         []string
	}{
		{"plain", nil, nil, nil},
		{"with client_id", nil, nil, []string{"client_id", string(keyedID)}},
		{"without typ", map[string]any{"typ": nil}, nil, nil},
		{"lower-case typ", map[string]any{"typ": "jwt"}, nil, nil},
		{"its own typ", map[string]any{"typ": "client-authentication+jwt"}, nil, nil},
		{"its own typ as media type", map[string]any{"typ": "application/client-authentication+jwt"}, nil, nil},
		{"no kid, one key", map[string]any{"kid": nil}, nil, nil},
		{"hints at keys, which are not read", map[string]any{"jku": "http://127.0.0.1:1/", "x5u": "http://127.0.0.1:1/"}, nil, nil},
		{"iat 5 s ahead", nil, map[string]any{"iat": plus(5 * time.Second)}, nil},
		{"iat and nbf 10 s ahead", nil, map[string]any{"iat": plus(10 * time.Second), "nbf": plus(10 * time.Second)}, nil},
		{"without iat", nil, map[string]any{"iat": nil}, nil},
		{"ten minutes long", nil, map[string]any{"exp": plus(10 * time.Minute)}, nil},
		{"fractions of seconds", nil, map[string]any{"exp": float64(plus(time.Minute)) + 0.5}, nil},
		{"claims of its own", nil, map[string]any{"tenant": map[string]any{"a": []int{1}}}, nil},
	}
	for _, tt := range tests {
		f := newFixture(t)
		if err := f.exchangeAssertion(f.assertion(t, tt.head, tt.claims), tt.more...); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if len(f.store.used) != 1 || f.store.marked != 1 {
			t.Errorf("%s: %d jtis used up, %d marks; want one of each", tt.name, len(f.store.used), f.store.marked)
		}
	}
}

// Rows C1 to C4 and C7: one member wrong at a time.
func TestAssertion_refused(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) any { return start.Add(d).Unix() }
	tests := []struct {
		name         string
		head, claims map[string]any
	}{
		{"iss of another client", nil, map[string]any{"iss": basicID}},
		{"sub of another client", nil, map[string]any{"sub": basicID}},
		{"no iss", nil, map[string]any{"iss": nil}},
		{"no iss and no sub", nil, map[string]any{"iss": nil, "sub": nil}},
		{"aud is the token endpoint", nil, map[string]any{"aud": issuer + "/oauth2/token"}},
		{"aud is a list of the issuer", nil, map[string]any{"aud": []string{issuer}}},
		{"aud is a list with the issuer", nil, map[string]any{"aud": []string{issuer, "https://other.example"}}},
		{"aud of another server", nil, map[string]any{"aud": "https://other.example"}},
		{"aud of our access tokens", nil, map[string]any{"aud": audience}},
		{"no aud", nil, map[string]any{"aud": nil}},
		{"aud with a trailing slash", nil, map[string]any{"aud": issuer + "/"}},
		{"aud in other case", nil, map[string]any{"aud": strings.ToUpper(issuer)}},
		{"no exp", nil, map[string]any{"exp": nil}},
		{"exp 0", nil, map[string]any{"exp": 0}},
		{"exp as string", nil, map[string]any{"exp": "9999999999"}},
		{"exp beyond all numbers", nil, map[string]any{"exp": 9e99}},
		{"exp before all numbers", nil, map[string]any{"exp": -9e99}},
		{"expired this second", nil, map[string]any{"exp": at(0), "iat": at(-time.Minute)}},
		{"expired by one second", nil, map[string]any{"exp": at(-time.Second), "iat": at(-time.Minute)}},
		{"longer than ten minutes", nil, map[string]any{"exp": at(10*time.Minute + time.Second)}},
		{"longer than ten minutes without iat", nil, map[string]any{"exp": at(11 * time.Minute), "iat": nil}},
		{"iat 61 s ahead", nil, map[string]any{"iat": at(61 * time.Second), "exp": at(2 * time.Minute)}},
		{"nbf 61 s ahead", nil, map[string]any{"nbf": at(61 * time.Second), "exp": at(2 * time.Minute)}},
		{"iat as string", nil, map[string]any{"iat": "1"}},
		{"nbf absurd", nil, map[string]any{"nbf": 9e99}},
		{"no jti", nil, map[string]any{"jti": nil}},
		{"jti as number", nil, map[string]any{"jti": 1}},
		{"typ of an access token", map[string]any{"typ": "at+jwt"}, nil},
		{"typ of an access token as media type", map[string]any{"typ": "application/at+jwt"}, nil},
		{"typ of a proof", map[string]any{"typ": "dpop+jwt"}, nil},
		{"typ of a logout", map[string]any{"typ": "logout+jwt"}, nil},
		{"crit", map[string]any{"crit": []string{"exp2"}}, nil},
		{"unknown kid", map[string]any{"kid": "k2"}, nil},
		{"kid as number", map[string]any{"kid": 1}, nil},
		{"alg of another kind", map[string]any{"alg": "PS256"}, nil},
		{"alg none", map[string]any{"alg": "none"}, nil},
	}
	f := newFixture(t)
	for _, tt := range tests {
		t.Log(tt.name)
		refusal(t, f.exchangeAssertion(f.assertion(t, tt.head, tt.claims)), "invalid_client")
	}
	f.store.untouched(t)
}

func TestAssertion_formMembersRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := f.assertion(t, nil, nil)
	for name, values := range map[string]url.Values{
		"no type":          form("client_assertion", good),
		"other type":       form("client_assertion", good, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
		"type alone":       form("client_assertion_type", assertionType),
		"other client_id":  form("client_assertion", good, "client_assertion_type", assertionType, "client_id", string(basicID)),
		"not a compact":    form("client_assertion", "abc", "client_assertion_type", assertionType),
		"our access token": form("client_assertion", f.accessToken(t, nil, nil), "client_assertion_type", assertionType),
	} {
		t.Log(name)
		refusal(t, f.exchangeForm(values), "invalid_client")
	}
	f.store.untouched(t)
}

// A clock that is wrong is named with how much.
func TestAssertion_clocksAreCompared(t *testing.T) {
	t.Parallel()
	for want, claims := range map[string]map[string]any{
		"lies 134 s ahead": {"iat": start.Add(134 * time.Second).Unix(), "exp": start.Add(200 * time.Second).Unix()},
		"lies 61 s ahead":  {"nbf": start.Add(61 * time.Second).Unix()},
		"passed 134 s ago": {"iat": start.Add(-200 * time.Second).Unix(), "exp": start.Add(-134 * time.Second).Unix()},
		"has no exp":       {"exp": nil},
	} {
		f := newFixture(t)
		if refused := refusal(t, f.exchangeAssertion(f.assertion(t, nil, claims)), "invalid_client"); !strings.Contains(refused.Description, want) {
			t.Errorf("got %q, want %q", refused.Description, want)
		}
		f.store.untouched(t)
	}
}

// Row C5: one use per client, also when two arrive at once.
func TestAssertion_isUsedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	assertion := f.assertion(t, nil, nil)
	results := make([]error, 8)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = f.exchangeAssertion(assertion) })
	}
	wg.Wait()
	wins := 0
	for _, err := range results {
		if err == nil {
			wins++
			continue
		}
		refusal(t, err, "invalid_client")
	}
	if wins != 1 {
		t.Errorf("one assertion was accepted %d times", wins)
	}
	for _, until := range f.store.used {
		if exp := start.Add(time.Minute); !until.After(exp) {
			t.Errorf("the jti is forgotten at %v, the assertion lives until %v", until, exp)
		}
	}
}

func TestAssertion_sameJTIOfAnotherClientIsFine(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := *f.store.clients[keyedID]
	other.standing.Client.ID = strangerID
	f.store.clients[strangerID] = &other
	must(t, f.exchangeAssertion(f.assertion(t, nil, nil)))
	must(t, f.exchangeAssertion(f.assertion(t, nil, map[string]any{"iss": strangerID, "sub": strangerID})))
}

// Row C6: the key is chosen by client and kid, and its algorithm with it.
func TestAssertion_keyOfTheClientOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	foreign := newECKey(t)
	must(t, addClientKeys(f, t, strangerID, ecJWK(t, &foreign.PublicKey, "k1")))
	forged := mint(t, object(t, es256Head, nil), object(t, assertionClaims(), nil), jwt.SigningMethodES256, foreign)
	refusal(t, f.exchangeAssertion(forged), "invalid_client")

	second := newECKey(t)
	must(t, addClientKeys(f, t, keyedID, ecJWK(t, &f.clientKey.PublicKey, "k1"), ecJWK(t, &second.PublicKey, "k2")))
	refusal(t, f.exchangeAssertion(f.assertion(t, map[string]any{"kid": nil}, nil)), "invalid_client")
	refusal(t, f.exchangeAssertion(f.assertion(t, map[string]any{"kid": "k2"}, nil)), "invalid_client")
	f.store.untouched(t)
	must(t, f.exchangeAssertion(f.assertion(t, nil, nil)))

	must(t, addClientKeys(f, t, keyedID, ecJWK(t, &second.PublicKey, "k2"))) // k1 is revoked
	refusal(t, f.exchangeAssertion(f.assertion(t, nil, map[string]any{"jti": "two"})), "invalid_client")
}

// addClientKeys registers a client with these keys.
func addClientKeys(f *fixture, t *testing.T, id models.ClientID, keys ...map[string]any) error {
	stored, err := authz.CheckKeySet(keySet(t, keys...))
	entry := *f.store.clients[keyedID]
	entry.standing.Client.ID, entry.standing.Client.JWKS = id, &stored
	f.store.clients[id] = &entry
	return err
}

func TestAssertion_algorithms(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	must(t, addClientKeys(f, t, keyedID,
		rsaJWK(&testRSA().PublicKey, "rsa"), edJWK(edPublic, "ed"), ecJWK(t, &f.clientKey.PublicKey, "ec")))
	ps256 := func(salt int) jwt.SigningMethod {
		method := *jwt.SigningMethodPS256
		method.Options = &rsa.PSSOptions{SaltLength: salt}
		return &method
	}
	tests := []struct {
		name, alg, kid string
		method         jwt.SigningMethod
		key            any
		ok             bool
	}{
		{"ES256", "ES256", "ec", jwt.SigningMethodES256, f.clientKey, true},
		{"PS256", "PS256", "rsa", jwt.SigningMethodPS256, testRSA(), true},
		{"EdDSA", "EdDSA", "ed", jwt.SigningMethodEdDSA, edPrivate, true},
		{"PS256 with a short salt (RFC 7518 section 3.5)", "PS256", "rsa", ps256(20), testRSA(), false},
		{"PS256 with the longest salt", "PS256", "rsa", ps256(rsa.PSSSaltLengthAuto), testRSA(), false},
		{"RS256 with an RSA key", "RS256", "rsa", jwt.SigningMethodRS256, testRSA(), false},
		{"PS512 with an RSA key", "PS512", "rsa", jwt.SigningMethodPS512, testRSA(), false},
		{"RSA signature under the EC key's kid", "PS256", "ec", jwt.SigningMethodPS256, testRSA(), false},
		{"HS256 with the client's secret", "HS256", "ec", jwt.SigningMethodHS256, []byte(f.secret), false},
		{"none", "none", "ec", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, false},
	}
	for _, tt := range tests {
		head := object(t, map[string]any{"alg": tt.alg, "kid": tt.kid}, nil)
		claims := object(t, assertionClaims(), map[string]any{"jti": tt.name})
		err := f.exchangeAssertion(mint(t, head, claims, tt.method, tt.key))
		if (err == nil) != tt.ok {
			t.Errorf("%s: got %v, want accepted %v", tt.name, err, tt.ok)
		}
	}
	if len(f.store.used) != 3 {
		t.Errorf("%d jtis were used up, want the 3 accepted ones", len(f.store.used))
	}
}

// Row A9 for this method, and that standing is looked at before the jti is used.
func TestAssertion_clientThatMayNotAct(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*models.ClientStanding){
		"frozen":       func(s *models.ClientStanding) { s.Client.State = models.ClientFrozen },
		"suspended":    func(s *models.ClientStanding) { s.OwnerSuspended = true },
		"no keys":      func(s *models.ClientStanding) { s.Client.JWKS = nil },
		"other method": func(s *models.ClientStanding) { s.Client.AuthMethod = models.ClientSecretBasic },
	} {
		f := newFixture(t)
		change(&f.store.clients[keyedID].standing)
		t.Log(name)
		got := refusal(t, f.exchangeAssertion(f.assertion(t, nil, nil)), "invalid_client")
		unknown := refusal(t, f.exchangeAssertion(f.assertion(t, nil, map[string]any{"iss": strangerID, "sub": strangerID})), "invalid_client")
		if got.Description != unknown.Description {
			t.Errorf("got %q, an unknown client gets %q", got.Description, unknown.Description)
		}
		f.store.untouched(t)
	}
}
