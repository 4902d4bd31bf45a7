package match

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/registration/hardwarehash"
)

type identity = hardwarehash.Identity

// device makes a complete identity whose every value carries the letter n.
func device(n byte) identity {
	return identity{
		EK: hardwarehash.Digest{n}, UUID: hardwarehash.UUID{n},
		Manufacturer: "Fjordtek AS", Product: "Skarv 14", Serial: "SN-" + string(rune(n)),
		SystemDisk: "D" + string(rune(n)) + "|NV3|", MACs: macs(n, n+100), ProductKeyID: "33" + digits(n),
	}
}

func digits(n byte) string {
	out := "00000000000"
	return out[:9] + string([]byte{'0' + n/10%10, '0' + n%10})
}

func macs(last ...byte) []hardwarehash.MAC {
	var out []hardwarehash.MAC
	for _, n := range last {
		out = append(out, hardwarehash.MAC{0, 0x10, 0x20, 0, 0, n})
	}
	return out
}

// with returns id changed by f.
func with(id identity, f func(*identity)) identity {
	f(&id)
	return id
}

func newBoard(id *identity, n byte) { id.EK, id.UUID = hardwarehash.Digest{n}, hardwarehash.UUID{n} }

func active(id string, identity identity) Candidate {
	return Candidate{ID: id, State: Active, Identity: identity}
}

// One row per scenario of repair, reuse and copying. In every row a device "own"
// is registered and looks like device('A') unless the row says otherwise.
func TestDecide_scenarios(t *testing.T) {
	t.Parallel()
	a, b := device('A'), device('B')
	own, donor := active("own", a), active("donor", b)
	freed := Candidate{ID: "donor", State: Unregistered, Identity: b}
	noTPM := with(a, func(id *identity) { id.EK = hardwarehash.Digest{} })
	cases := []struct {
		name    string
		subject identity
		known   []Candidate
		want    Verdict // Comparison and Involved are checked elsewhere
	}{
		{"recaptured later", a, []Candidate{own, donor}, match("own", 3)},
		{"memory, graphics, power supply swapped", a, []Candidate{own}, match("own", 3)},
		{"system disk new", with(a, func(id *identity) { id.SystemDisk = "new|NV3|" }), []Candidate{own}, match("own", 3)},
		{"disk of an active device", with(a, func(id *identity) { id.SystemDisk = b.SystemDisk }), []Candidate{own, donor}, attend("own", 3, SharedPart)},
		{"disk of a device that was removed first", with(a, func(id *identity) { id.SystemDisk = b.SystemDisk }), []Candidate{own, freed}, match("own", 3)},
		{"one adapter replaced", with(a, func(id *identity) { id.MACs = macs('A', 9) }), []Candidate{own}, match("own", 3)},
		{"add-in adapter from stock", with(a, func(id *identity) { id.MACs = append(macs(9), a.MACs...) }), []Candidate{own}, match("own", 3)},
		{"add-in adapter of an active device", with(a, func(id *identity) { id.MACs = append(macs('B'), a.MACs...) }), []Candidate{own, donor}, attend("own", 3, SharedPart)},
		{"disk and every adapter replaced", with(a, func(id *identity) { id.SystemDisk, id.MACs = "new|NV3|", macs(8, 9) }), []Candidate{own}, match("own", 3)},
		{"board replaced, nothing rewritten", with(a, func(id *identity) { newBoard(id, 9); id.Serial = "SN-9" }), []Candidate{own}, fresh("own", 6)},
		{"board replaced, serial blank", with(a, func(id *identity) { newBoard(id, 9); id.Serial = "" }), []Candidate{own}, fresh("own", 6)},
		{"board replaced, serial rewritten", with(a, func(id *identity) { newBoard(id, 9) }), []Candidate{own}, attend("own", 4, BoardOrTPMChanged)},
		{"board replaced, serial and UUID rewritten", with(a, func(id *identity) { id.EK = hardwarehash.Digest{9} }), []Candidate{own}, attend("own", 4, BoardOrTPMChanged)},
		{"board and TPM new, second adapter kept", with(a, func(id *identity) { newBoard(id, 9); id.MACs = macs('A', 9) }), []Candidate{own}, attend("own", 4, BoardOrTPMChanged)},
		{"board of an active device", with(a, func(id *identity) { id.EK, id.UUID = b.EK, b.UUID }), []Candidate{own, donor}, attend("donor", 2, SplitIdentity)},
		{"board of a device that was removed first", with(a, func(id *identity) { id.EK, id.UUID = b.EK, b.UUID }), []Candidate{own, freed}, attend("own", 4, BoardOrTPMChanged)},
		{"discrete TPM replaced", with(a, func(id *identity) { id.EK = hardwarehash.Digest{9} }), []Candidate{own}, attend("own", 4, BoardOrTPMChanged)},
		{"processor with firmware TPM swapped", with(a, func(id *identity) { id.EK = hardwarehash.Digest{8} }), []Candidate{own}, attend("own", 4, BoardOrTPMChanged)},
		{"TPM off", noTPM, []Candidate{own}, withoutTPM(match("own", 3))},
		{"no TPM ever", noTPM, []Candidate{active("own", noTPM)}, withoutTPM(match("own", 3))},
		{"serial wiped", with(a, func(id *identity) { id.Serial = "" }), []Candidate{own}, match("own", 3)},
		{"two machines with one serial", with(b, func(id *identity) { id.Serial = a.Serial }), []Candidate{own}, attend("own", 4, SerialCollision)},
		{"default UUID", with(a, func(id *identity) { id.UUID = hardwarehash.UUID{} }), []Candidate{own}, match("own", 3)},
		{"cloned virtual machine", with(a, func(id *identity) { id.MACs = macs(7) }), []Candidate{own}, match("own", 3)},
		{"virtual machine made afresh", with(b, func(id *identity) { id.SystemDisk = "" }), []Candidate{own}, Verdict{Outcome: NoMatch, Rule: 1}},
		{"nothing known", a, nil, Verdict{Outcome: NoMatch, Rule: 1}},
	}
	for _, c := range cases {
		got := Decide(c.subject, c.known)
		got.Comparison, got.Involved = Comparison{}, nil
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func match(id string, rule int) Verdict {
	return Verdict{Outcome: Match, Rule: rule, ID: id, Registered: true}
}

func attend(id string, rule int, reason Reason) Verdict {
	return Verdict{Outcome: Attention, Rule: rule, Reason: reason, ID: id, Registered: true}
}

func fresh(predecessor string, rule int) Verdict {
	return Verdict{Outcome: NoMatch, Rule: rule, Predecessor: predecessor}
}

func withoutTPM(v Verdict) Verdict {
	v.WithoutTPM = true
	return v
}
