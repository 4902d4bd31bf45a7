package e2e

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"countersign/authz"
	"countersign/internal/db"
	"countersign/internal/tlstest"
)

// Clients that others have written get tokens and use them, as their users would have them:
// installed from their packages, over TLS, with every way of proving themselves that the
// server offers.
func TestClientsOfOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	r := s.startSecure()
	p := newPeople(t, s)
	dir := t.TempDir()
	count := 0
	create := func(args ...string) (made credential) {
		t.Helper()
		count++
		s.admin(&made, append([]string{"client", "create", "--partner", p.partner, "--name", fmt.Sprint("client ", count)}, args...)...)
		return made
	}
	keyed := func(args ...string) map[string]string {
		t.Helper()
		text, err := authz.NewClientKey()
		noError(t, err)
		return s.keyed(t, dir, text, create, args...)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	noError(t, err)
	rsaPEM := privatePEM(t, rsaKey)
	certificate := s.keyed(t, dir, rsaPEM, create, "--legacy-for", "1h")
	certificate["thumbprint"] = thumbprintOf(t, rsaKey)
	plantCert, plantKey := r.plant.Issue("line3.plant.example")
	selfCert, selfKey := tlstest.NewAuthority(t, "line 4").Issue("line4.plant.example")
	secret, legacy := create(), create("--legacy-for", "1h")
	given := map[string]any{
		"issuer": r.plain, "mutual": r.mutual, "ca": r.servers.File,
		"secret": map[string]string{"id": secret.ID, "secret": secret.Secret}, "legacy": map[string]string{"id": legacy.ID, "secret": legacy.Secret},
		"keyed": keyed(), "strict": keyed("--profile", "strict"), "certificate": certificate,
		"line": map[string]string{"id": create("--tls-subject", "dns:line3.plant.example").ID, "cert": content(t, plantCert), "key": content(t, plantKey)},
		"self": map[string]string{"id": create("--certificates", selfCert).ID, "cert": content(t, selfCert), "key": content(t, selfKey)},
	}
	text, err := json.Marshal(given)
	noError(t, err)
	suite, err := filepath.Abs("../../tools/clients/suite.mjs")
	noError(t, err)
	cmd := exec.CommandContext(t.Context(), "node", suite)
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+r.servers.File, "NODE_NO_WARNINGS=1")
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s\nRun make setup: it installs Node and the packages of tools/clients.", err, out)
	}
	t.Logf("%s", out)
	t.Run("x/oauth2", func(t *testing.T) { tryGoClient(t, r, secret) })
}

// tryGoClient is how partners that write Go get tokens.
func tryGoClient(t *testing.T, r *secure, c credential) {
	ctx := t.Context()
	config := clientcredentials.Config{ClientID: c.ID, ClientSecret: c.Secret, TokenURL: r.plain + "/oauth2/token", Scopes: []string{"devices.read"}}
	cl := config.Client(context.WithValue(ctx, oauth2.HTTPClient, r.showing(t, "", "")))
	res, err := cl.Get(r.plain + "/v1/uploads")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("status %d", res.StatusCode)
	}
	config.ClientSecret += "x"
	if _, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, r.showing(t, "", ""))); err == nil {
		t.Error("a wrong secret gets a token")
	} else if refused := new(oauth2.RetrieveError); !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" {
		t.Errorf("a wrong secret: %v", err)
	}
}

// keyed makes a client with a key of its own.
func (s *site) keyed(t *testing.T, dir string, private []byte, create func(...string) credential, args ...string) map[string]string {
	t.Helper()
	key, err := authz.ParseClientKey(private, "")
	noError(t, err)
	jwks, err := key.JWKS()
	noError(t, err)
	file, err := os.CreateTemp(dir, "*.json")
	noError(t, err)
	_, err = file.Write(jwks)
	noError(t, err)
	noError(t, file.Close())
	var set struct{ Keys []struct{ Kid string } }
	noError(t, json.Unmarshal(jwks, &set))
	made := create(append([]string{"--jwks", file.Name()}, args...)...)
	return map[string]string{"id": made.ID, "key": string(private), "kid": set.Keys[0].Kid}
}

func privatePEM(t *testing.T, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	noError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// thumbprintOf is that of a certificate over a key, which Microsoft's library names it by.
func thumbprintOf(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	noError(t, err)
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	noError(t, err)
	return string(text)
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
