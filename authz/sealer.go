package authz

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

const (
	sealFile  = "sign-in-seal"
	sealBytes = 32
	// sealVersion is the first byte of what was sealed, so that a later way to seal
	// can be told apart.
	sealVersion = 1
)

// errSealed says nothing about why: a changed text, another purpose and another key
// look the same.
var errSealed = errors.New("what was sealed cannot be opened: it was changed, belongs elsewhere, or the file " + sealFile + " is not the one it was sealed with")

// Sealer keeps secrets in the database unreadable for whoever has the database alone
// (AES-256-GCM), and derives values that nobody without its key can foresee. Its key
// is a file below the data directory.
type Sealer struct {
	aead   cipher.AEAD
	derive []byte
}

// LoadSealer reads the key below the data directory and creates it if there is none.
// Every replica must see the same file; losing it loses every sealed secret.
func LoadSealer(dataDir string) (*Sealer, error) {
	key, err := keyBytes(dataDir, sealFile, sealBytes, "lose every tenant's client secret")
	if err != nil {
		return nil, err
	}
	return newSealer(key)
}

// newSealer parts the key by use, so that no value serves both.
func newSealer(key []byte) (*Sealer, error) {
	block, err := aes.NewCipher(mac(key, "countersign seal"))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &Sealer{aead: aead, derive: mac(key, "countersign derive")}, err
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Seal encrypts a secret for one place, such as a tenant's row. It opens for the same
// place only: a row copied to another tenant stays shut.
func (s *Sealer) Seal(secret, place string) []byte {
	nonce := make([]byte, s.aead.NonceSize(), 1+s.aead.NonceSize()+len(secret)+s.aead.Overhead())
	_, _ = rand.Read(nonce) // crypto/rand.Read never fails
	return append([]byte{sealVersion}, s.aead.Seal(nonce, nonce, []byte(secret), []byte(place))...)
}

// Open decrypts what was sealed for this place.
func (s *Sealer) Open(sealed []byte, place string) (string, error) {
	size := s.aead.NonceSize()
	if len(sealed) < 1+size || sealed[0] != sealVersion {
		return "", errSealed
	}
	secret, err := s.aead.Open(nil, sealed[1:1+size], sealed[1+size:], []byte(place))
	if err != nil {
		return "", errSealed
	}
	return string(secret), nil
}

// Derive makes 256 bits, in base64url, of a text for one purpose: the same again for the
// same text, and nothing that can be foreseen without the key.
func (s *Sealer) Derive(purpose, text string) string {
	return encode(mac(s.derive, fmt.Sprintf("%d:%s:%s", len(purpose), purpose, text)))
}

// String hides the key from %v.
func (s *Sealer) String() string { return "sealer" }

// GoString hides the key from %#v.
func (s *Sealer) GoString() string { return s.String() }
