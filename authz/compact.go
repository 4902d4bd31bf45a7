package authz

import (
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"time"
)

// maxTokenBytes bounds every token before anything is decoded (RFC 8725 names
// no figure; ours are under 1 KiB).
const maxTokenBytes = 8 << 10

var (
	errMalformed   = errors.New("not a compact JWS")
	errBadHeader   = errors.New("header not usable")
	errBadClaims   = errors.New("claims not usable")
	strictEncoding = base64.RawURLEncoding.Strict()
)

// header is what we read of a JOSE header. Members that point at keys (jku, x5u,
// jwk, x5c) are not read at all: a key is found by its id among those we hold.
type header struct {
	Alg string `json:"alg"`
	Typ string `json:"typ"`
	Kid string `json:"kid"`
}

// dates are when a token is good. They are float64 because RFC 7519 allows fractions;
// readDate bounds them.
type dates struct {
	Expires   *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
}

// claimSet is what we read of a payload. Audience is one string because both
// kinds of token we accept are for one audience only (FAPI 2.0 section 5.3.2.1
// and our own access tokens); an array does not decode.
type claimSet struct {
	dates
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	ID       string `json:"jti"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`

	Confirmation *confirmation `json:"cnf"`
}

// confirmation names what the sender of an access token must show to hold besides (RFC
// 7800 section 3.1).
type confirmation struct {
	// KeyThumbprint is of the key that proofs are signed with (RFC 9449 section 6.1).
	KeyThumbprint string `json:"jkt,omitempty"`
	// CertificateThumbprint is of the certificate that the connection is made with (RFC
	// 8705 section 3.1).
	CertificateThumbprint string `json:"x5t#S256,omitempty"`
}

// compact is a token that was read but not verified: nothing in it may be
// believed yet.
type compact struct {
	raw    string
	header header
	claims claimSet
}

// readCompact is steps 1 and 2 of the verification of our own kinds of token.
func readCompact(raw string) (compact, error) {
	token := compact{raw: raw}
	parts, err := takeApart(raw, maxTokenBytes, &token.header)
	if err != nil {
		return compact{}, err
	}
	if _, err := readStrict(parts.payload, &token.claims); err != nil {
		return compact{}, errors.Join(errBadClaims, err)
	}
	return token, nil
}

// jws is a compact JWS (RFC 7515 section 7.1) in its parts, not verified.
type jws struct {
	signed    string // header and payload, as the signature is over them
	payload   []byte
	signature []byte
}

// takeApart is how every JWS is read that others send: size, alphabet and shape before
// anything is decoded, then the header, strictly, into head. A signature with unused bits
// that are not zero is refused, or one signature would have several texts.
func takeApart(raw string, most int, head any) (jws, error) {
	if len(raw) > most || !isCompact(raw) {
		return jws{}, errMalformed
	}
	parts := strings.Split(raw, ".")
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = strictEncoding.DecodeString(part); err != nil {
			return jws{}, errMalformed
		}
	}
	names, err := readStrict(decoded[0], head)
	if err != nil {
		return jws{}, errors.Join(errBadHeader, err)
	}
	// RFC 7515 section 4.1.11: an extension we do not know must stop us, and we
	// know none. b64 (RFC 7797) would change what is signed.
	if names["crit"] || names["b64"] {
		return jws{}, errBadHeader
	}
	return jws{signed: parts[0] + "." + parts[1], payload: decoded[1], signature: decoded[2]}, nil
}

// isCompact reports whether s is three non-empty parts of the base64url alphabet.
// The token library lets line breaks through inside a part.
func isCompact(s string) bool {
	dots, length := 0, 0
	for i := range len(s) {
		if s[i] == '.' {
			if length == 0 {
				return false
			}
			dots, length = dots+1, 0
			continue
		}
		if !isBase64URL(s[i]) {
			return false
		}
		length++
	}
	return dots == 2 && length > 0
}

func isBase64URL(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// validKeyID reports whether a kid may be used as the key of a map, which is all
// it is ever used for.
func validKeyID(kid string) bool {
	if len(kid) == 0 || len(kid) > 64 {
		return false
	}
	for i := range len(kid) {
		if c := kid[i]; !isBase64URL(c) && c != '.' && c != '~' {
			return false
		}
	}
	return true
}

// latestDate is 2286-11-20, far above any date we accept and far below where a
// float64 stops holding whole seconds or an int64 overflows.
const latestDate = 9_999_999_999

// readDate reads a NumericDate (RFC 7519 section 2). Absent, not positive and
// absurd values are all refused the same way.
func readDate(seconds *float64) (time.Time, bool) {
	if seconds == nil || *seconds <= 0 || *seconds > latestDate {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(*seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), true
}
