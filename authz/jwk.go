package authz

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"

	"github.com/go-json-experiment/json"
)

// jwk is a JSON Web Key (RFC 7517) with the members we write and read. The
// private members are read only to be refused.
type jwk struct {
	Kty    string   `json:"kty"`
	Use    string   `json:"use,omitempty"`
	KeyOps []string `json:"key_ops,omitempty"`
	Alg    string   `json:"alg,omitempty"`
	Kid    string   `json:"kid,omitempty"`
	Crv    string   `json:"crv,omitempty"`
	X      string   `json:"x,omitempty"`
	Y      string   `json:"y,omitempty"`
	N      string   `json:"n,omitempty"`
	E      string   `json:"e,omitempty"`
}

// RSA keys shorter than minRSABits are refused by FAPI 2.0 section 5.4.1; longer
// than maxRSABits they only cost time.
const (
	minRSABits = 2048
	maxRSABits = 4096
)

// newJWK writes a public key. It fails only for a kind of key we never use.
func newJWK(public crypto.PublicKey) (jwk, error) {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil || key.Curve != elliptic.P256() {
			return jwk{}, fmt.Errorf("EC key is not on P-256")
		}
		return jwk{Kty: "EC", Crv: "P-256", Alg: algES256, X: encode(point[1:33]), Y: encode(point[33:65])}, nil
	case ed25519.PublicKey:
		return jwk{Kty: "OKP", Crv: "Ed25519", Alg: algEdDSA, X: encode(key)}, nil
	case *rsa.PublicKey:
		e := big.NewInt(int64(key.E))
		return jwk{Kty: "RSA", Alg: algPS256, N: encode(key.N.Bytes()), E: encode(e.Bytes())}, nil
	}
	return jwk{}, fmt.Errorf("%T is not a kind of key in use here", public)
}

func encode(b []byte) string { return strictEncoding.EncodeToString(b) }

// digestOf is a SHA-256 as JOSE writes it: x5t#S256 of a certificate (RFC 8705 section 3.1),
// ath of a token (RFC 9449 section 4.2), the thumbprint of a key.
func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return encode(sum[:])
}

// thumbprint is the key's RFC 7638 thumbprint: SHA-256 over the required members
// in lexical order. Field order of the anonymous structs is that order.
func (k jwk) thumbprint() (string, error) {
	var required any
	switch k.Kty {
	case "EC":
		required = struct {
			Crv string `json:"crv"`
			Kty string `json:"kty"`
			X   string `json:"x"`
			Y   string `json:"y"`
		}{k.Crv, k.Kty, k.X, k.Y}
	case "OKP":
		required = struct {
			Crv string `json:"crv"`
			Kty string `json:"kty"`
			X   string `json:"x"`
		}{k.Crv, k.Kty, k.X}
	default:
		required = struct {
			E   string `json:"e"`
			Kty string `json:"kty"`
			N   string `json:"n"`
		}{k.E, k.Kty, k.N}
	}
	text, err := json.Marshal(required)
	if err != nil {
		return "", err
	}
	return digestOf(text), nil
}

// public reads the key into its typed form with the algorithm it is bound to:
// the one its alg names, else the only one its type has here.
func (k jwk) public() (verifyKey, error) {
	key := verifyKey{id: k.Kid}
	var err error
	switch k.Kty + " " + k.Crv {
	case "EC P-256":
		key.alg = algES256
		key.public, err = k.ecdsa()
	case "OKP Ed25519":
		key.alg = algEdDSA
		key.public, err = k.ed25519()
	case "RSA ":
		key.alg = algPS256
		key.public, err = k.rsa()
	default:
		return verifyKey{}, fmt.Errorf("kty %q with crv %q is not accepted; use EC P-256, OKP Ed25519 or RSA", k.Kty, k.Crv)
	}
	if err != nil {
		return verifyKey{}, err
	}
	if k.Alg != "" && !key.signs(k.Alg) {
		return verifyKey{}, fmt.Errorf("alg %q is not accepted for this key; use %s", k.Alg, key.alg)
	}
	return key, nil
}

func (k jwk) ecdsa() (*ecdsa.PublicKey, error) {
	x, errX := strictEncoding.DecodeString(k.X)
	y, errY := strictEncoding.DecodeString(k.Y)
	if errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
		return nil, fmt.Errorf("x and y must be 32 bytes each in unpadded base64url")
	}
	point := append(append([]byte{4}, x...), y...)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, fmt.Errorf("x and y are not a point of P-256")
	}
	return key, nil
}

func (k jwk) ed25519() (ed25519.PublicKey, error) {
	x, err := strictEncoding.DecodeString(k.X)
	if err != nil || len(x) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("x must be 32 bytes in unpadded base64url")
	}
	return ed25519.PublicKey(x), nil
}

func (k jwk) rsa() (*rsa.PublicKey, error) {
	n, errN := strictEncoding.DecodeString(k.N)
	e, errE := strictEncoding.DecodeString(k.E)
	if errN != nil || errE != nil || len(e) > 4 {
		return nil, fmt.Errorf("n and e must be unpadded base64url, e at most 4 bytes")
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e).Int64()
	if bits := modulus.BitLen(); bits < minRSABits || bits > maxRSABits {
		return nil, fmt.Errorf("an RSA key must have %d to %d bits; this one has %d", minRSABits, maxRSABits, bits)
	}
	if exponent < 65537 || exponent%2 == 0 || exponent > 1<<31-1 || modulus.Bit(0) == 0 {
		return nil, fmt.Errorf("n must be odd and e an odd number from 65537 up to 2147483647")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent)}, nil
}
