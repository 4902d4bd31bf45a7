package authz_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"countersign/authz"
	"countersign/internal/errs"
)

func TestCheckKeySet_storesPublicMembersWithIDs(t *testing.T) {
	t.Parallel()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	nameless := edJWK(public, "")
	delete(nameless, "kid")
	nameless["x-note"] = "dropped"
	stored, err := authz.CheckKeySet(keySet(t, nameless, rsaJWK(&testRSA().PublicKey, "r"), ecJWK(t, &newECKey(t).PublicKey, "e")))
	must(t, err)
	var set struct{ Keys []map[string]any }
	must(t, json.Unmarshal([]byte(stored), &set))
	if len(set.Keys) != 3 || len(set.Keys[0]["kid"].(string)) != 43 || set.Keys[0]["x-note"] != nil {
		t.Errorf("got %s", stored)
	}
	again, err := authz.CheckKeySet(stored)
	must(t, err)
	if again != stored {
		t.Errorf("reading it back changes it: %s", again)
	}
}

// The RFC's own example (RFC 7638 section 3.1).
func TestCheckKeySet_thumbprintOfTheRFC(t *testing.T) {
	t.Parallel()
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	stored, err := authz.CheckKeySet(`{"keys":[{"kty":"RSA","n":"` + n + `","e":"AQAB"}]}`)
	must(t, err)
	if !strings.Contains(stored, `"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"`) {
		t.Errorf("got %s", stored)
	}
}

func TestCheckKeySet_refuses(t *testing.T) {
	t.Parallel()
	ec := func(changes map[string]any) string {
		return `{"keys":[` + object(t, ecJWK(t, &newECKey(t).PublicKey, "k"), changes) + `]}`
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	one := ecJWK(t, &newECKey(t).PublicKey, "k")
	many := make([]map[string]any, 21)
	for i := range many {
		many[i] = ecJWK(t, &newECKey(t).PublicKey, "k"+string(rune('a'+i)))
	}
	for name, text := range map[string]string{
		"no JSON":              "hello",
		"no keys":              `{}`,
		"empty":                `{"keys":[]}`,
		"list":                 `[]`,
		"duplicate member":     `{"keys":[],"keys":[]}`,
		"a key that is no key": `{"keys":["x"]}`,
		"21 keys":              keySet(t, many...),
		"64 KiB":               `{"keys":[],"x":"` + strings.Repeat("x", 64<<10) + `"}`,
		"one id twice":         keySet(t, one, ecJWK(t, &newECKey(t).PublicKey, "k")),
		"private EC":           ec(map[string]any{"d": "AAAA"}),
		"private in capitals":  ec(map[string]any{"D": "AAAA"}),
		"secret":               `{"keys":[{"kty":"oct","k":"AAAA","kid":"k"}]}`,
		"for encryption":       ec(map[string]any{"use": "enc"}),
		"only to sign":         ec(map[string]any{"key_ops": []string{"sign"}}),
		"other algorithm":      ec(map[string]any{"alg": "ES384"}),
		"HMAC on an EC key":    ec(map[string]any{"alg": "HS256"}),
		"other curve":          ec(map[string]any{"crv": "P-384"}),
		"secp256k1":            ec(map[string]any{"crv": "secp256k1"}),
		"not on the curve":     ec(map[string]any{"x": strings.Repeat("A", 43)}),
		"short coordinate":     ec(map[string]any{"y": "AAAA"}),
		"padded coordinate":    ec(map[string]any{"y": strings.Repeat("A", 43) + "="}),
		"kid with a slash":     ec(map[string]any{"kid": "a/b"}),
		"kid too long":         ec(map[string]any{"kid": strings.Repeat("k", 65)}),
		"kid as number":        ec(map[string]any{"kid": 5}),
		"RSA of 1024 bits":     keySet(t, rsaJWK(&short.PublicKey, "r")),
		"RSA with e 3":         keySet(t, rsaJWK(&rsa.PublicKey{N: testRSA().N, E: 3}, "r")),
		"RSA for RS256":        strings.Replace(keySet(t, rsaJWK(&testRSA().PublicKey, "r")), "PS256", "RS256", 1),
		"short Ed25519":        keySet(t, edJWK(make([]byte, 31), "o")),
	} {
		_, err := authz.CheckKeySet(text)
		if !errors.Is(err, authz.ErrKeySet) || errs.KindOf(err) != errs.Invalid || len(errs.From(err).Detail) < 30 {
			t.Errorf("%s: got %v, want a refusal with a sentence", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%s: the refusal echoes the key: %v", name, err)
		}
	}
}
