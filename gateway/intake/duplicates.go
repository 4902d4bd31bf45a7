package intake

import (
	"crypto/sha256"
	"encoding/binary"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// deviceKey is half a SHA-256 over the strongest name of a device. 16 bytes keep a
// million rows at about 40 MB and cannot collide by accident.
type deviceKey [16]byte

// seen remembers the first open row of each device in an upload. Rows that intake
// refuses are not remembered: nothing of them is processed.
type seen map[deviceKey]int32

// before returns the earlier row with the same key, or 0 and remembers this one.
func (s seen) before(key deviceKey, ordinal int) int {
	if first, ok := s[key]; ok {
		return int(first)
	}
	s[key] = int32(ordinal)
	return 0
}

// strongestKey names a device by the best that the row knows of it: endorsement key,
// else SMBIOS UUID with serial, else product key id, else the tuple. A hash that states
// none of them is its own name.
func strongestKey(row models.DeviceIdentity, inside *hardwarehash.Identity) deviceKey {
	if inside == nil {
		if row.ProductKey != "" {
			return keyOf("K", row.ProductKey)
		}
		return keyOf("S", row.Manufacturer, row.Model, row.SerialNumber)
	}
	switch {
	case inside.EK != hardwarehash.Digest{}:
		return keyOf("E", string(inside.EK[:]))
	case inside.UUID != hardwarehash.UUID{} && inside.HasTuple():
		return keyOf("US", string(inside.UUID[:]), inside.Manufacturer, inside.Product, inside.Serial)
	case inside.ProductKeyID != "":
		return keyOf("K", inside.ProductKeyID)
	case row.ProductKey != "":
		return keyOf("K", row.ProductKey)
	case inside.HasTuple():
		return keyOf("S", inside.Manufacturer, inside.Product, inside.Serial)
	}
	return keyOf("H", string(row.Hash))
}

func keyOf(kind string, parts ...string) deviceKey {
	return deviceKey(digestOf(append([]string{kind}, parts...)...)[:16])
}

// digestOf is the SHA-256 over the parts with their lengths, so that no two lists of
// parts look alike.
func digestOf(parts ...string) []byte {
	var buf []byte
	for _, p := range parts {
		buf = binary.AppendUvarint(buf, uint64(len(p)))
		buf = append(buf, p...)
	}
	sum := sha256.Sum256(buf)
	return sum[:]
}
