package authz_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"countersign/authz"
	"countersign/internal/errs"
	"countersign/models"
)

const (
	issuer     = "https://gateway.example.com"
	audience   = issuer + "/api"
	basicID    = models.ClientID("p-0190a0b0-0000-7000-8000-000000000001")
	keyedID    = models.ClientID("p-0190a0b0-0000-7000-8000-000000000002")
	strangerID = models.ClientID("p-0190a0b0-0000-7000-8000-000000000009")
	partnerID  = models.PartnerID("0190a0b0-0000-7000-8000-00000000000a")
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clientEntry is what the spy store knows of one client.
type clientEntry struct {
	standing models.ClientStanding
	digests  [][]byte
}

// spyStore counts what is asked of it and keeps what would have been written.
type spyStore struct {
	mu      sync.Mutex
	clients map[models.ClientID]*clientEntry
	lookups int
	used    map[string]time.Time
	marked  int
	noted   []models.ClientSource
	fail    error
}

var errNobody = errs.New(errs.NotFound, "client_not_found", "There is no such client.")

func (s *spyStore) entry(id models.ClientID) (*clientEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	if s.fail != nil {
		return nil, s.fail
	}
	if e, ok := s.clients[id]; ok {
		return e, nil
	}
	return nil, errNobody
}

func (s *spyStore) ClientForAuth(_ context.Context, id models.ClientID) (models.ClientStanding, [][]byte, error) {
	e, err := s.entry(id)
	if err != nil {
		return models.ClientStanding{}, nil, err
	}
	return e.standing, e.digests, nil
}

func (s *spyStore) ClientStanding(_ context.Context, id models.ClientID) (models.ClientStanding, error) {
	e, err := s.entry(id)
	if err != nil {
		return models.ClientStanding{}, err
	}
	return e.standing, nil
}

func (s *spyStore) UseOnce(_ context.Context, id models.ClientID, digest []byte, until time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := string(id) + string(digest)
	if _, twice := s.used[key]; twice {
		return false, nil
	}
	s.used[key] = until
	return true, nil
}

func (s *spyStore) RevokeToken(_ context.Context, id models.ClientID, digest []byte, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.clients[id]
	e.standing.RevokedTokens = append(e.standing.RevokedTokens, digest)
	return s.fail
}

func (s *spyStore) NoteAuthentication(id models.ClientID, source string, refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noted = append(s.noted, models.ClientSource{ClientID: id, Source: source, Refused: refused})
}

func (s *spyStore) MarkUsed(context.Context, models.ClientID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marked++
	return nil
}

// untouched fails the test if a refused call left anything behind.
func (s *spyStore) untouched(t *testing.T) {
	t.Helper()
	if len(s.used) != 0 || s.marked != 0 {
		t.Errorf("a refused call left %d used assertions and %d marks behind", len(s.used), s.marked)
	}
}

// fixture is a whole authorization server over a spy store.
type fixture struct {
	now       time.Time
	dir       string
	site      authz.Site
	keys      *authz.Keys
	secrets   *authz.Secrets
	nonces    *authz.Nonces
	secret    string // of basicID
	clientKey *ecdsa.PrivateKey
	store     *spyStore
	log       *strings.Builder
	asked     int          // for ids of assertions
	paused    atomic.Int64 // for how long refusals were held back, in all
	endpoint  *authz.TokenEndpoint
	verifier  *authz.Verifier
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{now: start, dir: t.TempDir(), log: &strings.Builder{}, clientKey: newECKey(t)}
	var err error
	f.site, err = authz.NewSite(issuer)
	must(t, err)
	f.keys, err = authz.LoadKeys(f.dir, func() time.Time { return f.now })
	must(t, err)
	f.secrets, err = authz.LoadSecrets(f.dir)
	must(t, err)
	f.nonces, err = authz.LoadNonces(f.dir)
	must(t, err)
	f.fillStore(t)
	f.verifier, err = authz.NewVerifier(f.site, f.keys, f.store, f.nonces, func() time.Time { return f.now })
	must(t, err)
	ids := 0
	f.endpoint, err = authz.NewTokenEndpoint(authz.EndpointDeps{
		Site: f.site, Keys: f.keys, Secrets: f.secrets, Clients: f.store, Nonces: f.nonces, Verifier: f.verifier,
		Now:       func() time.Time { return f.now },
		NewID:     func() string { ids++; return "id-" + strconv.Itoa(ids) },
		PauseFunc: func(_ context.Context, d time.Duration) error { f.paused.Add(int64(d)); return nil },
		Logger:    slog.New(slog.NewTextHandler(f.log, nil)),
	})
	must(t, err)
	return f
}

// fillStore registers one client for either method, both of one partner.
func (f *fixture) fillStore(t testing.TB) {
	t.Helper()
	partner := partnerID
	var digest []byte
	f.secret, digest = f.secrets.NewSecret()
	jwks, err := authz.CheckKeySet(keySet(t, ecJWK(t, &f.clientKey.PublicKey, "k1")))
	must(t, err)
	client := models.OAuthClient{
		ID: basicID, OwnerKind: models.OwnerPartner, PartnerID: &partner, State: models.ClientActive,
		AuthMethod: models.ClientSecretBasic, Profile: models.ProfileLegacy, Scopes: "devices.write devices.read consents.read",
	}
	keyed := client
	keyed.ID, keyed.AuthMethod, keyed.JWKS = keyedID, models.PrivateKeyJWT, &jwks
	keyed.Profile = models.ProfileStandard
	f.store = &spyStore{used: map[string]time.Time{}, clients: map[models.ClientID]*clientEntry{
		basicID: {models.ClientStanding{Client: client, PartnerKind: models.DirectReseller}, [][]byte{digest}},
		keyedID: {models.ClientStanding{Client: keyed, PartnerKind: models.DirectReseller}, nil},
	}}
}

// tokenFor returns a valid access token of basicID.
func (f *fixture) tokenFor(t testing.TB) string {
	t.Helper()
	response, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{
		Form: form(), Authorization: basic(string(basicID), f.secret),
	})
	must(t, err)
	return response.AccessToken
}

// serverKey is the key the server signs with, read as a thief of the file would.
func (f *fixture) serverKey(t testing.TB) (*ecdsa.PrivateKey, string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(f.dir, "keys", "token-0001.pem"))
	must(t, err)
	block, _ := pem.Decode(content)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	var set struct{ Keys []map[string]string }
	must(t, json.Unmarshal(f.keys.JWKS(), &set))
	return key.(*ecdsa.PrivateKey), set.Keys[0]["kid"]
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newECKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

// form makes the body of a token request: grant_type and further pairs.
func form(pairs ...string) url.Values {
	values := url.Values{"grant_type": {"client_credentials"}}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

// basic makes the header of RFC 6749 section 2.3.1.
func basic(id, secret string) string {
	joined := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(joined))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// mint signs any two texts, so that no reader or writer stands between a test and
// the bytes it wants.
func mint(t testing.TB, head, claims string, method jwt.SigningMethod, key crypto.PrivateKey) string {
	t.Helper()
	text := b64(head) + "." + b64(claims)
	signature, err := method.Sign(text, key)
	must(t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// object writes a JSON object of the members, with changes applied: a change to
// nil removes the member.
func object(t testing.TB, members, changes map[string]any) string {
	t.Helper()
	all := map[string]any{}
	for name, value := range members {
		all[name] = value
	}
	for name, value := range changes {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	must(t, err)
	return string(text)
}

// refusal checks that err is an OAuth refusal with this code.
func refusal(t *testing.T, err error, code string) *authz.OAuthError {
	t.Helper()
	var refused *authz.OAuthError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want a refusal with %s", err, code)
	}
	if refused.Code != code {
		t.Errorf("got %s (%s), want %s", refused.Code, refused.Description, code)
	}
	return refused
}
