package authz

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/json"
	"math/big"
	"slices"
	"testing"
)

// The classes of invalid signatures and keys below are those of Project Wycheproof's
// JSON Web Signature vectors (C2SP/wycheproof, testvectors_v1), made anew for each run.
const signedText = "eyJhbGciOiJ4In0.Zm9v"

func fixed32(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }

func TestVectors_es256(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	key := verifyKey{alg: algES256, public: &private.PublicKey}
	digest := sha256.Sum256([]byte(signedText))
	r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
	noError(t, err)
	good := append(fixed32(r), fixed32(s)...)
	noError(t, key.check(jws{signed: signedText, signature: good}))

	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	noError(t, err)
	longer := sha512.Sum384([]byte(signedText))
	r384, s384, err := ecdsa.Sign(rand.Reader, private, longer[:])
	noError(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	noError(t, err)
	n := elliptic.P256().Params().N
	zero, one := make([]byte, 32), fixed32(big.NewInt(1))
	refuseAll(t, key, map[string][]byte{
		"empty": {}, "DER": der, "truncated": good[:63], "a byte more": append(slices.Clone(good), 0), "a zero in front": append([]byte{0}, good...),
		"r is 0": slices.Concat(zero, fixed32(s)), "s is 0": slices.Concat(fixed32(r), zero), "both are 0": make([]byte, 64),
		"r is 1": slices.Concat(one, fixed32(s)), "s is 1": slices.Concat(fixed32(r), one), "both are 1": slices.Concat(one, one),
		"r is n": slices.Concat(fixed32(n), fixed32(s)), "s is n": slices.Concat(fixed32(r), fixed32(n)), "r is 0, s is n": slices.Concat(zero, fixed32(n)),
		"r and s swapped": slices.Concat(fixed32(s), fixed32(r)), "only r": fixed32(r), "all ones": slices.Repeat([]byte{0xff}, 64),
		"r plus n in 33 bytes each": slices.Concat(new(big.Int).Add(r, n).FillBytes(make([]byte, 33)), s.FillBytes(make([]byte, 33))),
		"SHA-384":                   slices.Concat(fixed32(r384), fixed32(s384)), "a bit flipped": flipped(good, 10), "another bit flipped": flipped(good, 50),
		"96 bytes, as ES384 has": slices.Repeat([]byte{1}, 96),
	})
	if (verifyKey{alg: algES256, public: &p384.PublicKey}).check(jws{signed: signedText, signature: good}) == nil {
		t.Error("a key on another curve verified")
	}
	if key.check(jws{signed: signedText + "A", signature: good}) == nil {
		t.Error("another text verified")
	}
}

func TestVectors_ps256(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	noError(t, err)
	key := verifyKey{alg: algPS256, public: &private.PublicKey}
	digest, longer := sha256.Sum256([]byte(signedText)), sha512.Sum384([]byte(signedText))
	pss := func(salt int) []byte {
		signature, err := rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: salt})
		noError(t, err)
		return signature
	}
	good := pss(32)
	noError(t, key.check(jws{signed: signedText, signature: good}))
	pkcs1, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
	noError(t, err)
	ps384, err := rsa.SignPSS(rand.Reader, private, crypto.SHA384, longer[:], &rsa.PSSOptions{SaltLength: 48})
	noError(t, err)
	above := new(big.Int).Add(new(big.Int).SetBytes(good), private.N)
	refuseAll(t, key, map[string][]byte{
		"empty": {}, "salt of 0": pss(0), "salt of 20": pss(20), "salt of 31": pss(31), "salt of 33": pss(33), "the longest salt": pss(rsa.PSSSaltLengthAuto),
		"RS256": pkcs1, "PS384": ps384, "truncated": good[:255], "a byte more": append(slices.Clone(good), 0), "a zero in front": append([]byte{0}, good...),
		"0": make([]byte, 256), "1": append(make([]byte, 255), 1), "n": private.N.Bytes(), "plus n": above.Bytes(), "a bit flipped": flipped(good, 100),
	})
}

func TestVectors_ed25519(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	noError(t, err)
	key := verifyKey{alg: algEdDSA, public: public}
	good := ed25519.Sign(private, []byte(signedText))
	noError(t, key.check(jws{signed: signedText, signature: good}))
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(good[32:])
	slices.Reverse(s)
	above := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(above)
	hashed, err := private.Sign(rand.Reader, sum512(signedText), &ed25519.Options{Hash: crypto.SHA512})
	noError(t, err)
	refuseAll(t, key, map[string][]byte{
		"empty": {}, "truncated": good[:63], "a byte more": append(slices.Clone(good), 0), "S plus the order": slices.Concat(good[:32], above),
		"0": make([]byte, 64), "S is 0": slices.Concat(good[:32], make([]byte, 32)), "all ones": slices.Repeat([]byte{0xff}, 64),
		"Ed25519ph": hashed, "R and S swapped": slices.Concat(good[32:], good[:32]), "a bit flipped": flipped(good, 3),
	})
}

// Keys that must not verify anything: meant for something else, weak, or not what they say.
func TestVectors_keys(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	noError(t, err)
	ec, err := newJWK(&private.PublicKey)
	noError(t, err)
	big1024, err := newJWK(&small.PublicKey)
	noError(t, err)
	change := func(of jwk, members map[string]any) []byte {
		text, err := json.Marshal(of)
		noError(t, err)
		all := map[string]any{}
		noError(t, json.Unmarshal(text, &all))
		for name, value := range members {
			if all[name] = value; value == nil {
				delete(all, name)
			}
		}
		text, err = json.Marshal(all)
		noError(t, err)
		return text
	}
	if _, err := readKey(change(ec, map[string]any{"key_ops": []string{"verify"}, "use": "sig"})); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"use enc": change(ec, map[string]any{"use": "enc"}), "key_ops sign": change(ec, map[string]any{"key_ops": []string{"sign"}}),
		"key_ops encrypt": change(ec, map[string]any{"key_ops": []string{"encrypt", "decrypt"}}), "key_ops in capitals": change(ec, map[string]any{"key_ops": []string{"VERIFY"}}),
		"alg of another curve": change(ec, map[string]any{"alg": "ES384"}), "alg HS256": change(ec, map[string]any{"alg": "HS256"}), "alg none": change(ec, map[string]any{"alg": "none"}),
		"another curve's name": change(ec, map[string]any{"crv": "P-384"}), "secp256k1": change(ec, map[string]any{"crv": "secp256k1"}), "no curve": change(ec, map[string]any{"crv": nil}),
		"not on the curve": change(ec, map[string]any{"y": ec.X}), "x of 31 bytes": change(ec, map[string]any{"x": encode(make([]byte, 31))}),
		"the point at infinity": change(ec, map[string]any{"x": encode(make([]byte, 32)), "y": encode(make([]byte, 32))}), "padded": change(ec, map[string]any{"x": ec.X + "="}),
		"kty RSA": change(ec, map[string]any{"kty": "RSA"}), "kty ec": change(ec, map[string]any{"kty": "ec"}), "oct": []byte(`{"kty":"oct","k":"AAAA"}`),
		"RSA of 1024 bits": change(big1024, nil), "RSA alg RS256": change(big1024, map[string]any{"alg": "RS256"}),
		"e is 1": change(big1024, map[string]any{"e": encode([]byte{1})}), "e is 3": change(big1024, map[string]any{"e": encode([]byte{3})}),
		"private": change(ec, map[string]any{"d": "AAAA"}), "two x": []byte(`{"kty":"EC","crv":"P-256","x":"` + ec.X + `","x":"` + ec.X + `","y":"` + ec.Y + `"}`),
	} {
		if _, err := readKey(text); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func refuseAll(t *testing.T, key verifyKey, signatures map[string][]byte) {
	t.Helper()
	for name, signature := range signatures {
		if key.check(jws{signed: signedText, signature: signature}) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func flipped(signature []byte, at int) []byte {
	out := slices.Clone(signature)
	out[at] ^= 4
	return out
}

func sum512(text string) []byte {
	sum := sha512.Sum512([]byte(text))
	return sum[:]
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
