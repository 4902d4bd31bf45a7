// Package oidctest is an OpenID provider that can be told to lie. Left alone it is strict
// and honest: it insists on PKCE, on the client's authentication and on one use of each
// code. Every lie is a field or a function, so that a test says in one line what is wrong.
//
// It is support for tests and is linked into no product.
package oidctest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// The client that the provider knows.
const (
	ClientID     = "countersign"
	ClientSecret = "s3cr+t/ %:é"
)

// Person is who signs in at the provider.
type Person struct {
	Subject string
	Name    string
	Email   string
	Roles   []string
	ACR     string
	AMR     []string
	// AuthTime is when the person proved itself; zero takes the provider's clock.
	AuthTime time.Time
	// Extra claims, over all others.
	Extra map[string]any
}

// Provider is an OpenID provider.
type Provider struct {
	Issuer string
	// Now is the provider's clock.
	Now func() time.Time

	// Lies. Each is taken as it is when it is needed.
	Lie        func(header, claims map[string]any) // changes a token before it is signed
	Alg        string                              // RS256 unless said otherwise; HS256 signs with the client secret, none does not sign
	ForeignKey bool                                // signs with a key that is not published
	SendIssuer *string                             // parameter iss of the answer; nil sends the true one
	Metadata   func(map[string]any)                // changes the description
	AnyCode    bool                                // takes any code, also without PKCE, for the last person
	Status     int                                 // of the token endpoint, when not 0
	Answer     func(map[string]any)                // changes the token endpoint's answer

	server  *httptest.Server
	key     *rsa.PrivateKey
	foreign *rsa.PrivateKey

	mu      sync.Mutex
	codes   map[string]grant
	last    grant
	tokens  int // answered by the token endpoint
	Request url.Values
	// Assertion is the last client_assertion that the token endpoint got.
	Assertion string
}

type grant struct {
	person    Person
	nonce     string
	challenge string
	redirect  string
}

// New starts a provider on this machine. Its issuer is its address, with a path when one
// is given.
func New(t testing.TB, path ...string) *Provider {
	t.Helper()
	p := &Provider{Now: time.Now, codes: map[string]grant{}, key: published(), foreign: unpublished()}
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.server.Close)
	p.Issuer = p.server.URL + strings.Join(path, "")
	return p
}

// Address is where the provider listens.
func (p *Provider) Address() string { return p.server.URL }

// Calls counts the answers of the token endpoint.
func (p *Provider) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tokens
}

// Making a key takes a while, so all providers of a test run share theirs.
var published, unpublished = sync.OnceValue(newKey), sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	base := strings.TrimPrefix(p.Issuer, p.server.URL)
	switch strings.TrimPrefix(r.URL.Path, base) {
	case "/.well-known/openid-configuration":
		p.describe(w)
	case "/jwks":
		reply(w, http.StatusOK, map[string]any{"keys": []any{jwk(p.key, "one")}})
	case "/token":
		p.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) describe(w http.ResponseWriter) {
	about := map[string]any{
		"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize", "token_endpoint": p.Issuer + "/token",
		"jwks_uri": p.Issuer + "/jwks", "response_types_supported": []string{"code"}, "code_challenge_methods_supported": []string{"S256"},
		"id_token_signing_alg_values_supported":          []string{"RS256", "HS256", "none"},
		"authorization_response_iss_parameter_supported": true,
	}
	if p.Metadata != nil {
		p.Metadata(about)
	}
	reply(w, http.StatusOK, about)
}

// SignIn plays the browser at the provider: it follows the address that the relying party
// made, signs the person in and returns what the provider sends back.
func (p *Provider) SignIn(t testing.TB, address string, person Person) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, p.Issuer+"/authorize?") {
		t.Fatalf("the sign-in leads to %s, not to %s", address, p.Issuer)
	}
	q := u.Query()
	if q.Get("response_type") != "code" || q.Get("client_id") != ClientID || !strings.Contains(q.Get("scope"), "openid") ||
		q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 43 || len(q.Get("nonce")) < 43 {
		t.Fatalf("the sign-in lacks something: %v", q)
	}
	code := newCode()
	p.mu.Lock()
	p.Request = q
	p.last = grant{person, q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri")}
	p.codes[code] = p.last
	p.mu.Unlock()
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.Issuer}}
	if p.SendIssuer != nil {
		back.Set("iss", *p.SendIssuer)
	}
	return back
}

func newCode() string {
	random := make([]byte, 16)
	_, _ = rand.Read(random)
	return encode(random)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := r.ParseForm(); err != nil || p.Status != 0 {
		reply(w, max(p.Status, http.StatusBadRequest), map[string]any{"error": "server_error"})
		return
	}
	p.Assertion = r.PostForm.Get("client_assertion")
	if !p.authenticated(r) {
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	granted, ok := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code"))
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if p.AnyCode {
		granted = p.last
	} else if !ok || encode(sum[:]) != granted.challenge || r.PostForm.Get("redirect_uri") != granted.redirect {
		reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	p.tokens++
	access := newCode()
	answer := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": 300, "refresh_token": "never-store-me", "id_token": p.idToken(granted, access),
	}
	if p.Answer != nil {
		p.Answer(answer)
	}
	reply(w, http.StatusOK, answer)
}

// authenticated takes the secret in the header or the body, or an assertion, whose
// signature a test checks itself.
func (p *Provider) authenticated(r *http.Request) bool {
	user, secret, ok := r.BasicAuth()
	if ok {
		id, err1 := url.QueryUnescape(user)
		key, err2 := url.QueryUnescape(secret)
		return err1 == nil && err2 == nil && id == ClientID && key == ClientSecret
	}
	if p.Assertion != "" {
		return r.PostForm.Get("client_id") == ClientID && !r.PostForm.Has("client_secret")
	}
	return r.PostForm.Get("client_id") == ClientID && r.PostForm.Get("client_secret") == ClientSecret
}

func (p *Provider) idToken(g grant, access string) string {
	now := p.Now()
	at := g.person.AuthTime
	if at.IsZero() {
		at = now
	}
	sum := sha256.Sum256([]byte(access))
	header := map[string]any{"alg": "RS256", "typ": "JWT", "kid": "one"}
	claims := map[string]any{
		"iss": p.Issuer, "sub": g.person.Subject, "aud": ClientID, "nonce": g.nonce, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"auth_time": at.Unix(), "name": g.person.Name, "email": g.person.Email, "roles": g.person.Roles, "acr": g.person.ACR, "amr": g.person.AMR,
		"at_hash": encode(sum[:16]),
	}
	for name, value := range g.person.Extra {
		claims[name] = value
	}
	if p.Alg != "" {
		header["alg"] = p.Alg
	}
	if p.Lie != nil {
		p.Lie(header, claims)
	}
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	return p.sign(header, claims)
}

func (p *Provider) sign(header, claims map[string]any) string {
	head, _ := json.Marshal(header)
	body, _ := json.Marshal(claims)
	text := encode(head) + "." + encode(body)
	switch header["alg"] {
	case "none":
		return text + "."
	case "HS256":
		mac := hmac.New(sha256.New, []byte(ClientSecret))
		mac.Write([]byte(text))
		return text + "." + encode(mac.Sum(nil))
	}
	key := p.key
	if p.ForeignKey {
		key = p.foreign
	}
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + encode(signature)
}

func jwk(key *rsa.PrivateKey, kid string) map[string]any {
	return map[string]any{
		"kty": "RSA", "use": "sig", "kid": kid, "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
