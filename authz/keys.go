package authz

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// Purpose is what a key signs. One key has one purpose: what was signed as a receipt
// can then never be taken for a token, whatever a reader forgets to look at.
type Purpose string

// The purposes. The key files of one are PURPOSE-NNNN.pem (PKCS #8, EC P-256).
const (
	PurposeToken   Purpose = "token"
	PurposeLedger  Purpose = "ledger"  // checkpoints of the ledger
	PurposeReceipt Purpose = "receipt" // receipts about consent
	PurposeSignIn  Purpose = "sign-in" // our own client assertions at customers' identity providers
)

// Purposes lists all of them.
func Purposes() []Purpose {
	return []Purpose{PurposeToken, PurposeLedger, PurposeReceipt, PurposeSignIn}
}

// keyID is the kid of a key: its RFC 7638 thumbprint, and in front of it the purpose
// if the key does not sign tokens.
func (p Purpose) keyID(thumbprint string) string {
	if p == PurposeToken {
		return thumbprint
	}
	return string(p) + "." + thumbprint
}

// Keys are the server's own signing keys for one purpose, read from files. A file can say
// from when its key signs, so that it is published before: who verifies has it by then.
// The key before goes on verifying until what it signed has expired. Keys is safe for
// concurrent use; Refresh follows the files.
type Keys struct {
	folder  string
	purpose Purpose
	now     func() time.Time
	ring    atomic.Pointer[keyRing]
}

// LoadKeys reads the keys for tokens; see LoadKeysFor.
func LoadKeys(dataDir string, now func() time.Time) (*Keys, error) {
	return LoadKeysFor(dataDir, PurposeToken, now)
}

// LoadKeysFor reads the signing keys of a purpose below the data directory and
// creates the first one if there is none. Every replica must see the same files.
// Errors name the file and what to do.
func LoadKeysFor(dataDir string, purpose Purpose, now func() time.Time) (*Keys, error) {
	folder, err := prepareKeyFolder(dataDir)
	if err != nil {
		return nil, err
	}
	paths, err := keyFiles(folder, purpose)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		if err := createKey(folder, purpose, 1, time.Time{}); err != nil {
			return nil, err
		}
	}
	k := &Keys{folder: folder, purpose: purpose, now: now}
	if _, err := k.Refresh(); err != nil {
		return nil, err
	}
	return k, nil
}

// Refresh reads the key files again if they are others than before, and reports whether
// they were. What cannot be read changes nothing: a server goes on with the keys it has.
func (k *Keys) Refresh() (changed bool, err error) {
	paths, err := keyFiles(k.folder, k.purpose)
	if err != nil {
		return false, err
	}
	if len(paths) == 0 {
		return false, fmt.Errorf("no key file %s-*.pem is left in %s: restore one from a backup", k.purpose, k.folder)
	}
	seen, err := fingerprint(paths)
	if err != nil {
		return false, err
	}
	if old := k.ring.Load(); old != nil && old.seen == seen {
		return false, nil
	}
	ring, err := readRing(paths, k.purpose)
	if err != nil {
		return false, err
	}
	ring.seen = seen
	k.ring.Store(ring)
	return true, nil
}

// fingerprint tells one state of the files from another.
func fingerprint(paths []string) (string, error) {
	var b strings.Builder
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", path, err)
		}
		fmt.Fprintf(&b, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
	}
	return b.String(), nil
}

// keyFiles lists the key files of a purpose in ascending order.
func keyFiles(folder string, purpose Purpose) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(folder, string(purpose)+"-*.pem"))
	slices.Sort(paths)
	return paths, err
}

// createKey makes a key file unless there is one of this number.
func createKey(folder string, purpose Purpose, number int, from time.Time) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("write a signing key: %w", err)
	}
	block := &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	if !from.IsZero() {
		block.Headers = map[string]string{signsFrom: from.UTC().Format(time.RFC3339)}
	}
	return createOnce(filepath.Join(folder, fmt.Sprintf("%s-%04d.pem", purpose, number)), pem.EncodeToMemory(block))
}

// readPrivateKey reads a key file, and from when its key signs; zero for always.
func readPrivateKey(path string) (*ecdsa.PrivateKey, time.Time, error) {
	content, err := readSecretFile(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	block, rest := pem.Decode(content)
	if block == nil || block.Type != "PRIVATE KEY" || len(rest) > 0 {
		return nil, time.Time{}, fmt.Errorf("%s is not one PEM block of type PRIVATE KEY: restore it from a backup or remove it", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s is not a PKCS #8 key: restore it from a backup or remove it", path)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, time.Time{}, fmt.Errorf("%s is not an EC key on P-256, which ES256 needs: remove it", path)
	}
	from, err := readFrom(block.Headers[signsFrom])
	if err != nil || len(block.Headers) > 1 {
		return nil, time.Time{}, fmt.Errorf("%s: its header %s must be the only one, and a time such as 2026-01-31T12:00:00Z", path, signsFrom)
	}
	return private, from, nil
}

func readFrom(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, text)
}

// JWKS returns the JSON Web Key Set (RFC 7517 section 5) to publish: every key
// that verifies now or will, public members only.
func (k *Keys) JWKS() []byte { return JWKSOf(k) }

// JWKSOf returns one key set of keys for several purposes.
func JWKSOf(keys ...*Keys) []byte {
	set := struct {
		Keys []jwk `json:"keys"`
	}{[]jwk{}}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.ring.Load().published(k.now())...)
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
	key := k.ring.Load().signing(k.now())
	head, err := json.Marshal(header{Alg: algES256, Typ: typ, Kid: key.id})
	if err != nil {
		return "", fmt.Errorf("write the header: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	text := encode(head) + "." + encode(payload)
	signature, err := jwt.SigningMethodES256.Sign(text, key.private)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return text + "." + encode(signature), nil
}

// find returns the key a kid names. The kid is compared with those of our keys and nothing
// else: never a file name, a URL or part of a query.
func (k *Keys) find(kid string) (verifyKey, bool) {
	if !validKeyID(kid) {
		return verifyKey{}, false
	}
	return k.ring.Load().find(kid, k.now())
}

// ready reports whether there is a key at all.
func (k *Keys) ready() bool { return k != nil && k.ring.Load() != nil }
