package registration

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"countersign/models"
	"countersign/registration/match"
)

// A key leads from a value to the identities that may hold it: the kind of value
// in the top four bits, 60 bits made of the value below. Keys are lossy and every
// hit is verified against the identity. What matters is where they fall in the
// index: random keys touch a page each, so only the two values that are random by
// nature give random keys; all others keep neighbours of one production line
// together.
const (
	keyOfEK int64 = iota + 1
	keyOfUUID
	keyOfTuple
	keyOfDisk
	keyOfMAC
	keyOfProductKey
)

const (
	payloadBits = 60
	tailChars   = 6 // of a serial, six bits each
	makerBits   = payloadBits - 6*tailChars
	// maxMACKeys bounds the work a hostile hash can cause; factories allow ten
	// adapters in a device.
	maxMACKeys = 16
)

// keysOf returns all keys of an identity, ascending and each once.
func keysOf(i *models.Identity) []int64 {
	keys := make([]int64, 0, 8+len(i.MACs)/6)
	if len(i.EKDigest) > 0 {
		keys = append(keys, key(keyOfEK, bits(i.EKDigest, payloadBits)))
	}
	if len(i.SMBIOSUUID) > 0 {
		// Digested, because makers put constants in front and serials behind.
		sum := sha256.Sum256(i.SMBIOSUUID)
		keys = append(keys, key(keyOfUUID, bits(sum[:], payloadBits)))
	}
	if hasTuple(i) {
		keys = append(keys, tupleKey(i.Manufacturer, i.Product, i.Serial))
	}
	if serial, model, ok := strings.Cut(i.SystemDisk, "|"); ok && serial != "" {
		keys = append(keys, key(keyOfDisk, local(serial, model)))
	}
	for mac := range slices.Chunk(i.MACs[:min(len(i.MACs), 6*maxMACKeys)], 6) {
		keys = append(keys, key(keyOfMAC, bits(mac, 48)))
	}
	if k, ok := productKeyKey(i.ProductKey); ok {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// hasTuple reports whether manufacturer, product and serial are all known.
func hasTuple(i *models.Identity) bool {
	return i.Manufacturer != "" && i.Product != "" && i.Serial != ""
}

// tupleKey is the key of a tuple. It does not see case, so that a look-up also
// meets the near misses a hint may be about.
func tupleKey(manufacturer, product, serial string) int64 {
	return key(keyOfTuple, local(serial, manufacturer, "|", product))
}

// productKeyKey is the key of a product key id, which is a number of 13 digits.
func productKeyKey(id string) (int64, bool) {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || len(id) != 13 {
		return 0, false
	}
	return key(keyOfProductKey, n), true
}

func key(kind int64, payload uint64) int64 { return kind<<payloadBits | int64(payload) }

// local puts devices of one production line beside each other, in the order of the
// last letters and digits of their serials. What stands before these goes with the
// model: lines that count through the same numbers would meet in each key otherwise.
func local(serial string, model ...string) uint64 {
	head, last := tail(serial)
	var room [128]byte
	lower := room[:0]
	for _, part := range model {
		lower = appendLower(lower, part)
	}
	lower = appendLower(append(lower, 0), head)
	sum := sha256.Sum256(lower)
	return bits(sum[:], makerBits)<<(6*tailChars) | last
}

// appendLower is strings.ToLower without an allocation for the usual text.
func appendLower(to []byte, s string) []byte {
	before := len(to)
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return append(to[:before], strings.ToLower(s)...)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to
}

// tail reads the last letters and digits of a serial as a number that sorts as
// they do, without case, and returns what stands before them. Punctuation is
// skipped: it stands in the same places all along a production line. A serial
// without any is all head.
func tail(serial string) (head string, last uint64) {
	shift, at := 0, len(serial)
	for ; at > 0 && shift < 6*tailChars; at-- {
		if c := rank(serial[at-1]); c > 0 {
			last |= c << shift
			shift += 6
		}
	}
	if shift == 0 {
		return serial, 0
	}
	return serial[:at], last
}

// rank orders digits before letters; 0 means neither.
func rank(c byte) uint64 {
	switch {
	case '0' <= c && c <= '9':
		return uint64(c-'0') + 1
	case 'A' <= c && c <= 'Z':
		return uint64(c-'A') + 11
	case 'a' <= c && c <= 'z':
		return uint64(c-'a') + 11
	}
	return 0
}

// bits reads the first n bits of b, which may be shorter than eight bytes.
func bits(b []byte, n int) uint64 {
	var buf [8]byte
	copy(buf[:], b)
	return binary.BigEndian.Uint64(buf[:]) >> (64 - n)
}

// anchorKinds are the kinds of anchors in the arbiter.
var anchorKinds = []string{match.EndorsementKey.String(), match.UUID.String(), match.Serial.String()}

// anchorsOf returns what an active registration of the identity owns. Unlike the
// look-up keys these are exact, since a collision would refuse a device for ever:
// they are the matcher's own, so that the arbiter and the rules agree on what is
// the same anchor.
func anchorsOf(i *models.Identity) []models.RegistrationAnchor {
	var anchors []models.RegistrationAnchor
	for _, k := range match.Keys(deviceOf(i)) {
		if k.Kind.IsAnchor() {
			anchors = append(anchors, models.RegistrationAnchor{Kind: k.Kind.String(), Key: k.Local, IdentityID: i.ID})
		}
	}
	return anchors
}
