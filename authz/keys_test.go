package authz_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/authz"
)

// writeKey puts a key file where the server looks.
func writeKey(t *testing.T, dir, name string, key any) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	content := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	must(t, os.MkdirAll(filepath.Join(dir, "keys"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "keys", name), content, 0o600))
}

func TestLoadKeys_createsOneKeyThatNobodyElseReads(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first, err := authz.LoadKeys(dir, time.Now)
	must(t, err)
	if _, err := authz.LoadSecrets(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "keys"))
	must(t, err)
	names := []string{}
	for _, entry := range entries {
		info, err := entry.Info()
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
		names = append(names, entry.Name())
	}
	if got := strings.Join(names, " "); got != "client-secret-pepper token-0001.pem" {
		t.Errorf("files: %s", got)
	}
	again, err := authz.LoadKeys(dir, time.Now)
	must(t, err)
	if string(first.JWKS()) != string(again.JWKS()) {
		t.Error("a restart changed the key")
	}
}

func TestLoadKeys_startedTwiceAtOnceAgreeOnOneKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sets, peppered := make([]string, 8), make([]string, 8)
	var wg sync.WaitGroup
	for i := range sets {
		wg.Go(func() {
			keys, err := authz.LoadKeys(dir, time.Now)
			if err != nil {
				t.Error(err)
				return
			}
			secrets, err := authz.LoadSecrets(dir)
			if err != nil {
				t.Error(err)
				return
			}
			sets[i], peppered[i] = string(keys.JWKS()), string(secrets.Digest("x"))
		})
	}
	wg.Wait()
	for i := range sets {
		if sets[i] != sets[0] || peppered[i] != peppered[0] {
			t.Fatalf("two starts disagree: %s and %s", sets[0], sets[i])
		}
	}
}

func TestLoadKeys_newestSignsAndAllVerify(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	old := f.tokenFor(t)
	writeKey(t, f.dir, "token-0002.pem", newECKey(t))
	keys, err := authz.LoadKeys(f.dir, time.Now)
	must(t, err)
	now := func() time.Time { return f.now }
	verifier, err := authz.NewVerifier(f.site, keys, f.store, f.nonces, now)
	must(t, err)
	if _, err := verifier.Verify(context.Background(), authz.Presentation{Token: old}); err != nil {
		t.Errorf("a token of the older key: %v", err)
	}
	signed, err := keys.Sign("at+jwt", tokenClaims())
	must(t, err)
	if _, err := verifier.Verify(context.Background(), authz.Presentation{Token: signed}); err != nil {
		t.Errorf("a token of the newest key: %v", err)
	}
	f.store.lookups = 0
	f.refused(t, "a key this verifier does not hold", signed)
	must(t, os.Remove(filepath.Join(f.dir, "keys", "token-0001.pem")))
	keys, err = authz.LoadKeys(f.dir, time.Now)
	must(t, err)
	f.verifier, err = authz.NewVerifier(f.site, keys, f.store, f.nonces, now)
	must(t, err)
	f.refused(t, "a key that was removed", old)
}

// Row G4: public members only, sig, alg, distinct ids that are RFC 7638 thumbprints.
func TestJWKS_publishesPublicMembersOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	writeKey(t, f.dir, "token-0002.pem", newECKey(t))
	keys, err := authz.LoadKeys(f.dir, time.Now)
	must(t, err)
	var set struct{ Keys []map[string]string }
	must(t, json.Unmarshal(keys.JWKS(), &set))
	if len(set.Keys) != 2 || set.Keys[0]["kid"] == set.Keys[1]["kid"] {
		t.Fatalf("got %v, want two keys with two ids", set.Keys)
	}
	for _, key := range set.Keys {
		if key["use"] != "sig" || key["alg"] != "ES256" || key["kty"] != "EC" || key["crv"] != "P-256" {
			t.Errorf("got %v", key)
		}
		canonical := `{"crv":"P-256","kty":"EC","x":"` + key["x"] + `","y":"` + key["y"] + `"}`
		sum := sha256.Sum256([]byte(canonical))
		if key["kid"] != b64(string(sum[:])) {
			t.Errorf("kid %s is not the thumbprint of %s", key["kid"], canonical)
		}
		for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "oth"} {
			if _, there := key[name]; there {
				t.Errorf("the private member %s is published", name)
			}
		}
		if len(key) != 7 {
			t.Errorf("got members %v", key)
		}
	}
}

func TestLoadKeys_refusesUnusableFiles(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	write := func(content string, mode os.FileMode) func(string) {
		return func(dir string) {
			must(t, os.MkdirAll(filepath.Join(dir, "keys"), 0o700))
			path := filepath.Join(dir, "keys", "token-0002.pem")
			must(t, os.WriteFile(path, []byte(content), mode))
			must(t, os.Chmod(path, mode))
		}
	}
	for name, prepare := range map[string]func(dir string){
		"no PEM":            write("hello", 0o600),
		"empty":             write("", 0o600),
		"no PKCS #8":        write("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600),
		"readable for all":  write("hello", 0o644),
		"RSA":               func(dir string) { writeKey(t, dir, "token-0002.pem", testRSA()) },
		"P-384":             func(dir string) { writeKey(t, dir, "token-0002.pem", p384) },
		"the same key once": nil,
	} {
		dir := t.TempDir()
		if prepare == nil {
			key := newECKey(t)
			writeKey(t, dir, "token-0001.pem", key)
			writeKey(t, dir, "token-0002.pem", key)
		} else {
			prepare(dir)
		}
		if _, err := authz.LoadKeys(dir, time.Now); err == nil || !strings.Contains(err.Error(), "token-0002.pem") {
			t.Errorf("%s: got %v, want an error that names the file", name, err)
		}
	}
	if _, err := authz.LoadKeys("", time.Now); err == nil {
		t.Error("keys were loaded without a data directory")
	}
}
