package authz

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The signature algorithms of the FAPI 2.0 Security Profile, section 5.4.1.
const (
	algES256 = "ES256"
	algPS256 = "PS256"
	algEdDSA = "EdDSA"

	// algEd25519 is the same under the name that says the curve (RFC 9864 section 2.2).
	algEd25519 = "Ed25519"
)

func init() {
	jwt.RegisterSigningMethod(algEd25519, func() jwt.SigningMethod { return jwt.SigningMethodEdDSA })
}

// clockSkew is how far another machine's iat or nbf may lie ahead of our clock.
// FAPI 2.0 section 5.3.2.1 wants 10 s accepted and 60 s refused. It never
// lengthens exp.
const clockSkew = 30 * time.Second

var (
	errWrongType      = errors.New("typ is not one for this purpose")
	errWrongAlgorithm = errors.New("alg is not the key's")
	errBadSignature   = errors.New("signature or registered claims refused")
	errTooLong        = errors.New("lives longer than allowed")
)

// verifyKey is a public key with the one algorithm it may be used with. Public
// is always a typed key, never bytes: bytes would let an HMAC token through
// whose secret is the public key.
type verifyKey struct {
	id     string
	alg    string
	public crypto.PublicKey // *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey
}

// signs reports whether alg names the one algorithm of the key.
func (k verifyKey) signs(alg string) bool {
	return alg == k.alg || alg == algEd25519 && k.alg == algEdDSA
}

// check verifies the signature of a JWS that was taken apart.
func (k verifyKey) check(parts jws) error {
	if err := jwt.GetSigningMethod(k.alg).Verify(parts.signed, parts.signature, k.public); err != nil {
		return errBadSignature
	}
	return k.checkSalt(parts.signed, parts.signature)
}

// checkSalt holds PS256 to the salt length of RFC 7518 section 3.5; the library
// accepts any.
func (k verifyKey) checkSalt(text string, signature []byte) error {
	public, ok := k.public.(*rsa.PublicKey)
	if !ok || k.alg != algPS256 {
		return nil
	}
	digest := sha256.Sum256([]byte(text))
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	if rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, options) != nil {
		return errBadSignature
	}
	return nil
}

// profile says what one kind of token must be.
type profile struct {
	types    []string // accepted values of typ, without "application/"; "" accepts its absence
	issuer   string
	audience string
	maxLife  time.Duration // from iat to exp
}

// acceptsType compares media types as RFC 7515 section 4.1.9 writes them: a
// value without a slash stands for application/…, letters without case.
func (p profile) acceptsType(typ string) bool {
	return slices.Contains(p.types, strings.TrimPrefix(strings.ToLower(typ), "application/"))
}

// verify is steps 3, 5 and 6 of the verification for a token whose key was found.
// The token library checks signature and registered claims once more behind our
// own reading; every option of it is set.
func (p profile) verify(token compact, key verifyKey, now time.Time) error {
	if !p.acceptsType(token.header.Typ) {
		return errWrongType
	}
	if !key.signs(token.header.Alg) {
		return errWrongAlgorithm
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{key.alg}),
		jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithIssuer(p.issuer),
		jwt.WithAudience(p.audience),
		jwt.WithTimeFunc(func() time.Time { return now }),
	)
	parsed, err := parser.ParseWithClaims(token.raw, &parsedClaims{token.claims}, func(*jwt.Token) (any, error) {
		return key.public, nil
	})
	if err != nil {
		return errors.Join(errBadSignature, err)
	}
	if err := key.checkSalt(parsed.Raw[:strings.LastIndexByte(parsed.Raw, '.')], parsed.Signature); err != nil {
		return err
	}
	return p.checkLife(token.claims.dates, now)
}

// checkLife bounds the time from iat, or from now where iat is absent, to exp:
// the library knows no such rule.
func (p profile) checkLife(d dates, now time.Time) error {
	from := now
	if iat, ok := readDate(d.IssuedAt); ok {
		from = iat
	}
	exp, ok := readDate(d.Expires)
	if !ok || exp.Sub(from) > p.maxLife {
		return errTooLong
	}
	return nil
}

// parsedClaims gives the token library the claims that readCompact already read
// from the same bytes, so that there are never two readings of one token.
type parsedClaims struct{ claimSet }

// UnmarshalJSON keeps what was read.
func (*parsedClaims) UnmarshalJSON([]byte) error { return nil }

// GetExpirationTime returns exp.
func (c *parsedClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return numericDate(c.Expires, 0)
}

// GetIssuedAt returns iat less the tolerated skew. The library's own leeway would
// lengthen exp as well, so it stays 0 and the skew is taken off here.
func (c *parsedClaims) GetIssuedAt() (*jwt.NumericDate, error) {
	return numericDate(c.IssuedAt, clockSkew)
}

// GetNotBefore returns nbf less the tolerated skew.
func (c *parsedClaims) GetNotBefore() (*jwt.NumericDate, error) {
	return numericDate(c.NotBefore, clockSkew)
}

// GetIssuer returns iss.
func (c *parsedClaims) GetIssuer() (string, error) { return c.Issuer, nil }

// GetSubject returns sub.
func (c *parsedClaims) GetSubject() (string, error) { return c.Subject, nil }

// GetAudience returns aud, which is one string by construction.
func (c *parsedClaims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}

func numericDate(seconds *float64, less time.Duration) (*jwt.NumericDate, error) {
	if seconds == nil {
		return nil, nil
	}
	at, ok := readDate(seconds)
	if !ok {
		return nil, jwt.ErrInvalidType
	}
	return &jwt.NumericDate{Time: at.Add(-less)}, nil
}
