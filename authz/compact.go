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

// claimSet is what we read of a payload. Audience is one string because both
// kinds of token we accept are for one audience only (FAPI 2.0 section 5.3.2.1
// and our own access tokens); an array does not decode. Dates are float64
// because RFC 7519 allows fractions; readDate bounds them.
type claimSet struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	Expires   *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
	ID        string   `json:"jti"`
	ClientID  string   `json:"client_id"`
	Scope     string   `json:"scope"`
}

// compact is a token that was read but not verified: nothing in it may be
// believed yet.
type compact struct {
	raw    string
	header header
	claims claimSet
}

// readCompact is steps 1 and 2 of the verification: size, alphabet and shape
// before anything is decoded, then both JSON parts strictly.
func readCompact(raw string) (compact, error) {
	if len(raw) > maxTokenBytes || !isCompact(raw) {
		return compact{}, errMalformed
	}
	parts := strings.Split(raw, ".")
	token := compact{raw: raw}
	names, err := readPart(parts[0], &token.header)
	if err != nil {
		return compact{}, errors.Join(errBadHeader, err)
	}
	// RFC 7515 section 4.1.11: an extension we do not know must stop us, and we
	// know none. b64 (RFC 7797) would change what is signed.
	if names["crit"] || names["b64"] {
		return compact{}, errBadHeader
	}
	if _, err := readPart(parts[1], &token.claims); err != nil {
		return compact{}, errors.Join(errBadClaims, err)
	}
	// The signature is only looked at for its form: unused bits must be zero, or
	// one signature has several texts.
	if _, err := strictEncoding.DecodeString(parts[2]); err != nil {
		return compact{}, errMalformed
	}
	return token, nil
}

func readPart(part string, dst any) (map[string]bool, error) {
	data, err := strictEncoding.DecodeString(part)
	if err != nil {
		return nil, errMalformed
	}
	return readStrict(data, dst)
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
