package match

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"countersign/registration/hardwarehash"
)

// Key is one entry of the index over all known devices. Two devices that agree on
// an identifier have the same key of that kind. Equal keys only make a candidate:
// Decide and Find compare the identities themselves.
//
// Keys are local by construction, because random keys make the index the
// bottleneck of a large database: devices of one production run differ in the
// last bytes only and land on the same index pages. Only E and U are random.
type Key struct {
	Kind  Kind
	Local []byte // at most 31 bytes
}

const (
	groupLen = 3  // digest of maker and model: keeps one product's serials together
	tailLen  = 20 // end of the serial, where counters count
	checkLen = 8  // digest of everything: keeps keys of different values apart
	wideLen  = 16 // of E and U

	maxAdapters = 16 // a hostile hash could list hundreds; real ones have up to ten
)

// Keys lists the index keys of a device, sorted by kind and value, so that
// concurrent writers insert in one order. Unknown identifiers have no key.
func Keys(id hardwarehash.Identity) []Key {
	var keys []Key
	add := func(kind Kind, local []byte) { keys = append(keys, Key{kind, local}) }
	if id.EK != (hardwarehash.Digest{}) {
		add(EndorsementKey, bytes.Clone(id.EK[:wideLen]))
	}
	if id.UUID != (hardwarehash.UUID{}) {
		add(UUID, bytes.Clone(id.UUID[:]))
	}
	if id.HasTuple() {
		add(Serial, serialKey(id.Manufacturer, id.Product, id.Serial))
	}
	if id.SystemDisk != "" {
		serial, model, _ := strings.Cut(id.SystemDisk, "|")
		add(SystemDisk, serialKey("", model, serial))
	}
	for _, mac := range id.MACs[:min(len(id.MACs), maxAdapters)] {
		add(Network, bytes.Clone(mac[:]))
	}
	if n, err := strconv.ParseUint(id.ProductKeyID, 10, 64); err == nil {
		add(ProductKeyID, binary.BigEndian.AppendUint64(nil, n))
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), bytes.Compare(a.Local, b.Local))
	})
	return keys
}

// serialKey keeps the order of serials of one maker and model, and differs for
// different values even where their tails are the same.
func serialKey(maker, model, serial string) []byte {
	group := digest(maker, model)
	check := digest(maker, model, serial)
	tail := serial[max(0, len(serial)-tailLen):]
	return slices.Concat(group[:groupLen], []byte(tail), check[:checkLen])
}

// digest hashes texts so that shifting a letter from one to the next changes it.
func digest(parts ...string) [sha256.Size]byte {
	var all []byte
	for _, p := range parts {
		all = binary.BigEndian.AppendUint32(all, uint32(len(p)))
		all = append(all, p...)
	}
	return sha256.Sum256(all)
}

// Strongest returns the key by which two rows of one upload are called the same
// device: E, else U and S together, else the product key id, else the tuple. It
// reports false if the device has none.
func Strongest(id hardwarehash.Identity) (string, bool) {
	local := map[Kind]string{}
	for _, k := range Keys(id) {
		local[k.Kind] = string(k.Local)
	}
	switch {
	case local[EndorsementKey] != "":
		return "E" + local[EndorsementKey], true
	case local[UUID] != "" && local[Serial] != "":
		return "US" + local[UUID] + local[Serial], true
	case local[ProductKeyID] != "":
		return "K" + local[ProductKeyID], true
	case local[Serial] != "":
		return "S" + local[Serial], true
	}
	return "", false
}
