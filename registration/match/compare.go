package match

import (
	"countersign/registration/hardwarehash"
)

// Kind is one of the identifiers a device is compared by. It is also the kind of
// an index key; its byte value is stored and must not change.
type Kind byte

// The anchors, then the evidence.
const (
	EndorsementKey Kind = 'E'
	UUID           Kind = 'U'
	Serial         Kind = 'S' // manufacturer, product and serial together
	SystemDisk     Kind = 'D'
	Network        Kind = 'N'
	ProductKeyID   Kind = 'K'
)

// IsAnchor reports whether the identifier is bound to the motherboard.
func (k Kind) IsAnchor() bool { return k == EndorsementKey || k == UUID || k == Serial }

// String gives the letter used in explanations.
func (k Kind) String() string { return string(rune(k)) }

// Agreement is the result of comparing one identifier.
type Agreement int8

// The results. Unknown means that one side does not state it.
const (
	Unknown Agreement = iota
	Agrees
	Differs
)

// Comparison holds the agreement of each identifier of two devices.
type Comparison struct{ E, U, S, D, N, K Agreement }

// Compare compares two devices. Compare(a, b) equals Compare(b, a).
func Compare(a, b hardwarehash.Identity) Comparison {
	tuple := func(id hardwarehash.Identity) [3]string {
		return [3]string{id.Manufacturer, id.Product, id.Serial}
	}
	return Comparison{
		E: same(a.EK, b.EK),
		U: same(a.UUID, b.UUID),
		S: known(tuple(a) == tuple(b), a.HasTuple() && b.HasTuple()),
		D: same(a.SystemDisk, b.SystemDisk),
		N: known(shareMAC(a.MACs, b.MACs), len(a.MACs) > 0 && len(b.MACs) > 0),
		K: same(a.ProductKeyID, b.ProductKeyID),
	}
}

// Of lists the identifiers with the given result, anchors first.
func (c Comparison) Of(result Agreement) []Kind {
	var out []Kind
	for _, k := range []struct {
		kind   Kind
		result Agreement
	}{{EndorsementKey, c.E}, {UUID, c.U}, {Serial, c.S}, {SystemDisk, c.D}, {Network, c.N}, {ProductKeyID, c.K}} {
		if k.result == result {
			out = append(out, k.kind)
		}
	}
	return out
}

// anchors counts the anchors with the given result.
func (c Comparison) anchors(result Agreement) int {
	n := 0
	for _, a := range [...]Agreement{c.E, c.U, c.S} {
		if a == result {
			n++
		}
	}
	return n
}

// partAgrees reports whether the disk or an adapter speaks for one device.
func (c Comparison) partAgrees() bool { return c.D == Agrees || c.N == Agrees }

func (c Comparison) sharesNothing() bool { return len(c.Of(Agrees)) == 0 }

// same compares two values whose zero value means unknown.
func same[T comparable](a, b T) Agreement {
	var unknown T
	return known(a == b, a != unknown && b != unknown)
}

func known(equal, bothKnown bool) Agreement {
	switch {
	case !bothKnown:
		return Unknown
	case equal:
		return Agrees
	}
	return Differs
}

// shareMAC reports whether two sorted sets have an address in common.
func shareMAC(a, b []hardwarehash.MAC) bool {
	for _, m := range a {
		if holds(b, m) {
			return true
		}
	}
	return false
}
