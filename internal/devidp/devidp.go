// Package devidp is an OpenID provider for trying the sign-in out: whoever opens its page
// chooses who to be. It knows every tenant by an issuer of its own, takes any client
// secret, and forgets everything when the process ends.
//
// It is no identity provider. countersignd mounts it in development mode alone, and only
// when it listens on this machine; internal/archtest keeps every other package away.
package devidp

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Path is where the provider stands below the server's address.
const Path = "/dev/idp/"

// ClientID is the relying party that it knows.
const ClientID = "countersign"

// What the roles claim says.
const (
	AdminRole    = "countersign-admin"
	ApproverRole = "countersign-approver"
)

const (
	codeLife = 2 * time.Minute
	maxCodes = 1000
)

// Provider is the provider. It is safe for concurrent use.
type Provider struct {
	base  string // address of the server, without Path
	back  string // where it sends people back to
	now   func() time.Time
	key   *rsa.PrivateKey
	keyID string

	mu    sync.Mutex
	codes map[string]grant
}

type grant struct {
	realm, nonce, challenge, redirect string
	person                            person
	mfa                               bool
	at                                time.Time
}

// New makes a provider at the address of the server that sends people back to one
// address alone.
func New(base, back string, now func() time.Time) (*Provider, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make the development provider's key: %w", err)
	}
	return &Provider{base: base, back: back, now: now, key: key, keyID: rand.Text(), codes: map[string]grant{}}, nil
}

// Issuer is the provider's issuer for a tenant.
func (p *Provider) Issuer(realm string) string { return Issuer(p.base, realm) }

// Issuer is the issuer for a tenant at the address of a server.
func Issuer(base, realm string) string { return base + Path + realm }

var validRealm = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	realm, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Path), "/")
	if !validRealm.MatchString(realm) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch r.Method + " " + rest {
	case "GET .well-known/openid-configuration":
		p.describe(w, realm)
	case "GET jwks":
		reply(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": p.keyID,
			"n": encode(p.key.N.Bytes()), "e": encode(big.NewInt(int64(p.key.E)).Bytes()),
		}}})
	case "GET authorize":
		p.choose(w, r, realm)
	case "POST authorize":
		p.chosen(w, r, realm)
	case "POST token":
		p.token(w, r, realm)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) describe(w http.ResponseWriter, realm string) {
	issuer := p.Issuer(realm)
	reply(w, http.StatusOK, map[string]any{
		"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/jwks",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	})
}

// asked reads the relying party's request; what is wrong with it is shown, never sent back
// to an address that was not checked.
func (p *Provider) asked(r *http.Request) (url.Values, string) {
	q := r.URL.Query()
	switch {
	case q.Get("client_id") != ClientID:
		return nil, "The client is not known."
	case q.Get("redirect_uri") != p.back:
		return nil, "The address to go back to is not the portal's."
	case q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "":
		return nil, "The request is not one for a code with PKCE."
	}
	return q, ""
}

func (p *Provider) choose(w http.ResponseWriter, r *http.Request, realm string) {
	q, wrong := p.asked(r)
	if wrong != "" {
		http.Error(w, wrong, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	_ = page.Execute(w, map[string]any{
		"Realm": realm, "People": people, "Fresh": q.Get("prompt") == "login", "Action": "authorize?" + r.URL.RawQuery,
	})
}

func (p *Provider) chosen(w http.ResponseWriter, r *http.Request, realm string) {
	q, wrong := p.asked(r)
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if wrong == "" && r.ParseForm() != nil {
		wrong = "The form cannot be read."
	}
	who, known := find(r.PostForm.Get("person"))
	if wrong == "" && !known && r.PostForm.Get("cancel") == "" {
		wrong = "Choose a person."
	}
	if wrong != "" {
		http.Error(w, wrong, http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}, "iss": {p.Issuer(realm)}}
	if r.PostForm.Get("cancel") != "" {
		back.Set("error", "access_denied")
	} else {
		back.Set("code", p.keep(grant{
			realm: realm, nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri"),
			person: who, mfa: r.PostForm.Get("mfa") != "", at: p.now(),
		}))
	}
	http.Redirect(w, r, p.back+"?"+back.Encode(), http.StatusSeeOther)
}

// keep remembers a grant under a new code and forgets those that nobody fetched.
func (p *Provider) keep(g grant) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for code, old := range p.codes {
		if g.at.Sub(old.at) > codeLife || len(p.codes) >= maxCodes {
			delete(p.codes, code)
		}
	}
	code := rand.Text()
	p.codes[code] = g
	return code
}

func (p *Provider) take(code string) (grant, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.codes[code]
	delete(p.codes, code)
	return g, ok && p.now().Sub(g.at) <= codeLife
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request, realm string) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if r.ParseForm() != nil {
		reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return
	}
	g, ok := p.take(r.PostForm.Get("code"))
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	proven := subtle.ConstantTimeCompare([]byte(encode(sum[:])), []byte(g.challenge)) == 1
	if !ok || !proven || g.realm != realm || r.PostForm.Get("redirect_uri") != g.redirect {
		reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	idToken, err := p.idToken(g)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]any{"error": "server_error"})
		return
	}
	reply(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 60, "id_token": idToken})
}

func (p *Provider) idToken(g grant) (string, error) {
	now := p.now()
	methods := []string{"pwd"}
	if g.mfa {
		methods = append(methods, "otp", "mfa")
	}
	head, err := json.Marshal(map[string]any{"alg": "RS256", "typ": "JWT", "kid": p.keyID})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]any{
		"iss": p.Issuer(g.realm), "sub": g.person.Subject, "aud": ClientID, "nonce": g.nonce, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"auth_time": g.at.Unix(), "amr": methods, "name": g.person.Name, "email": g.person.Subject + "@example.com", "roles": g.person.Roles,
	})
	if err != nil {
		return "", err
	}
	text := encode(head) + "." + encode(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	return text + "." + encode(signature), err
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller hung up; there is nobody to tell
}
