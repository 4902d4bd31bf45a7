package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/db"
)

// keys runs a command about the signing keys beside the running servers.
func (s *site) keys(args ...string) []struct{ File, Kid, State string } {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(bin, "countersignd"), append([]string{"keys"}, args...)...)
	cmd.Env = s.environ()
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("keys %v: %v\n%s", args, err, said.String())
	}
	var list []struct{ File, Kid, State string }
	if err := json.Unmarshal(out, &list); err != nil {
		s.t.Fatalf("keys %v: %v in %s", args, err, out)
	}
	return list
}

// newToken gets a token from a replica.
func newToken(ctx context.Context, t *testing.T, r *replica, c credential) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	var token struct {
		AccessToken string `json:"access_token"`
	}
	status, text := roundTrip(t, req)
	if err := json.Unmarshal(text, &token); err != nil || status != http.StatusOK {
		t.Errorf("no token: %d %s", status, text)
	}
	return token.AccessToken
}

// with calls the API with a token and returns the status.
func with(ctx context.Context, t *testing.T, r *replica, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/v1/uploads", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	status, _ := roundTrip(t, req)
	return status
}

func roundTrip(t *testing.T, req *http.Request) (int, []byte) {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return res.StatusCode, text
}

func kid(t *testing.T, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ Kid string }
	if err := json.Unmarshal(text, &h); err != nil {
		t.Fatal(err)
	}
	return h.Kid
}

// While clients get tokens at two replicas and use them at either, the keys are rotated: no
// call fails. Then the keys are replaced, as for one that was stolen: what it signed is
// refused by both within moments and for good.
func TestRotation_underLoadOnTwoReplicas(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.Postgres, "COUNTERSIGN_LOG_LEVEL=error", "COUNTERSIGN_REQUESTS_PER_MINUTE=1000000", "COUNTERSIGN_TOKENS_PER_MINUTE=1000000")
	replicas := []*replica{s.start(), s.start()}
	p := newPeople(t, s)
	before := s.keys("list")
	if len(before) != 1 || before[0].State != "signing" {
		t.Fatalf("keys %+v", before)
	}
	running, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var pool []string
	var used, ofNext atomic.Int64
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			for running.Err() == nil {
				token := newToken(t.Context(), t, replicas[rand.IntN(2)], p.reseller)
				if kid(t, token) != before[0].Kid {
					ofNext.Add(1)
				}
				mu.Lock()
				pool = append(pool, token)
				some := []string{token, pool[rand.IntN(len(pool))], pool[rand.IntN(len(pool))]}
				mu.Unlock()
				for _, token := range some {
					if status := with(t.Context(), t, replicas[rand.IntN(2)], token); status != http.StatusOK {
						t.Errorf("a valid token was answered with %d", status)
						stop()
					}
					used.Add(1)
				}
			}
		})
	}
	after := s.keys("rotate", "--lead", "5s")
	if len(after) != 2 || after[0].State != "signing" || after[1].State != "waiting" {
		t.Errorf("keys after the rotation: %+v", after)
	}
	await(t, 60*time.Second, "the next key to sign many tokens", func(ctx context.Context) bool { return running.Err() != nil || ofNext.Load() > 50 })
	stop()
	callers.Wait()
	t.Logf("%d tokens, %d calls, %d tokens of the next key", len(pool), used.Load(), ofNext.Load())

	old := pool[len(pool)-1]
	if list := s.keys("replace", "--yes"); len(list) != 1 || list[0].State != "signing" {
		t.Errorf("keys after the replacement: %+v", list)
	}
	for i, r := range replicas {
		await(t, 20*time.Second, "the old token to be refused", func(ctx context.Context) bool { return with(ctx, t, r, old) == http.StatusUnauthorized })
		for _, token := range pool[max(0, len(pool)-20):] {
			if status := with(t.Context(), t, r, token); status != http.StatusUnauthorized {
				t.Errorf("replica %d answers a token of a deleted key with %d", i, status)
			}
		}
	}
	for _, r := range replicas {
		if status := with(t.Context(), t, replicas[0], newToken(t.Context(), t, r, p.reseller)); status != http.StatusOK {
			t.Errorf("a new token is answered with %d", status)
		}
	}
}
