package authz_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"countersign/authz"
)

func (f *fixture) published(t testing.TB) int {
	t.Helper()
	var set struct{ Keys []map[string]string }
	must(t, json.Unmarshal(f.keys.JWKS(), &set))
	return len(set.Keys)
}

func kidOf(t testing.TB, token string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	must(t, err)
	return parsed.Header["kid"].(string)
}

// Row G5, travelling in time: at no second does a valid token fail, or verify a key that
// is over.
func TestRotation_hasNoGap(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.profile("standard")
	f.store.clients[basicID].standing.Client.Profile = "standard" // tokens of ten minutes
	type issued struct {
		raw   string
		until time.Time
	}
	var live []issued
	var first, second string
	const lead = 2 * time.Minute
	begin := f.now
	for second0 := range 1600 {
		f.now = begin.Add(time.Duration(second0) * time.Second)
		if second0 == 60 {
			must(t, f.keys.Rotate(lead))
			if f.published(t) != 2 {
				t.Fatal("the next key is not published before it signs")
			}
		}
		if second0%20 == 0 {
			raw := f.tokenFor(t)
			live = append(live, issued{raw, f.now.Add(authz.AccessTokenLife)})
			if first == "" {
				first = kidOf(t, raw)
			}
			if kid, rotated := kidOf(t, raw), second0 >= 60+120; (kid != first) != rotated {
				t.Fatalf("second %d: signed by %s, the first was %s", second0, kid, first)
			} else if rotated {
				second = kid
			}
			for _, token := range live {
				_, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: token.raw})
				if good := f.now.Before(token.until); (err == nil) != good {
					t.Fatalf("second %d: a token until %v: %v", second0, token.until, err)
				}
			}
		}
	}
	// Ten minutes and one after the change the first key is over: not even the key itself helps.
	f.now = begin.Add(60*time.Second + lead + authz.AccessTokenLife + 59*time.Second)
	key, _ := f.serverKey(t)
	claims := func() string {
		return object(t, tokenClaims(), map[string]any{"iat": f.now.Unix(), "exp": f.now.Add(time.Minute).Unix()})
	}
	stolen := func() error {
		_, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: mint(t, object(t, map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": first}, nil), claims(), jwt.SigningMethodES256, key)})
		return err
	}
	if err := stolen(); err != nil || f.published(t) != 2 {
		t.Errorf("a second before its end: %v, %d published", err, f.published(t))
	}
	f.now = f.now.Add(time.Second)
	if stolen() == nil || f.published(t) != 1 {
		t.Errorf("a key that is over verifies, or is published: %d", f.published(t))
	}
	gone, err := f.keys.Prune()
	must(t, err)
	if len(gone) != 1 || gone[0] != "token-0001.pem" || f.keys.List()[0].ID != second || !f.keys.List()[0].Signs {
		t.Errorf("pruned %v, left %+v", gone, f.keys.List())
	}
}

// Two replicas that rotate at once make one key between them.
func TestRotation_ofTwoReplicasMakesOneKey(t *testing.T) {
	t.Parallel()
	for range 20 {
		dir := t.TempDir()
		now := func() time.Time { return start }
		var replicas [2]*authz.Keys
		var rotations sync.WaitGroup
		for i := range replicas {
			var err error
			replicas[i], err = authz.LoadKeys(dir, now)
			must(t, err)
		}
		for _, r := range replicas {
			rotations.Go(func() {
				if err := r.Rotate(time.Minute); err != nil && !errors.Is(err, authz.ErrKeyWaiting) {
					t.Error(err)
				}
			})
		}
		rotations.Wait()
		for _, r := range replicas {
			_, err := r.Refresh()
			must(t, err)
			if len(r.List()) != 2 {
				t.Fatalf("%d keys", len(r.List()))
			}
		}
	}
}

// Emergency: what others may have signs and verifies nothing from then on.
func TestReplace_endsEverythingTheOldKeySigned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	old := f.tokenFor(t)
	if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: old}); err != nil {
		t.Fatal(err) // it is among the proven ones now
	}
	other, err := authz.LoadKeys(f.dir, func() time.Time { return f.now })
	must(t, err)
	must(t, other.Rotate(time.Hour))
	must(t, other.Replace())
	changed, err := f.keys.Refresh()
	if !changed || err != nil {
		t.Fatal(changed, err)
	}
	f.store.lookups = 0
	f.refused(t, "a token of the key that was replaced", old)
	if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: f.tokenFor(t)}); err != nil || f.published(t) != 1 {
		t.Errorf("a token of the new key: %v, %d published", err, f.published(t))
	}
}

// A server goes on with the keys it has when a file is not one.
func TestRefresh_keepsWhatItHas(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.tokenFor(t)
	path := filepath.Join(f.dir, "keys", "token-0002.pem")
	for name, content := range map[string]string{
		"half a copy":   "-----BEGIN PRIVATE KEY-----\nMIGH",
		"another time":  "-----BEGIN PRIVATE KEY-----\nSigns-From: tomorrow\n\nAAAA\n-----END PRIVATE KEY-----\n",
		"nothing":       "",
		"a public key":  "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"other headers": "-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END PRIVATE KEY-----\n",
	} {
		must(t, os.WriteFile(path, []byte(content), 0o600))
		if changed, err := f.keys.Refresh(); changed || err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: changed %v, %v", name, changed, err)
		}
		if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: token}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, os.Remove(path))
	must(t, os.Remove(filepath.Join(f.dir, "keys", "token-0001.pem")))
	if changed, err := f.keys.Refresh(); changed || err == nil {
		t.Errorf("without any file: changed %v, %v", changed, err)
	}
	if _, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: token}); err != nil {
		t.Error(err)
	}
}

func TestRotate_refusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, lead := range []time.Duration{0, -time.Hour, authz.MinKeyLead - 1, authz.MaxKeyLead + 1} {
		if f.keys.Rotate(lead) == nil {
			t.Errorf("a lead of %v was taken", lead)
		}
	}
	must(t, f.keys.Rotate(time.Hour))
	if err := f.keys.Rotate(time.Hour); !errors.Is(err, authz.ErrKeyWaiting) || len(f.keys.List()) != 2 {
		t.Errorf("a second rotation while one is under way: %v", err)
	}
}
