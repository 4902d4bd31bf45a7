package authz_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"sync"
	"testing"
)

// testRSA is made once: RSA keys are slow to find.
var testRSA = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func b64bytes(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func ecJWK(t testing.TB, key *ecdsa.PublicKey, kid string) map[string]any {
	t.Helper()
	point, err := key.Bytes()
	must(t, err)
	return map[string]any{"kty": "EC", "crv": "P-256", "kid": kid, "x": b64bytes(point[1:33]), "y": b64bytes(point[33:])}
}

func rsaJWK(key *rsa.PublicKey, kid string) map[string]any {
	e := big.NewInt(int64(key.E)).Bytes()
	return map[string]any{"kty": "RSA", "kid": kid, "alg": "PS256", "n": b64bytes(key.N.Bytes()), "e": b64bytes(e)}
}

func edJWK(key ed25519.PublicKey, kid string) map[string]any {
	return map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64bytes(key)}
}

func keySet(t testing.TB, keys ...map[string]any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	must(t, err)
	return string(text)
}
