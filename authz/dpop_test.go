package authz_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"countersign/authz"
	"countersign/internal/errs"
	"countersign/models"
)

const (
	tokenURL = issuer + "/oauth2/token"
	apiURL   = issuer + "/v1/uploads"
)

// holder is a client that holds a key for proofs.
type holder struct {
	key  *ecdsa.PrivateKey
	jwk  map[string]any
	made int
}

func newHolder(t testing.TB) *holder {
	t.Helper()
	h := &holder{key: newECKey(t)}
	h.jwk = ecJWK(t, &h.key.PublicKey, "")
	for _, name := range []string{"kid", "use", "alg"} {
		delete(h.jwk, name)
	}
	return h
}

// proof mints a good proof for a request with some members changed.
func (h *holder) proof(t testing.TB, method, url, token string, now time.Time, head, claims map[string]any) string {
	t.Helper()
	h.made++
	all := map[string]any{"htm": method, "htu": url, "iat": now.Unix(), "jti": "proof-" + string(rune('a'+h.made%26)) + base64.RawURLEncoding.EncodeToString([]byte{byte(h.made)})}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		all["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return mint(t, object(t, map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": h.jwk}, head), object(t, all, claims), jwt.SigningMethodES256, h.key)
}

func proofOf(method, url string, headers ...string) authz.Proof {
	return authz.Proof{Headers: headers, Method: method, URL: url}
}

// ask asks for a token with a proof, by an assertion that was never used.
func (f *fixture) ask(t testing.TB, proofs ...string) (authz.TokenResponse, error) {
	t.Helper()
	f.asked++
	assertion := f.assertion(t, nil, map[string]any{"jti": "assertion-" + time.Duration(f.asked).String()})
	return f.endpoint.Exchange(context.Background(), authz.TokenRequest{
		Form:  form("client_assertion_type", assertionType, "client_assertion", assertion),
		Proof: proofOf("POST", tokenURL, proofs...),
	})
}

// bound is a token bound to the key of h.
func (f *fixture) bound(t testing.TB, h *holder) string {
	t.Helper()
	response, err := f.ask(t, h.proof(t, "POST", tokenURL, "", f.now, nil, nil))
	must(t, err)
	if response.Type != "DPoP" {
		t.Errorf("token_type is %s", response.Type)
	}
	return response.AccessToken
}

// call verifies a call of the API with proofs.
func (f *fixture) call(token string, proofs ...string) error {
	_, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: token, DPoP: true, Proof: proofOf("GET", apiURL, proofs...)})
	return err
}

func (f *fixture) profile(p models.ClientProfile) {
	f.store.clients[keyedID].standing.Client.Profile = p
}

// Rows E1 and E2: what is wrong with a proof is refused, and leaves nothing behind.
func TestDPoP_badProofsGetNoToken(t *testing.T) {
	t.Parallel()
	f, h := newFixture(t), newHolder(t)
	other := newHolder(t)
	private := map[string]any{}
	for name, value := range h.jwk {
		private[name] = value
	}
	private["d"] = base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	proof := func(head, claims map[string]any) []string {
		return []string{h.proof(t, "POST", tokenURL, "", f.now, head, claims)}
	}
	hmac := mint(t, object(t, map[string]any{"typ": "dpop+jwt", "alg": "HS256", "jwk": map[string]any{"kty": "oct", "k": "AAAA"}}, nil), `{}`, jwt.SigningMethodHS256, []byte("0"))
	good := proof(nil, nil)[0]
	parts := strings.Split(good, ".")
	for name, proofs := range map[string][]string{
		"two headers":          {h.proof(t, "POST", tokenURL, "", f.now, nil, nil), h.proof(t, "POST", tokenURL, "", f.now, nil, nil)},
		"empty":                {""},
		"garbage":              {"a.b.c"},
		"typ JWT":              proof(map[string]any{"typ": "JWT"}, nil),
		"no typ":               proof(map[string]any{"typ": nil}, nil),
		"alg none":             {b64(`{"typ":"dpop+jwt","alg":"none","jwk":`+string(mustJSON(t, h.jwk))+`}`) + "." + parts[1] + "." + parts[2]},
		"alg HS256":            {hmac},
		"another alg":          proof(map[string]any{"alg": "PS256"}, nil),
		"no jwk":               proof(map[string]any{"jwk": nil}, nil),
		"private jwk":          proof(map[string]any{"jwk": private}, nil),
		"jwk of another":       proof(map[string]any{"jwk": other.jwk}, nil),
		"crit":                 proof(map[string]any{"crit": []string{"x"}}, nil),
		"b64":                  proof(map[string]any{"b64": false}, nil),
		"no jti":               proof(nil, map[string]any{"jti": nil}),
		"long jti":             proof(nil, map[string]any{"jti": strings.Repeat("j", 2000)}),
		"another method":       proof(nil, map[string]any{"htm": "GET"}),
		"method in lower case": proof(nil, map[string]any{"htm": "post"}),
		"another path":         proof(nil, map[string]any{"htu": issuer + "/oauth2/tokens"}),
		"another host":         proof(nil, map[string]any{"htu": "https://elsewhere.example.com/oauth2/token"}),
		"http for https":       proof(nil, map[string]any{"htu": strings.Replace(tokenURL, "https", "http", 1)}),
		"no htu":               proof(nil, map[string]any{"htu": nil}),
		"user in htu":          proof(nil, map[string]any{"htu": "https://u@gateway.example.com/oauth2/token"}),
		"no iat":               proof(nil, map[string]any{"iat": nil}),
		"ath here":             proof(nil, map[string]any{"ath": "x"}),
		"duplicate member":     {mint(t, `{"typ":"dpop+jwt","typ":"dpop+jwt","alg":"ES256"}`, `{}`, jwt.SigningMethodES256, h.key)},
	} {
		_, err := f.ask(t, proofs...)
		if refused := refusal(t, err, "invalid_dpop_proof"); refused.Kind != errs.Invalid {
			t.Errorf("%s: kind %v", name, refused.Kind)
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
	f.store.untouched(t)
}

// Row E2: scheme, host and port are compared as addresses are, query and fragment are not.
func TestDPoP_addressesThatAreTheSame(t *testing.T) {
	t.Parallel()
	for _, htu := range []string{
		tokenURL, "HTTPS://GATEWAY.example.com/oauth2/token", "https://gateway.example.com:443/oauth2/token",
		tokenURL + "?x=1", tokenURL + "#f",
	} {
		f, h := newFixture(t), newHolder(t)
		if _, err := f.ask(t, h.proof(t, "POST", tokenURL, "", f.now, nil, map[string]any{"htu": htu})); err != nil {
			t.Errorf("%s: %v", htu, err)
		}
	}
}

// Row E3: a proof is of now, and is used once, also when it comes twice at once.
func TestDPoP_proofsAreFreshAndUsedOnce(t *testing.T) {
	t.Parallel()
	f, h := newFixture(t), newHolder(t)
	for off, want := range map[time.Duration]string{
		0: "", 60 * time.Second: "", -60 * time.Second: "", 61 * time.Second: "use_dpop_nonce", -61 * time.Second: "use_dpop_nonce",
	} {
		_, err := f.ask(t, h.proof(t, "POST", tokenURL, "", f.now.Add(off), nil, nil))
		if got := codeOf(err); got != want {
			t.Errorf("iat %v off: got %q, want %q", off, got, want)
		}
	}
	once := h.proof(t, "POST", tokenURL, "", f.now, nil, nil)
	var won sync.Map
	var calls sync.WaitGroup
	assertions := []string{f.assertion(t, nil, map[string]any{"jti": "one"}), f.assertion(t, nil, map[string]any{"jti": "two"})}
	for i, assertion := range assertions {
		calls.Go(func() {
			_, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{
				Form: form("client_assertion_type", assertionType, "client_assertion", assertion), Proof: proofOf("POST", tokenURL, once),
			})
			won.Store(i, codeOf(err))
		})
	}
	calls.Wait()
	first, _ := won.Load(0)
	second, _ := won.Load(1)
	if first.(string)+second.(string) != "invalid_dpop_proof" {
		t.Errorf("one proof, two requests: %q and %q", first, second)
	}
}

// Rows E3 and E4 at the API.
func TestDPoP_atTheAPI(t *testing.T) {
	t.Parallel()
	f, h := newFixture(t), newHolder(t)
	token, other := f.bound(t, h), f.bound(t, newHolder(t))
	good := h.proof(t, "GET", apiURL, token, f.now, nil, nil)
	if err := f.call(token, good); err != nil {
		t.Fatal(err)
	}
	stranger := newHolder(t)
	for name, c := range map[string]struct {
		proofs []string
		want   string
	}{
		"replay":         {[]string{good}, "invalid_dpop_proof"},
		"none":           {nil, "invalid_dpop_proof"},
		"two":            {[]string{h.proof(t, "GET", apiURL, token, f.now, nil, nil), h.proof(t, "GET", apiURL, token, f.now, nil, nil)}, "invalid_dpop_proof"},
		"POST":           {[]string{h.proof(t, "POST", apiURL, token, f.now, nil, nil)}, "invalid_dpop_proof"},
		"another path":   {[]string{h.proof(t, "GET", apiURL+"/x", token, f.now, nil, nil)}, "invalid_dpop_proof"},
		"no ath":         {[]string{h.proof(t, "GET", apiURL, "", f.now, nil, nil)}, "invalid_dpop_proof"},
		"ath of another": {[]string{h.proof(t, "GET", apiURL, other, f.now, nil, nil)}, "invalid_dpop_proof"},
		"another key":    {[]string{stranger.proof(t, "GET", apiURL, token, f.now, nil, nil)}, "invalid_dpop_proof"},
		"61 s old":       {[]string{h.proof(t, "GET", apiURL, token, f.now.Add(-61*time.Second), nil, nil)}, "use_dpop_nonce"},
		"61 s ahead":     {[]string{h.proof(t, "GET", apiURL, token, f.now.Add(61*time.Second), nil, nil)}, "use_dpop_nonce"},
	} {
		if got := codeOf(f.call(token, c.proofs...)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// Row E5: neither kind of token passes for the other.
func TestDPoP_schemesAreNotMixed(t *testing.T) {
	t.Parallel()
	f, h := newFixture(t), newHolder(t)
	token, bearer := f.bound(t, h), f.tokenFor(t)
	_, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: token})
	if codeOf(err) != "invalid_token" {
		t.Errorf("a bound token under Bearer: %v", err)
	}
	proof := proofOf("GET", apiURL, h.proof(t, "GET", apiURL, token, f.now, nil, nil))
	if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: token, Proof: proof}); codeOf(err) != "invalid_token" {
		t.Errorf("a bound token under Bearer with a proof: %v", err)
	}
	if err := f.call(bearer, h.proof(t, "GET", apiURL, bearer, f.now, nil, nil)); codeOf(err) != "invalid_token" {
		t.Errorf("a bearer token under DPoP: %v", err)
	}
}

// Row E6: the nonce makes up for a clock, one that is old or made up does not.
func TestDPoP_nonces(t *testing.T) {
	t.Parallel()
	f, h := newFixture(t), newHolder(t)
	token := f.bound(t, h)
	nonce := f.nonces.Current(f.now)
	with := func(nonce string, iat time.Time) error {
		return f.call(token, h.proof(t, "GET", apiURL, token, iat, nil, map[string]any{"nonce": nonce}))
	}
	begin := f.now
	for _, c := range []struct {
		after, off time.Duration
		nonce      string
		want       string
	}{
		{0, 0, nonce, ""},
		{0, -9 * time.Hour, nonce, ""},
		{5 * time.Minute, 9 * time.Hour, nonce, ""},
		{0, 0, "AAAAAAAAAAAAAAAAAAAAAAAA", "use_dpop_nonce"},
		{0, 0, f.nonces.Current(f.now.Add(-11 * time.Minute)), "use_dpop_nonce"},
		{0, 0, f.nonces.Current(f.now.Add(5 * time.Minute)), "use_dpop_nonce"},
	} {
		f.now = begin.Add(c.after)
		if got := codeOf(with(c.nonce, f.now.Add(c.off))); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
	f.now = begin
	once := h.proof(t, "GET", apiURL, token, f.now, nil, map[string]any{"nonce": nonce})
	if first, second := f.call(token, once), f.call(token, once); first != nil || codeOf(second) != "invalid_dpop_proof" {
		t.Errorf("a proof with a nonce, twice: %v, %v", first, second)
	}
	again, err := authz.LoadNonces(f.dir)
	must(t, err)
	if again.Current(f.now) != nonce {
		t.Error("two replicas have two nonces")
	}
}

// A strict client gets no token that anybody could use, and a nonce is asked of it.
func TestDPoP_strictClients(t *testing.T) {
	t.Parallel()
	f, h := newFixture(t), newHolder(t)
	bearer, err := f.ask(t)
	must(t, err)
	f.profile(models.ProfileStrict)
	_, err = f.ask(t)
	refusal(t, err, "invalid_request")
	_, err = f.ask(t, h.proof(t, "POST", tokenURL, "", f.now, nil, nil))
	refusal(t, err, "use_dpop_nonce")
	nonce := map[string]any{"nonce": f.nonces.Current(f.now)}
	response, err := f.ask(t, h.proof(t, "POST", tokenURL, "", f.now, nil, nonce))
	must(t, err)
	token := response.AccessToken
	if got := codeOf(f.call(token, h.proof(t, "GET", apiURL, token, f.now, nil, nil))); got != "use_dpop_nonce" {
		t.Errorf("without nonce: %q", got)
	}
	must(t, f.call(token, h.proof(t, "GET", apiURL, token, f.now, nil, nonce)))
	_, err = f.verifier.Verify(context.Background(), authz.Presentation{Token: bearer.AccessToken})
	if codeOf(err) != "invalid_token" {
		t.Errorf("a token from before the client was strict: %v", err)
	}
}

// Every algorithm that is advertised works, and no other does (row G2).
func TestDPoP_algorithms(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	ec := newHolder(t)
	rsaJWK := map[string]any{"kty": "RSA", "n": base64.RawURLEncoding.EncodeToString(rsaKey.N.Bytes()), "e": "AQAB"}
	okp := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)}
	point, err := p384.PublicKey.Bytes()
	must(t, err)
	p384JWK := map[string]any{"kty": "EC", "crv": "P-384", "x": base64.RawURLEncoding.EncodeToString(point[1:49]), "y": base64.RawURLEncoding.EncodeToString(point[49:])}
	for _, c := range []struct {
		alg    string
		jwk    map[string]any
		method jwt.SigningMethod
		key    crypto.PrivateKey
		works  bool
	}{
		{"ES256", ec.jwk, jwt.SigningMethodES256, ec.key, true},
		{"PS256", rsaJWK, jwt.SigningMethodPS256, rsaKey, true},
		{"EdDSA", okp, jwt.SigningMethodEdDSA, private, true},
		{"Ed25519", okp, jwt.SigningMethodEdDSA, private, true},
		{"RS256", rsaJWK, jwt.SigningMethodRS256, rsaKey, false},
		{"PS384", rsaJWK, jwt.SigningMethodPS384, rsaKey, false},
		{"ES384", p384JWK, jwt.SigningMethodES384, p384, false},
		// A good signature under another name.
		{"none", ec.jwk, jwt.SigningMethodES256, ec.key, false},
		{"HS256", ec.jwk, jwt.SigningMethodES256, ec.key, false},
		{"PS256", ec.jwk, jwt.SigningMethodES256, ec.key, false},
	} {
		claims := object(t, map[string]any{"htm": "POST", "htu": tokenURL, "iat": f.now.Unix(), "jti": c.alg + c.method.Alg()}, nil)
		_, err := f.ask(t, mint(t, object(t, map[string]any{"typ": "dpop+jwt", "alg": c.alg, "jwk": c.jwk}, nil), claims, c.method, c.key))
		if (err == nil) != c.works {
			t.Errorf("%s: %v", c.alg, err)
		}
	}
}

func codeOf(err error) string {
	var refused *authz.OAuthError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return refused.Code
	}
	return errs.From(err).Code
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return text
}
