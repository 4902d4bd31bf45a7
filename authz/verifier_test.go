package authz_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"countersign/authz"
	"countersign/internal/errs"
	"countersign/models"
)

func tokenClaims() map[string]any {
	return map[string]any{
		"iss": issuer, "aud": audience, "sub": basicID, "client_id": basicID, "jti": "t1",
		"iat": start.Unix(), "exp": start.Add(10 * time.Minute).Unix(), "scope": "devices.read",
	}
}

// accessToken mints an access token with the server's own key and some members
// changed: what a mistake of ours, or a stolen key, could produce.
func (f *fixture) accessToken(t testing.TB, headChanges, claimChanges map[string]any) string {
	t.Helper()
	key, kid := f.serverKey(t)
	head := object(t, map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": kid}, headChanges)
	return mint(t, head, object(t, tokenClaims(), claimChanges), jwt.SigningMethodES256, key)
}

// refused checks that a token is refused with the one answer and that the store
// was not even asked.
func (f *fixture) refused(t *testing.T, name, raw string) {
	t.Helper()
	_, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: raw})
	if !errors.Is(err, authz.ErrInvalidToken) {
		t.Errorf("%s: got %v, want invalid_token", name, err)
		return
	}
	if got := errs.From(err); got.Detail != authz.ErrInvalidToken.Detail || got.Kind != errs.Unauthenticated {
		t.Errorf("%s: the answer differs: %v %q", name, got.Kind, got.Detail)
	}
	if f.store.lookups != 0 {
		t.Errorf("%s: cost a look-up", name)
		f.store.lookups = 0
	}
}

func TestVerify_accepts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, raw := range map[string]string{
		"issued":              f.tokenFor(t),
		"minted":              f.accessToken(t, nil, nil),
		"typ as media type":   f.accessToken(t, map[string]any{"typ": "application/at+jwt"}, nil),
		"iat of a fast clock": f.accessToken(t, nil, map[string]any{"iat": start.Add(10 * time.Second).Unix()}),
	} {
		if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: raw}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Rows F2 to F5 and F7: one member wrong at a time, under a good signature.
func TestVerify_refusesWrongMembers(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) any { return start.Add(d).Unix() }
	tests := []struct {
		name         string
		head, claims map[string]any
	}{
		{"typ JWT", map[string]any{"typ": "JWT"}, nil},
		{"no typ", map[string]any{"typ": nil}, nil},
		{"typ of a proof", map[string]any{"typ": "dpop+jwt"}, nil},
		{"typ of an assertion", map[string]any{"typ": "client-authentication+jwt"}, nil},
		{"typ as list", map[string]any{"typ": []string{"at+jwt"}}, nil},
		{"iss of another", nil, map[string]any{"iss": "https://other.example"}},
		{"iss with a slash", nil, map[string]any{"iss": issuer + "/"}},
		{"aud of another", nil, map[string]any{"aud": "https://other.example"}},
		{"aud is the issuer", nil, map[string]any{"aud": issuer}},
		{"aud as list", nil, map[string]any{"aud": []string{audience}}},
		{"aud with others", nil, map[string]any{"aud": []string{"x", audience}}},
		{"sub is not client_id", nil, map[string]any{"sub": keyedID}},
		{"no iss", nil, map[string]any{"iss": nil}},
		{"no aud", nil, map[string]any{"aud": nil}},
		{"no sub", nil, map[string]any{"sub": nil}},
		{"no client_id", nil, map[string]any{"client_id": nil}},
		{"neither sub nor client_id", nil, map[string]any{"sub": nil, "client_id": nil}},
		{"no iat", nil, map[string]any{"iat": nil}},
		{"no exp", nil, map[string]any{"exp": nil}},
		{"no jti", nil, map[string]any{"jti": nil}},
		{"exp this second", nil, map[string]any{"exp": at(0), "iat": at(-time.Minute)}},
		{"exp as string", nil, map[string]any{"exp": "9999999999"}},
		{"exp beyond all numbers", nil, map[string]any{"exp": 9e99}},
		{"exp 0", nil, map[string]any{"exp": 0}},
		{"longer than ours live", nil, map[string]any{"exp": at(time.Hour)}},
		{"iat 61 s ahead", nil, map[string]any{"iat": at(61 * time.Second)}},
		{"nbf 61 s ahead", nil, map[string]any{"nbf": at(61 * time.Second)}},
		{"scope as list", nil, map[string]any{"scope": []string{"devices.read"}}},
		{"kid is a path", map[string]any{"kid": "../../dev/null"}, nil},
		{"kid is SQL", map[string]any{"kid": "' OR 1=1--"}, nil},
		{"kid with NUL", map[string]any{"kid": "a\x00b"}, nil},
		{"kid with a line break", map[string]any{"kid": "a\r\nb"}, nil},
		{"kid of 5 KiB", map[string]any{"kid": strings.Repeat("a", 5<<10)}, nil},
		{"kid __proto__", map[string]any{"kid": "__proto__"}, nil},
		{"kid of a client", map[string]any{"kid": "k1"}, nil},
		{"no kid", map[string]any{"kid": nil}, nil},
		{"crit exp2", map[string]any{"crit": []string{"exp2"}, "exp2": 1}, nil},
		{"crit b64", map[string]any{"crit": []string{"b64"}, "b64": false}, nil},
		{"crit empty", map[string]any{"crit": []string{}}, nil},
		{"crit as string", map[string]any{"crit": "x"}, nil},
		{"crit null in other letters", map[string]any{"CRIT": json.RawMessage("null")}, nil},
		{"b64 alone", map[string]any{"b64": false}, nil},
	}
	f := newFixture(t)
	for _, tt := range tests {
		f.refused(t, tt.name, f.accessToken(t, tt.head, tt.claims))
	}
}

// Row F4: every confusion of algorithms, with all texts of the public key as the
// secret, and row F6: a key that the token brings along.
func TestVerify_refusesWrongAlgorithms(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, kid := f.serverKey(t)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	must(t, err)
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	asJWK := []byte(keySet(t, ecJWK(t, &key.PublicKey, kid)))
	claims := object(t, tokenClaims(), nil)
	head := func(alg string, more map[string]any) string {
		return object(t, map[string]any{"alg": alg, "typ": "at+jwt", "kid": kid}, more)
	}
	for name, secret := range map[string][]byte{"PEM": asPEM, "DER": der, "JWKS": asJWK, "published": f.keys.JWKS(), "empty": {}} {
		f.refused(t, "HS256 under the "+name, mint(t, head("HS256", nil), claims, jwt.SigningMethodHS256, secret))
	}
	for _, alg := range []string{"none", "None", "nOnE", "NONE", "", "ES384", "PS256", "es256", "EdDSA"} {
		f.refused(t, "alg "+alg, mint(t, head(alg, nil), claims, jwt.SigningMethodES256, key))
	}
	f.refused(t, "no signature", b64(head("none", nil))+"."+b64(claims)+".")
	f.refused(t, "RSA key under our kid", mint(t, head("PS256", nil), claims, jwt.SigningMethodPS256, testRSA()))
	mine := newECKey(t)
	for name, more := range map[string]map[string]any{
		"nothing": nil,
		"jwk":     {"jwk": ecJWK(t, &mine.PublicKey, kid)},
		"jku":     {"jku": "http://127.0.0.1:1/keys"},
		"x5c":     {"x5c": []string{"MIIB"}},
	} {
		f.refused(t, "foreign key with "+name, mint(t, head("ES256", more), claims, jwt.SigningMethodES256, mine))
	}
}

// Rows F8 and F10: the text of the token itself.
func TestVerify_refusesOtherTexts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := f.accessToken(t, nil, nil)
	parts := strings.Split(good, ".")
	// An ES256 signature has 64 bytes: its last character carries 4 unused bits.
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, good[len(good)-1])
	for name, raw := range map[string]string{
		"empty":                      "",
		"one part":                   parts[0],
		"two parts":                  parts[0] + "." + parts[1],
		"four parts":                 good + "." + parts[2],
		"five parts":                 good + ".a.b",
		"empty parts":                "..",
		"line break in signature":    good[:len(good)-4] + "\n" + good[len(good)-4:],
		"carriage return":            good + "\r",
		"space":                      " " + good,
		"padding":                    good + "==",
		"standard alphabet":          parts[0] + "." + parts[1] + "." + strings.Repeat("+/", 43),
		"json serialization":         `{"payload":"` + parts[1] + `"}`,
		"unused bits":                good[:len(good)-1] + string(alphabet[last^1]),
		"signature cut":              good[:len(good)-8],
		"signature of another token": parts[0] + "." + parts[1] + "." + strings.Split(f.accessToken(t, nil, map[string]any{"jti": "t2"}), ".")[2],
		"claims of another token":    parts[0] + "." + strings.Split(f.accessToken(t, nil, map[string]any{"jti": "t2"}), ".")[1] + "." + parts[2],
		"five MiB":                   parts[0] + "." + strings.Repeat("A", 5<<20) + "." + parts[2],
		"ten MiB of dots":            strings.Repeat(".", 10<<20),
		"just over the limit":        f.accessToken(t, nil, map[string]any{"pad": strings.Repeat("x", 6000)}),
		"non-ASCII":                  good[:10] + "é" + good[11:],
	} {
		f.refused(t, name, raw)
	}
}

// looseTexts are readings of one JSON object that another reader could take
// otherwise. name is a member of base, odd the same in other letters of Unicode.
func looseTexts(base, name, odd string) map[string]string {
	open := strings.TrimSuffix(base, "}")
	with := func(member string) string { return open + "," + member + "}" }
	return map[string]string{
		"duplicate":           with(`"` + name + `":"x"`),
		"escaped duplicate":   with(`"\u00` + strconv.FormatInt(int64(name[0]), 16) + name[1:] + `":"x"`),
		"other case":          with(`"` + strings.ToUpper(name) + `":"x"`),
		"odd letters":         with(`"` + odd + `":"x"`),
		"escaped odd letters": with(`"` + strings.Trim(strconv.QuoteToASCII(odd), `"`) + `":"x"`),
		"duplicate below":     with(`"x":{"a":1,"A":2}`),
		"two documents":       base + base,
		"trailing text":       base + "x",
		"null":                "null",
		"list":                "[" + base + "]",
		"string":              `"x"`,
		"empty":               "",
		"bad UTF-8":           with("\"x\":\"\xff\""),
		"too deep":            with(`"x":` + strings.Repeat("[", 8) + strings.Repeat("]", 8)),
		"far too deep":        with(`"x":` + strings.Repeat("[", 2500) + strings.Repeat("]", 2500)),
		"objects too deep":    with(`"x":` + strings.Repeat(`{"a":`, 8) + "1" + strings.Repeat("}", 8)),
		"comment":             base + "//",
		"unfinished":          open,
		"byte order mark":     "\ufeff" + base,
		"number with letters": with(`"x":1e`),
	}
}

// Row F9: header and claims are one strict JSON object each. The long s folds to
// s and the Kelvin sign to k; the token library would read the last of the two.
func TestVerify_refusesLooseJSON(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, kid := f.serverKey(t)
	head := object(t, map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": kid}, nil)
	claims := object(t, tokenClaims(), nil)
	for name, text := range looseTexts(claims, "sub", "\u017fub") {
		f.refused(t, "claims: "+name, mint(t, head, text, jwt.SigningMethodES256, key))
	}
	for name, text := range looseTexts(head, "kid", "\u212aid") {
		f.refused(t, "header: "+name, mint(t, text, claims, jwt.SigningMethodES256, key))
	}
	seven := strings.TrimSuffix(claims, "}") + `,"x":` + strings.Repeat("[", 7) + strings.Repeat("]", 7) + "}"
	if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: mint(t, head, seven, jwt.SigningMethodES256, key)}); err != nil {
		t.Errorf("eight levels are allowed: %v", err)
	}
}

// Row F11, as far as it is ours: standing is asked on every request, and every
// reason looks the same.
func TestVerify_asksTheClientsStandingEveryTime(t *testing.T) {
	t.Parallel()
	past := start
	for name, change := range map[string]func(*spyStore){
		"frozen":          func(s *spyStore) { s.clients[basicID].standing.Client.State = models.ClientFrozen },
		"expired":         func(s *spyStore) { s.clients[basicID].standing.Client.ExpiresAt = &past },
		"owner suspended": func(s *spyStore) { s.clients[basicID].standing.OwnerSuspended = true },
		"gone":            func(s *spyStore) { delete(s.clients, basicID) },
	} {
		f := newFixture(t)
		raw := f.tokenFor(t)
		if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: raw}); err != nil {
			t.Fatalf("%s: before: %v", name, err)
		}
		change(f.store)
		_, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: raw})
		if !errors.Is(err, authz.ErrInvalidToken) || errs.From(err).Detail != authz.ErrInvalidToken.Detail {
			t.Errorf("%s: got %v, want invalid_token", name, err)
		}
	}
}

func TestVerify_scopeTakenFromTheClientIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	raw := f.tokenFor(t)
	f.store.clients[basicID].standing.Client.Scopes = "devices.read operations.write"
	p, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: raw})
	must(t, err)
	if len(p.Scopes) != 1 || !p.Has("devices.read") {
		t.Errorf("got scopes %v", p.Scopes)
	}
}

func TestVerify_expiresToTheSecond(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	raw := f.tokenFor(t)
	f.now = start.Add(5*time.Minute - time.Second)
	if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: raw}); err != nil {
		t.Errorf("a second before: %v", err)
	}
	f.store.lookups = 0
	f.now = start.Add(5 * time.Minute)
	f.refused(t, "at its end", raw)
}

func TestVerify_storeFailureIsNotTheCallersFault(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	raw := f.tokenFor(t)
	f.store.fail = errs.New(errs.Unavailable, "database_unavailable", "x")
	if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: raw}); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("got %v, want unavailable", err)
	}
}

func TestNewVerifier_refusesEmptyParts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	now := func() time.Time { return start }
	for name, make := range map[string]func() (*authz.Verifier, error){
		"site": func() (*authz.Verifier, error) {
			return authz.NewVerifier(authz.Site{}, f.keys, f.store, f.nonces, now)
		},
		"nil keys": func() (*authz.Verifier, error) { return authz.NewVerifier(f.site, nil, f.store, f.nonces, now) },
		"empty keys": func() (*authz.Verifier, error) {
			return authz.NewVerifier(f.site, &authz.Keys{}, f.store, f.nonces, now)
		},
		"clients": func() (*authz.Verifier, error) { return authz.NewVerifier(f.site, f.keys, nil, f.nonces, now) },
		"clock":   func() (*authz.Verifier, error) { return authz.NewVerifier(f.site, f.keys, f.store, f.nonces, nil) },
	} {
		if _, err := make(); err == nil {
			t.Errorf("a verifier without %s was made", name)
		}
	}
}

// That a token was verified once is no reason to take it later: its time, its key and every
// byte of it are looked at again.
func TestVerify_remembersSignaturesAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	raw := f.tokenFor(t)
	for range 2 {
		if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: raw}); err != nil {
			t.Fatal(err)
		}
	}
	f.store.lookups = 0
	at := strings.LastIndexByte(raw, '.') + 5
	other := byte('A')
	if raw[at] == other {
		other = 'B'
	}
	f.refused(t, "another signature", raw[:at]+string(other)+raw[at+1:])
	f.now = start.Add(-time.Hour)
	f.refused(t, "before it was issued", raw)
	f.now = start.Add(authz.AccessTokenLife)
	f.refused(t, "at its end", raw)
	f.now = start
	if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: raw}); err != nil {
		t.Errorf("within its life: %v", err)
	}
}
