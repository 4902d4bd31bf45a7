package authz

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// clientAssertionType is the typ RFC 7523bis names for client assertions.
const clientAssertionType = "client-authentication+jwt"

// clientAssertionLife is how long an assertion of ours lives: it is used at once.
const clientAssertionLife = time.Minute

// ClientKey is the private key of an OAuth client, for the side that
// authenticates. The server never holds one.
type ClientKey struct {
	id      string
	private crypto.Signer
	public  jwk
}

// NewClientKey makes a key (EC P-256) and returns it as PEM, PKCS #8.
func NewClientKey() ([]byte, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("write a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParseClientKey reads one private key from PEM: PKCS #8, SEC 1 or PKCS #1 with
// EC P-256, Ed25519 or RSA. keyID is the kid it was registered under; empty means
// its RFC 7638 thumbprint, which the server gives to keys without one.
func ParseClientKey(text []byte, keyID string) (*ClientKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the key is not in PEM form")
	}
	private, err := parsePrivate(block)
	if err != nil {
		return nil, err
	}
	public, err := newJWK(private.Public())
	if err != nil {
		return nil, fmt.Errorf("the key cannot be used: %w", err)
	}
	if _, err := public.public(); err != nil {
		return nil, fmt.Errorf("the key cannot be used: %w", err)
	}
	if keyID == "" {
		if keyID, err = public.thumbprint(); err != nil {
			return nil, err
		}
	}
	public.Kid, public.Use = keyID, "sig"
	return &ClientKey{id: keyID, private: private, public: public}, nil
}

func parsePrivate(block *pem.Block) (crypto.Signer, error) {
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("the PEM block is of type %s; a PRIVATE KEY without passphrase is needed", block.Type)
	}
	private, ok := parsed.(crypto.Signer)
	if err != nil || !ok {
		return nil, errors.New("the PEM block does not hold a private key that can be read")
	}
	return private, nil
}

// JWKS returns the public half as a JSON Web Key Set, to register with the operator.
func (k *ClientKey) JWKS() ([]byte, error) {
	return json.Marshal(struct {
		Keys []jwk `json:"keys"`
	}{[]jwk{k.public}})
}

// Assertion makes a client assertion (RFC 7523 section 3) for one use: audience is
// the issuer of the server, id a jti that was never used before.
func (k *ClientKey) Assertion(client, audience, id string, now time.Time) (string, error) {
	return k.compact(header{Alg: k.public.Alg, Typ: clientAssertionType, Kid: k.id}, struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		ID       string `json:"jti"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{client, client, audience, id, now.Unix(), now.Add(clientAssertionLife).Unix()})
}

// Proof makes a proof that the sender of a request holds the key (DPoP, RFC 9449 section 4):
// method and address of the request, the access token that goes with it or empty, the nonce
// the server gave or empty, and a jti that was never used before.
func (k *ClientKey) Proof(method, address, token, nonce, id string, now time.Time) (string, error) {
	bare := k.public
	bare.Kid, bare.Use, bare.Alg = "", "", ""
	claims := struct {
		ID        string `json:"jti"`
		Method    string `json:"htm"`
		URL       string `json:"htu"`
		IssuedAt  int64  `json:"iat"`
		TokenHash string `json:"ath,omitempty"`
		Nonce     string `json:"nonce,omitempty"`
	}{id, method, address, now.Unix(), "", nonce}
	if token != "" {
		claims.TokenHash = digestOf([]byte(token))
	}
	return k.compact(struct {
		Alg string `json:"alg"`
		Typ string `json:"typ"`
		JWK jwk    `json:"jwk"`
	}{k.public.Alg, proofType, bare}, claims)
}

// compact signs a header and claims.
func (k *ClientKey) compact(header, claims any) (string, error) {
	head, err := json.Marshal(header)
	if err != nil {
		return "", fmt.Errorf("write the header: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	text := encode(head) + "." + encode(payload)
	signature, err := k.sign(text)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return text + "." + encode(signature), nil
}

func (k *ClientKey) sign(text string) ([]byte, error) {
	switch key := k.private.(type) {
	case *ecdsa.PrivateKey:
		return jwt.SigningMethodES256.Sign(text, key)
	case ed25519.PrivateKey:
		return jwt.SigningMethodEdDSA.Sign(text, key)
	case *rsa.PrivateKey:
		return jwt.SigningMethodPS256.Sign(text, key)
	}
	return nil, fmt.Errorf("%T is not a kind of key in use here", k.private)
}

// String hides the key from %v.
func (k *ClientKey) String() string { return "client key " + k.id }

// GoString hides the key from %#v.
func (k *ClientKey) GoString() string { return k.String() }
