package authz

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// Purpose is what a key signs. One key has one purpose: what was signed as a receipt
// can then never be taken for a token, whatever a reader forgets to look at.
type Purpose string

// The purposes. The key files of one are PURPOSE-NNNN.pem (PKCS #8, EC P-256). The
// highest number signs; all of them verify.
const (
	PurposeToken   Purpose = "token"
	PurposeLedger  Purpose = "ledger"  // checkpoints of the ledger
	PurposeReceipt Purpose = "receipt" // receipts about consent
)

// keyID is the kid of a key: its RFC 7638 thumbprint, and in front of it the purpose
// if the key does not sign tokens.
func (p Purpose) keyID(thumbprint string) string {
	if p == PurposeToken {
		return thumbprint
	}
	return string(p) + "." + thumbprint
}

// Keys are the server's own signing keys for one purpose. They are read once; a Keys
// never changes and is safe for concurrent use.
type Keys struct {
	purpose   Purpose
	signing   *ecdsa.PrivateKey
	signingID string
	byID      map[string]verifyKey
	published []jwk
}

// LoadKeys reads the keys for tokens; see LoadKeysFor.
func LoadKeys(dataDir string) (*Keys, error) { return LoadKeysFor(dataDir, PurposeToken) }

// LoadKeysFor reads the signing keys of a purpose below the data directory and
// creates the first one if there is none. Every replica must see the same files.
// Errors name the file and what to do.
func LoadKeysFor(dataDir string, purpose Purpose) (*Keys, error) {
	folder, err := prepareKeyFolder(dataDir)
	if err != nil {
		return nil, err
	}
	paths, err := keyFiles(folder, purpose)
	if err != nil {
		return nil, err
	}
	keys := &Keys{purpose: purpose, byID: make(map[string]verifyKey, len(paths))}
	for _, path := range paths {
		public, err := keys.add(path)
		if err != nil {
			return nil, err
		}
		keys.published = append(keys.published, public)
	}
	return keys, nil
}

// keyFiles lists the key files in ascending order, at least one.
func keyFiles(folder string, purpose Purpose) ([]string, error) {
	pattern := filepath.Join(folder, string(purpose)+"-*.pem")
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) > 0 {
		slices.Sort(paths)
		return paths, err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("write a signing key: %w", err)
	}
	content := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := createOnce(filepath.Join(folder, string(purpose)+"-0001.pem"), content); err != nil {
		return nil, err
	}
	return filepath.Glob(pattern)
}

// add takes one key file; the last one added signs.
func (k *Keys) add(path string) (jwk, error) {
	private, err := readPrivateKey(path)
	if err != nil {
		return jwk{}, err
	}
	public, err := newJWK(&private.PublicKey)
	if err != nil {
		return jwk{}, fmt.Errorf("%s: %w", path, err)
	}
	thumbprint, err := public.thumbprint()
	if err != nil {
		return jwk{}, fmt.Errorf("%s: %w", path, err)
	}
	id := k.purpose.keyID(thumbprint)
	if _, twice := k.byID[id]; twice {
		return jwk{}, fmt.Errorf("%s holds the same key as another file: remove one of them", path)
	}
	public.Kid, public.Use = id, "sig"
	k.byID[id] = verifyKey{id: id, alg: algES256, public: &private.PublicKey}
	k.signing, k.signingID = private, id
	return public, nil
}

func readPrivateKey(path string) (*ecdsa.PrivateKey, error) {
	content, err := readSecretFile(path)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(content)
	if block == nil || block.Type != "PRIVATE KEY" || len(rest) > 0 {
		return nil, fmt.Errorf("%s is not one PEM block of type PRIVATE KEY: restore it from a backup or remove it", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s is not a PKCS #8 key: restore it from a backup or remove it", path)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%s is not an EC key on P-256, which ES256 needs: remove it", path)
	}
	return private, nil
}

// JWKS returns the JSON Web Key Set (RFC 7517 section 5) to publish: every key
// that verifies, public members only.
func (k *Keys) JWKS() []byte { return JWKSOf(k) }

// JWKSOf returns one key set of keys for several purposes.
func JWKSOf(keys ...*Keys) []byte {
	set := struct {
		Keys []jwk `json:"keys"`
	}{[]jwk{}}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.published...)
	}
	out, err := json.Marshal(set)
	if err != nil { // a jwk is strings
		panic(err)
	}
	return out
}

// Sign returns the claims as a compact JWS (RFC 7515) under ES256. typ keeps
// the purposes apart: whoever verifies must insist on the one it expects.
func (k *Keys) Sign(typ string, claims any) (string, error) {
	head, err := json.Marshal(header{Alg: algES256, Typ: typ, Kid: k.signingID})
	if err != nil {
		return "", fmt.Errorf("write the header: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	text := encode(head) + "." + encode(payload)
	signature, err := jwt.SigningMethodES256.Sign(text, k.signing)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return text + "." + encode(signature), nil
}

// find returns the key a kid names. The kid is a key of this map and nothing
// else: never a file name, a URL or part of a query.
func (k *Keys) find(kid string) (verifyKey, bool) {
	if !validKeyID(kid) {
		return verifyKey{}, false
	}
	key, ok := k.byID[kid]
	return key, ok
}
