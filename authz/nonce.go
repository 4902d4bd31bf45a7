package authz

import (
	"crypto/subtle"
	"strconv"
	"time"
)

// nonceLife is how long a nonce is handed out; it is accepted for as long again.
const nonceLife = 5 * time.Minute

const nonceFile = "dpop-nonce"

// Nonces makes and knows the nonces of DPoP (RFC 9449 section 8). One is the same for
// everybody for nonceLife: it says when a proof was made, not who made it, and every
// replica knows it without asking anybody.
type Nonces struct{ key []byte }

// LoadNonces reads the key for nonces below the data directory and creates it if there is
// none. Every replica must see the same file.
func LoadNonces(dataDir string) (*Nonces, error) {
	key, err := keyBytes(dataDir, nonceFile, sealBytes, "refuse the nonces that are out, which their holders answer by asking again")
	if err != nil {
		return nil, err
	}
	return &Nonces{key: key}, nil
}

// Current is the nonce to hand out now.
func (n *Nonces) Current(now time.Time) string { return n.of(period(now)) }

func period(now time.Time) int64 { return now.Unix() / int64(nonceLife/time.Second) }

func (n *Nonces) of(period int64) string {
	return encode(mac(n.key, "dpop nonce "+strconv.FormatInt(period, 10))[:18])
}

// good reports whether a nonce was handed out lately, and until when it is accepted.
func (n *Nonces) good(nonce string, now time.Time) (until time.Time, ok bool) {
	for _, p := range []int64{period(now), period(now) - 1} {
		if subtle.ConstantTimeCompare([]byte(nonce), []byte(n.of(p))) == 1 {
			return time.Unix((p+2)*int64(nonceLife/time.Second), 0).UTC(), true
		}
	}
	return time.Time{}, false
}

// String hides the key from %v.
func (n *Nonces) String() string { return "nonces" }

// GoString hides the key from %#v.
func (n *Nonces) GoString() string { return n.String() }
