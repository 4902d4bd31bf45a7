package intake

import (
	"crypto/sha256"
	"encoding/binary"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// deviceKey is the beginning of a SHA-256 over the strongest name of a device: 96 bits,
// which do not meet by accident among a million.
type deviceKey [12]byte

// seen remembers the first open row of each device in an upload. Rows that intake
// refuses are not remembered: nothing of them is processed. It is a hash table and not a
// map because it may hold a million rows for as long as an upload lasts: 16 bytes a row, at
// least two thirds of them in use, and growing a part at a time. The zero value is
// empty and ready.
type seen struct{ parts [64]seenPart }

type seenPart struct {
	rows []seenRow // where a row stands follows from its key; the next free place when that is taken
	used int
}

type seenRow struct {
	key     deviceKey
	ordinal int32 // 0: nobody stands here
}

// before returns the earlier row with the same key, or 0 and remembers this one.
func (s *seen) before(key deviceKey, ordinal int) int {
	part := &s.parts[key[11]%uint8(len(s.parts))]
	if part.used*5 >= len(part.rows)*4 {
		part.grow()
	}
	place := part.place(key)
	if place.ordinal != 0 {
		return int(place.ordinal)
	}
	*place = seenRow{key, int32(ordinal)}
	part.used++
	return 0
}

// place is where a key stands, or is to stand. There is room for one more.
func (p *seenPart) place(key deviceKey) *seenRow {
	n := uint64(len(p.rows))
	at := uint64(binary.BigEndian.Uint32(key[:])) * n >> 32 // keys are evenly spread
	for p.rows[at].ordinal != 0 && p.rows[at].key != key {
		if at++; at == n {
			at = 0
		}
	}
	return &p.rows[at]
}

func (p *seenPart) grow() {
	old := p.rows
	p.rows = make([]seenRow, len(old)+len(old)/5+8)
	for _, row := range old {
		if row.ordinal != 0 {
			*p.place(row.key) = row
		}
	}
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
	return deviceKey(digestOf(append([]string{kind}, parts...)...)[:len(deviceKey{})])
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
