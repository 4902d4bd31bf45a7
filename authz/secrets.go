package authz

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
)

const (
	pepperFile  = "client-secret-pepper"
	pepperBytes = 32
	// secretPrefix lets a person and a leak scanner recognise a client secret.
	secretPrefix = "cs_"
	secretBytes  = 32
	// liveSecrets is how many digests are always compared, whatever is stored.
	liveSecrets = 2
)

// Secrets makes and recognises client secrets. Secrets have 256 bits from the
// system's generator, so a keyed hash is enough; a slow password hash on the
// token endpoint would only invite floods. The key lies outside the database:
// a stolen database alone allows no guessing at all.
type Secrets struct {
	pepper []byte
}

// LoadSecrets reads the pepper below the data directory and creates it if there
// is none. Every replica must see the same file; losing it ends every stored
// secret.
func LoadSecrets(dataDir string) (*Secrets, error) {
	pepper, err := keyBytes(dataDir, pepperFile, pepperBytes, "end every client secret")
	if err != nil {
		return nil, err
	}
	return &Secrets{pepper: pepper}, nil
}

// NewSecret returns a new secret, to be shown once, and the digest to store. The
// secret needs no escaping in a URL, a shell or a Basic header.
func (s *Secrets) NewSecret() (secret string, digest []byte) {
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // crypto/rand.Read never fails
	secret = secretPrefix + encode(random)
	return secret, s.Digest(secret)
}

// Digest returns what is stored of a secret: HMAC-SHA-256 under the pepper.
func (s *Secrets) Digest(secret string) []byte {
	mac := hmac.New(sha256.New, s.pepper)
	mac.Write([]byte(secret))
	return mac.Sum(nil)
}

// matches reports whether the presented secret is one of the stored digests. The
// work is the same for an unknown client (no digests), one secret and two: one
// digest and liveSecrets comparisons in constant time.
func (s *Secrets) matches(presented string, stored [][]byte) bool {
	digest := s.Digest(presented)
	nobody := make([]byte, sha256.Size)
	found := 0
	for i := range max(liveSecrets, len(stored)) {
		candidate, real := nobody, 0
		if i < len(stored) {
			candidate, real = stored[i], 1
		}
		found |= subtle.ConstantTimeCompare(digest, candidate) & real
	}
	return found == 1
}
