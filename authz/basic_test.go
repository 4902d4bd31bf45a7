package authz_test

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/models"
)

// exchangeBasic asks for a token with this Authorization header.
func (f *fixture) exchangeBasic(authorization string) error {
	_, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{Form: form(), Authorization: authorization})
	return err
}

// Row B1: both halves are form-urlencoded inside the base64 (RFC 6749 section
// 2.3.1). The literals are what golang.org/x/oauth2 and oauth4webapi send for
// client acme:oem/1 and a secret with every awkward character.
func TestBasic_decodesFormEncodedCredentials(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p0 := f.store.clients[basicID]
	f.store.clients["acme:oem/1"] = p0
	p0.digests = [][]byte{f.secrets.Digest("s3cr+t/ %:é")}
	encoded := base64.StdEncoding.EncodeToString([]byte("acme%3Aoem%2F1:s3cr%2Bt%2F+%25%3A%C3%A9"))
	for _, scheme := range []string{"Basic ", "basic ", "BASIC "} {
		if err := f.exchangeBasic(scheme + encoded); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestBasic_refusesMalformedHeaders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	enc := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, header := range map[string]string{
		"no base64":         "Basic ?",
		"raw url alphabet":  "Basic " + base64.URLEncoding.EncodeToString([]byte("a:???")),
		"no colon":          enc("abc"),
		"bad percent":       enc("a%zz:b"),
		"empty id":          enc(":" + f.secret),
		"empty secret":      enc(string(basicID) + ":"),
		"no space":          "Basic",
		"other scheme":      "Digest abc",
		"two spaces":        "Basic  " + strings.TrimPrefix(basic(string(basicID), f.secret), "Basic "),
		"unfinished base64": strings.TrimRight(enc("a:bc"), "="),
	} {
		t.Log(name)
		refusal(t, f.exchangeBasic(header), "invalid_client")
	}
	if f.store.lookups != 0 {
		t.Errorf("malformed headers cost %d look-ups", f.store.lookups)
	}
	f.store.untouched(t)
}

// Row B4: two secrets are valid during a rotation; without the old one's digest
// only the old one fails.
func TestBasic_twoSecretsDuringRotation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	next, digest := f.secrets.NewSecret()
	entry := f.store.clients[basicID]
	entry.digests = append(entry.digests, digest)
	for _, secret := range []string{f.secret, next} {
		must(t, f.exchangeBasic(basic(string(basicID), secret)))
	}
	entry.digests = entry.digests[1:]
	must(t, f.exchangeBasic(basic(string(basicID), next)))
	refusal(t, f.exchangeBasic(basic(string(basicID), f.secret)), "invalid_client")
}

// Row B3: the padding of the comparison is no digest of anything.
func TestBasic_paddingOfTheComparisonIsNeverAMatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.store.clients[basicID].digests = [][]byte{nil, {}, make([]byte, 32)}
	refusal(t, f.exchangeBasic(basic(string(basicID), f.secret)), "invalid_client")
}

// Row B2: 256 bits, shown once, stored as a digest under a pepper that lies
// outside the database.
func TestSecrets_areLongDistinctAndPeppered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, digestA := f.secrets.NewSecret()
	b, digestB := f.secrets.NewSecret()
	if a == b || string(digestA) == string(digestB) || len(digestA) != 32 {
		t.Fatal("two secrets are the same or a digest is short")
	}
	random, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(a, "cs_"))
	if err != nil || len(random) != 32 || !strings.HasPrefix(a, "cs_") {
		t.Errorf("%q is not cs_ and 32 bytes", a)
	}
	again, err := authz.LoadSecrets(f.dir)
	must(t, err)
	if string(again.Digest(a)) != string(digestA) {
		t.Error("the pepper did not survive a restart")
	}
	elsewhere, err := authz.LoadSecrets(t.TempDir())
	must(t, err)
	if string(elsewhere.Digest(a)) == string(digestA) {
		t.Error("the digest does not depend on the pepper")
	}
}

func TestLoadSecrets_refusesADamagedPepper(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "00", "zz", strings.Repeat("0", 62)} {
		dir := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(dir, "keys"), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, "keys", "client-secret-pepper"), []byte(content), 0o600))
		if _, err := authz.LoadSecrets(dir); err == nil || !strings.Contains(err.Error(), "client-secret-pepper") {
			t.Errorf("%q: got %v, want an error that names the file", content, err)
		}
	}
}

func TestBasic_suspendedBetweenTwoRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	must(t, f.exchangeBasic(basic(string(basicID), f.secret)))
	f.store.clients[basicID].standing.Client.State = models.ClientFrozen
	refusal(t, f.exchangeBasic(basic(string(basicID), f.secret)), "invalid_client")
}

// Whatever is wrong with a secret, its refusal is held back for the same time; nothing else is.
func TestBasic_refusalsAreHeldBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, authorization := range map[string]string{
		"wrong secret":   basic(string(basicID), "wrong"),
		"unknown client": basic(string(strangerID), f.secret),
		"other method":   basic(string(keyedID), f.secret),
	} {
		before := f.paused.Load()
		if err := f.exchangeBasic(authorization); err == nil {
			t.Errorf("%s is accepted", name)
		}
		if held := f.paused.Load() - before; held != int64(10*time.Millisecond) {
			t.Errorf("%s: held back for %s", name, time.Duration(held))
		}
	}
	before := f.paused.Load()
	must(t, f.exchangeBasic(basic(string(basicID), f.secret)))
	if err := f.exchangeAssertion("no assertion"); err == nil {
		t.Error("no assertion is accepted")
	}
	if f.paused.Load() != before {
		t.Error("what cannot be guessed is held back")
	}
}
