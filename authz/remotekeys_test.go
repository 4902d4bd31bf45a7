package authz_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/authz"
)

// publisher is a client's address with its key set.
type publisher struct {
	*httptest.Server
	mu     sync.Mutex
	text   string
	status int
	asked  atomic.Int64
}

func (p *publisher) set(status int, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.text = status, text
}

// publish makes the client with a key publish it, in place of having it registered.
func (f *fixture) publish(t testing.TB) *publisher {
	t.Helper()
	p := &publisher{status: 200, text: keySet(t, ecJWK(t, &f.clientKey.PublicKey, "k1"))}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.status == http.StatusFound {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		w.WriteHeader(p.status)
		_, _ = w.Write([]byte(p.text))
	}))
	t.Cleanup(p.Close)
	address := p.URL + "/jwks"
	client := &f.store.clients[keyedID].standing.Client
	client.JWKS, client.JWKSURI = nil, &address
	var err error
	f.endpoint, err = authz.NewTokenEndpoint(authz.EndpointDeps{
		Site: f.site, Keys: f.keys, Secrets: f.secrets, Clients: f.store, Nonces: f.nonces, Verifier: f.verifier, RemoteKeys: f.remote(),
		Now: func() time.Time { return f.now }, NewID: func() string { return "id" }, Logger: slog.New(slog.NewTextHandler(f.log, nil)),
	})
	must(t, err)
	return p
}

func (f *fixture) remote() *authz.RemoteKeys {
	follows := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return authz.NewRemoteKeys(follows, func() time.Time { return f.now })
}

// by asks for a token with an assertion of now under a kid.
func (f *fixture) by(t testing.TB, kid string) error {
	t.Helper()
	f.asked++
	return f.exchangeAssertion(f.assertion(t, map[string]any{"kid": kid}, map[string]any{
		"jti": fmt.Sprint("remote-", f.asked), "iat": f.now.Unix(), "exp": f.now.Add(time.Minute).Unix(),
	}))
}

// Row C8: a published set is fetched once, and once a minute when a key is not in it, however
// many assertions name such keys, and at once.
func TestRemoteKeys_areFetchedSeldom(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.publish(t)
	must(t, f.by(t, "k1"))
	must(t, f.by(t, "k1"))
	if n := p.asked.Load(); n != 1 {
		t.Errorf("%d fetches for two assertions", n)
	}
	f.now = f.now.Add(time.Minute)
	for n := range 10_000 {
		if codeOf(f.by(t, fmt.Sprint("unknown-", n))) != "invalid_client" {
			t.Fatal("an unknown key was taken")
		}
	}
	if n := p.asked.Load(); n != 2 {
		t.Errorf("%d fetches for 10,000 unknown keys within a minute", n-1)
	}
	// A new key is found a minute later at the latest, one that was taken out ends ten minutes later.
	old := f.clientKey
	f.clientKey = newECKey(t)
	p.set(200, keySet(t, ecJWK(t, &f.clientKey.PublicKey, "k2")))
	f.now = f.now.Add(time.Minute)
	must(t, f.by(t, "k2"))
	f.clientKey = old
	if codeOf(f.by(t, "k1")) != "invalid_client" {
		t.Error("a key that was taken out is taken")
	}
	f.now = f.now.Add(10 * time.Minute)
	if codeOf(f.by(t, "k1")) != "invalid_client" {
		t.Error("a key that was taken out is taken later")
	}
}

// While an address does not answer, the set is used for a day and no longer.
func TestRemoteKeys_thatAreAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.publish(t)
	must(t, f.by(t, "k1"))
	p.set(503, "")
	for _, later := range []time.Duration{11 * time.Minute, 23*time.Hour + 40*time.Minute} {
		f.now = start.Add(later)
		if err := f.by(t, "k1"); err != nil {
			t.Errorf("%v later: %v", later, err)
		}
	}
	f.now = start.Add(24 * time.Hour)
	if codeOf(f.by(t, "k1")) != "invalid_client" {
		t.Error("the set is used after a day")
	}
	p.set(200, keySet(t, ecJWK(t, &f.clientKey.PublicKey, "k1")))
	f.now = f.now.Add(time.Minute)
	must(t, f.by(t, "k1"))
}

// What stands at an address is judged as a set that is registered, and told to who registers it.
func TestRemoteKeys_check(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.publish(t)
	private := ecJWK(t, &f.clientKey.PublicKey, "k1")
	private["d"] = "AAAA"
	for name, c := range map[string]struct {
		status     int
		text, want string
	}{
		"good":         {200, keySet(t, ecJWK(t, &f.clientKey.PublicKey, "k1")), ""},
		"a private":    {200, keySet(t, private), "private or secret member"},
		"no set":       {200, "<html>", "not a JSON object"},
		"too large":    {200, strings.Repeat(" ", 65<<10), "larger than"},
		"not there":    {404, "", "answers with 404"},
		"a redirect":   {302, "", "answers with 302"},
		"twenty-one":   {200, keySet(t, many(t, 21)...), "holds 21 keys"},
		"one kid, two": {200, keySet(t, ecJWK(t, &f.clientKey.PublicKey, "k1"), ecJWK(t, &newECKey(t).PublicKey, "k1")), "kid is used twice"},
	} {
		p.set(c.status, c.text)
		err := f.remote().Check(context.Background(), p.URL+"/jwks")
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.Close()
	if err := f.remote().Check(context.Background(), p.URL+"/jwks"); err == nil || !strings.Contains(err.Error(), "cannot be fetched") {
		t.Errorf("nobody there: %v", err)
	}
}

func many(t *testing.T, n int) []map[string]any {
	t.Helper()
	var keys []map[string]any
	for i := range n {
		keys = append(keys, ecJWK(t, &newECKey(t).PublicKey, fmt.Sprint("k", i)))
	}
	return keys
}
