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

// The truth table of repair, reuse and copying, row by row. In every row a device
// "own" is registered and looks like device('A') unless the row says otherwise.
// compared is how the subject compares with own: E, U, S, then D and N. Each row is
// judged without and with an unrelated registered device beside the others.
func TestTruthTable(t *testing.T) {
	t.Parallel()
	a, b := device('A'), device('B')
	own, donor := active("own", a), active("donor", b)
	freed := Candidate{ID: "donor", State: Unregistered, Identity: b}
	noTPM := with(a, func(id *identity) { id.EK = hardwarehash.Digest{} })
	wiped := with(a, func(id *identity) { id.Serial = "" })
	cases := []struct {
		name     string
		subject  identity
		known    []Candidate
		compared string
		want     Verdict // Comparison and Involved are checked elsewhere
	}{
		{"01 recaptured later", a, []Candidate{own}, "=== ==", match("own", 3)},
		{"02 memory, graphics, power supply swapped", a, []Candidate{own}, "=== ==", match("own", 3)},
		{"03 system disk new", with(a, func(id *identity) { id.SystemDisk = "new|NV3|" }), []Candidate{own}, "=== #=", match("own", 3)},
		{"03 system disk of a device that never was registered", with(a, func(id *identity) { id.SystemDisk = b.SystemDisk }), []Candidate{own}, "=== #=", match("own", 3)},
		{"04 disk of an active device", with(a, func(id *identity) { id.SystemDisk = b.SystemDisk }), []Candidate{own, donor}, "=== #=", attend("own", 3, SharedPart)},
		{"05 disk of a device that was removed first", with(a, func(id *identity) { id.SystemDisk = b.SystemDisk }), []Candidate{own, freed}, "=== #=", match("own", 3)},
		{"06 one adapter replaced", with(a, func(id *identity) { id.MACs = macs('A', 9) }), []Candidate{own}, "=== ==", match("own", 3)},
		{"06 every adapter replaced", with(a, func(id *identity) { id.MACs = macs(8, 9) }), []Candidate{own}, "=== =#", match("own", 3)},
		{"07 add-in adapter from stock", with(a, func(id *identity) { id.MACs = append(macs(9), a.MACs...) }), []Candidate{own}, "=== ==", match("own", 3)},
		{"08 add-in adapter of an active device", with(a, func(id *identity) { id.MACs = append(macs('B'), a.MACs...) }), []Candidate{own, donor}, "=== ==", attend("own", 3, SharedPart)},
		{"09 disk and every adapter replaced", with(a, func(id *identity) { id.SystemDisk, id.MACs = "new|NV3|", macs(8, 9) }), []Candidate{own}, "=== ##", match("own", 3)},
		{"10 board replaced, nothing rewritten", with(a, func(id *identity) { newBoard(id, 9); id.Serial = "SN-9" }), []Candidate{own}, "### ==", fresh("own", 6)},
		{"10 board replaced, serial blank", with(a, func(id *identity) { newBoard(id, 9); id.Serial = "" }), []Candidate{own}, "##? ==", fresh("own", 6)},
		{"10 board replaced, adapters with it", with(a, func(id *identity) { newBoard(id, 9); id.Serial, id.MACs = "SN-9", macs(9) }), []Candidate{own}, "### =#", fresh("own", 6)},
		{"11 board replaced, serial rewritten", with(a, func(id *identity) { newBoard(id, 9); id.MACs = macs(9) }), []Candidate{own}, "##= =#", attend("own", 4, BoardOrTPMChanged)},
		{"12 board replaced, serial and UUID rewritten", with(a, func(id *identity) { id.EK = hardwarehash.Digest{9} }), []Candidate{own}, "#== ==", attend("own", 4, BoardOrTPMChanged)},
		{"13 board and TPM new, second adapter kept", with(a, func(id *identity) { newBoard(id, 9); id.MACs = macs('A', 9) }), []Candidate{own}, "##= ==", attend("own", 4, BoardOrTPMChanged)},
		{"14 board of an active device", with(a, func(id *identity) { id.EK, id.UUID = b.EK, b.UUID }), []Candidate{own, donor}, "##= ==", attend("donor", 2, SplitIdentity)},
		{"15 board of a device that was removed first", with(a, func(id *identity) { id.EK, id.UUID = b.EK, b.UUID }), []Candidate{own, freed}, "##= ==", attend("own", 4, BoardOrTPMChanged)},
		{"16 discrete TPM replaced", with(a, func(id *identity) { id.EK = hardwarehash.Digest{9} }), []Candidate{own}, "#== ==", attend("own", 4, BoardOrTPMChanged)},
		{"17 processor with firmware TPM swapped", with(a, func(id *identity) { id.EK = hardwarehash.Digest{8} }), []Candidate{own}, "#== ==", attend("own", 4, BoardOrTPMChanged)},
		{"18 TPM off, or captured in Windows PE", with(noTPM, func(id *identity) { id.MACs = macs('A') }), []Candidate{own}, "?== ==", withoutTPM(match("own", 3))},
		{"19 no TPM ever", noTPM, []Candidate{active("own", noTPM)}, "?== ==", withoutTPM(match("own", 3))},
		{"20 serial wiped", wiped, []Candidate{own}, "==? ==", match("own", 3)},
		{"20 serial there again", a, []Candidate{active("own", wiped)}, "==? ==", match("own", 3)},
		{"21 two machines with one serial", with(b, func(id *identity) { id.Serial = a.Serial }), []Candidate{own}, "##= ##", attend("own", 4, SerialCollision)},
		{"22 default UUID", with(a, func(id *identity) { id.UUID = hardwarehash.UUID{} }), []Candidate{own}, "=?= ==", match("own", 3)},
		{"23 cloned virtual machine", with(a, func(id *identity) { id.MACs = macs(7) }), []Candidate{own}, "=== =#", match("own", 3)},
		{"24 virtual machine made afresh", with(b, func(id *identity) { id.SystemDisk = "" }), []Candidate{own}, "### ?#", Verdict{Outcome: NoMatch, Rule: 1}},
		// Whose the device is, is not the matcher's to know; nor is a file.
		{"25 registered to another tenant", a, []Candidate{own, donor}, "=== ==", match("own", 3)},
		{"26 twice in one file", with(a, func(id *identity) { id.MACs = macs('A') }), []Candidate{own}, "=== ==", match("own", 3)},
		{"nothing known", a, nil, "", Verdict{Outcome: NoMatch, Rule: 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if len(c.known) > 0 {
				if got := columns(Compare(c.subject, c.known[0].Identity)); got != c.compared {
					t.Errorf("the row compares as %s, the table says %s", got, c.compared)
				}
			}
			for _, known := range [][]Candidate{c.known, append([]Candidate{active("bystander", device('Z'))}, c.known...)} {
				got := Decide(c.subject, known)
				got.Comparison, got.Involved = Comparison{}, nil
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("beside %d others (-want +got):\n%s", len(known), diff)
				}
			}
		})
	}
}

// columns writes a comparison as the table does: = agrees, # differs, ? unknown.
func columns(c Comparison) string {
	out := ""
	for i, a := range []Agreement{c.E, c.U, c.S, c.D, c.N} {
		if i == 3 {
			out += " "
		}
		out += map[Agreement]string{Agrees: "=", Differs: "#", Unknown: "?"}[a]
	}
	return out
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
