package match

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/registration/hardwarehash"
)

// anyIdentity draws from few values, so that devices agree, differ and lack
// values in every combination.
func anyIdentity(t *rapid.T, label string) identity {
	pick := func(name string) byte { return rapid.ByteMax(3).Draw(t, label+name) } // 0 is unknown
	id := identity{EK: hardwarehash.Digest{pick("E")}, UUID: hardwarehash.UUID{pick("U")}}
	if n := pick("S"); n > 0 {
		id.Manufacturer, id.Product, id.Serial = "Fjordtek AS", "Skarv", fmt.Sprint("SN", n)
	}
	if n := pick("D"); n > 0 {
		id.SystemDisk = fmt.Sprintf("D%d|NV3|", n)
	}
	for n := range byte(4) {
		if rapid.Bool().Draw(t, fmt.Sprint(label, "N", n)) {
			id.MACs = append(id.MACs, hardwarehash.MAC{0, 0x10, 0x20, 0, 0, n})
		}
	}
	if n := pick("K"); n > 0 {
		id.ProductKeyID = fmt.Sprintf("33000000000%02d", n)
	}
	return id
}

func knownAnchors(id identity) int { return 3 - Compare(id, id).anchors(Unknown) }

func anyCandidates(t *rapid.T) []Candidate {
	n := rapid.IntRange(0, 5).Draw(t, "candidates")
	out := make([]Candidate, n)
	for i := range out {
		out[i] = Candidate{
			ID: fmt.Sprint("c", i), Identity: anyIdentity(t, fmt.Sprint(i)),
			State:    State(rapid.IntRange(0, 2).Draw(t, "state")),
			Excluded: rapid.IntRange(0, 9).Draw(t, "excluded") == 0,
		}
	}
	return out
}

func TestDecide_isSymmetric(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyIdentity(t, "a"), anyIdentity(t, "b")
		forth, back := Decide(a, []Candidate{active("x", b)}), Decide(b, []Candidate{active("x", a)})
		if diff := cmp.Diff(forth, back); diff != "" {
			t.Fatalf("a to b is not b to a:\n%s", diff)
		}
	})
}

func TestDecide_ignoresTheOrderOfCandidates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subject, known := anyIdentity(t, "s"), anyCandidates(t)
		want := Decide(subject, known)
		wantFind := Find(subject, known)
		shuffled := append([]Candidate(nil), known...)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 1)).Shuffle(len(shuffled), func(i, j int) {
			shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		})
		if diff := cmp.Diff(want, Decide(subject, shuffled)); diff != "" {
			t.Fatalf("Decide depends on order:\n%s", diff)
		}
		if diff := cmp.Diff(wantFind, Find(subject, shuffled)); diff != "" {
			t.Fatalf("Find depends on order:\n%s", diff)
		}
	})
}

// A verdict never rests on a retired or excluded device.
func TestDecide_settledDevicesDoNotCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subject, known := anyIdentity(t, "s"), anyCandidates(t)
		var counting []Candidate
		for _, c := range known {
			if c.State != Retired && !c.Excluded {
				counting = append(counting, c)
			}
		}
		if diff := cmp.Diff(Decide(subject, counting), Decide(subject, known)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// fleet registers n invented devices.
func fleet(g *hardwarehash.Generator, n int) ([]hardwarehash.Device, []Candidate) {
	devices, known := make([]hardwarehash.Device, n), make([]Candidate, n)
	for i := range devices {
		devices[i] = g.Next()
		known[i] = active(fmt.Sprint("r", i), devices[i].Report.Identity())
	}
	return devices, known
}

// dim blanks values of a device as firmware and captures do, keeping two anchors.
func dim(t *rapid.T, id identity) identity {
	full := id
	if rapid.Bool().Draw(t, "blank disk") {
		id.SystemDisk = ""
	}
	switch rapid.IntRange(0, 3).Draw(t, "blank anchor") {
	case 1:
		id.EK = hardwarehash.Digest{}
	case 2:
		id.UUID = hardwarehash.UUID{}
	case 3:
		id.Serial = ""
	}
	if knownAnchors(id) < 2 {
		return full
	}
	return id
}

func TestDecide_repairsOfInventedDevices(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := hardwarehash.NewGenerator(rapid.Uint64().Draw(t, "seed"))
		devices, known := fleet(g, 4)
		i := rapid.IntRange(0, 3).Draw(t, "device")
		d := devices[i]
		known[i].Identity = dim(t, known[i].Identity)
		again, err := hardwarehash.Recapture(d.Report, rapid.Uint64().Draw(t, "recapture"))
		if err != nil {
			t.Fatal(err)
		}
		// A device that is known and registered nowhere may give its parts away.
		spare := g.Next().Report.Identity()
		known = append(known, Candidate{ID: "spare", State: Unregistered, Identity: spare})
		for name, id := range map[string]identity{
			"recapture":       again.Identity(),
			"new disk":        g.NewDisk(d).Report.Identity(),
			"new memory":      g.NewMemory(d).Report.Identity(),
			"new adapter":     g.NewNIC(d, rapid.IntRange(0, 1).Draw(t, "adapter")).Report.Identity(),
			"disk of a spare": with(d.Report.Identity(), func(id *identity) { id.SystemDisk = spare.SystemDisk }),
			"adapter of a spare": with(d.Report.Identity(), func(id *identity) {
				id.MACs = []hardwarehash.MAC{id.MACs[0], spare.MACs[1]}
			}),
			"cloned virtual machine": with(d.Report.Identity(), func(id *identity) { id.MACs = g.NewBoard(d).Report.Identity().MACs }),
		} {
			if v := Decide(id, known); v.Outcome != Match || v.ID != known[i].ID {
				t.Fatalf("%s: %+v", name, v)
			}
		}
		board := Decide(g.NewBoard(d).Report.Identity(), known)
		if board.Outcome != NoMatch {
			t.Fatalf("a board that keeps nothing: %+v", board)
		}
		if known[i].Identity.SystemDisk != "" && board.Predecessor != known[i].ID {
			t.Fatalf("the predecessor is not named: %+v", board)
		}
		tpm := Decide(g.NewTPM(d).Report.Identity(), known)
		if known[i].Identity.EK != (hardwarehash.Digest{}) && tpm.Reason != BoardOrTPMChanged {
			t.Fatalf("a new TPM: %+v", tpm)
		}
	})
}

// Recapture always matches, whatever else is registered and whatever was settled
// about it, as long as no other device has the same two anchors.
func TestDecide_recaptureMatchesAmongColliders(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		own := with(device('A'), func(id *identity) { *id = dim(t, *id) })
		known := []Candidate{active("own", own)}
		for i := range rapid.IntRange(0, 3).Draw(t, "colliders") {
			other := device(byte('B' + i))
			other.Serial = device('A').Serial
			if rapid.Bool().Draw(t, "shared parts") {
				other.SystemDisk, other.MACs = own.SystemDisk, own.MACs
			}
			x := active(fmt.Sprint("x", i), other)
			x.Excluded = rapid.Bool().Draw(t, "settled as another device")
			known = append(known, x)
		}
		if v := Decide(own, known); v.Outcome != Match || v.ID != "own" {
			t.Fatalf("%+v", v)
		}
	})
}
