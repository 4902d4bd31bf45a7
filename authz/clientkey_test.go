package authz_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"countersign/authz"
)

func pkcs8(t *testing.T, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestClientKey_serverTakesItsAssertions(t *testing.T) {
	t.Parallel()
	fresh, err := authz.NewClientKey()
	must(t, err)
	ec := newECKey(t)
	sec1, err := x509.MarshalECPrivateKey(ec)
	must(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	for name, text := range map[string][]byte{
		"new":     fresh,
		"SEC 1":   pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}),
		"Ed25519": pkcs8(t, ed),
		"RSA":     pkcs8(t, big),
		"PKCS #1": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(big)}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			key, err := authz.ParseClientKey(text, "")
			must(t, err)
			jwks, err := key.JWKS()
			must(t, err)
			stored, err := authz.CheckKeySet(string(jwks))
			must(t, err)
			f.store.clients[keyedID].standing.Client.JWKS = &stored
			assertion, err := key.Assertion(string(keyedID), issuer, "jti-1", f.now)
			must(t, err)
			must(t, f.exchangeAssertion(assertion, "client_id", string(keyedID)))
			refusal(t, f.exchangeAssertion(assertion), "invalid_client") // it works once
			other, err := key.Assertion(string(keyedID), "https://other.example.com", "jti-2", f.now)
			must(t, err)
			refusal(t, f.exchangeAssertion(other), "invalid_client")
		})
	}
}

func TestClientKey_registeredUnderANameOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, err := authz.ParseClientKey(pkcs8(t, f.clientKey), "k1")
	must(t, err)
	assertion, err := key.Assertion(string(keyedID), issuer, "jti-1", f.now)
	must(t, err)
	must(t, f.exchangeAssertion(assertion))
}

func TestParseClientKey_refuses(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	public, err := x509.MarshalPKIXPublicKey(&p384.PublicKey)
	must(t, err)
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"no PEM":          {[]byte("hello"), "PEM"},
		"a public key":    {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), "PUBLIC KEY"},
		"garbage":         {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}}), "that can be read"},
		"another curve":   {pkcs8(t, p384), "P-256"},
		"a short RSA key": {pkcs8(t, small), "1024"},
	} {
		if _, err := authz.ParseClientKey(c.text, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error = %v, want it to name %q", name, err, c.want)
		}
	}
}

func TestClientKey_isNotPrinted(t *testing.T) {
	t.Parallel()
	text, err := authz.NewClientKey()
	must(t, err)
	key, err := authz.ParseClientKey(text, "plant-7")
	must(t, err)
	for _, format := range []string{"%v", "%+v", "%#v"} {
		if got := fmt.Sprintf(format, key); got != "client key plant-7" {
			t.Errorf("%s prints %q", format, got)
		}
	}
}

// The server takes the proofs of a client's key, of every kind.
func TestClientKey_serverTakesItsProofs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	text, err := authz.NewClientKey()
	must(t, err)
	key, err := authz.ParseClientKey(text, "line-3")
	must(t, err)
	nonce := f.nonces.Current(f.now)
	asked, err := key.Proof("POST", tokenURL, "", "", "one", f.now)
	must(t, err)
	response, err := f.ask(t, asked)
	must(t, err)
	for id, nonce := range map[string]string{"two": "", "three": nonce} {
		proof, err := key.Proof("GET", apiURL, response.AccessToken, nonce, id, f.now)
		must(t, err)
		if err := f.call(response.AccessToken, proof); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}
