package match

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/registration/hardwarehash"
)

func TestSettled_excludesTheOtherSide(t *testing.T) {
	t.Parallel()
	a := device('A')
	board := with(a, func(id *identity) { id.EK = hardwarehash.Digest{9} })
	twin := with(a, func(id *identity) { id.SystemDisk, id.MACs = "DX|NV3|", macs('A', 7) })
	noTPM := with(a, func(id *identity) { id.EK = hardwarehash.Digest{} })
	third := with(device('C'), func(id *identity) { id.Serial = a.Serial })
	for name, c := range map[string]struct {
		subject, second identity
		want            string // the only one left; empty: both stay
	}{
		"the first, where the second conflicts": {a, board, "a"},
		"the second, where the first conflicts": {board, board, "b"},
		"the first, where both match":           {a, twin, "a"},
		"the second, where both match":          {twin, twin, "b"},
		"both alike":                            {noTPM, board, ""},
		"neither":                               {third, board, ""},
	} {
		known := []Candidate{active("a", a), active("b", c.second)}
		var left []string
		for _, k := range Settled(c.subject, known, []Pair{{"a", "b"}}) {
			if !k.Excluded {
				left = append(left, k.ID)
			}
		}
		want := []string{"a", "b"}
		if c.want != "" {
			want = []string{c.want}
		}
		if diff := cmp.Diff(want, left); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if known[0].Excluded || known[1].Excluded {
			t.Errorf("%s: the caller's candidates were changed", name)
		}
	}
}

func TestSettled_sayNothingAboutTheRetired(t *testing.T) {
	t.Parallel()
	gone := Candidate{ID: "b", State: Retired, Identity: device('A')}
	changed := with(device('A'), func(id *identity) { id.EK = hardwarehash.Digest{9} })
	for _, k := range Settled(device('A'), []Candidate{active("a", changed), gone}, []Pair{{"a", "b"}, {"a", "unknown"}}) {
		if k.Excluded {
			t.Errorf("%s was left out for a device that is gone", k.ID)
		}
	}
}

// Neither the order of candidates nor that of pairs, nor of the names in a pair,
// matters, and never is everybody excluded.
func TestSettled_isAnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subject, known := anyIdentity(t, "s"), anyCandidates(t)
		var pairs []Pair
		for i := range known {
			known[i].Excluded = false
			for j := range i {
				if rapid.Bool().Draw(t, "settled") {
					pairs = append(pairs, Pair{known[i].ID, known[j].ID})
				}
			}
		}
		marked := Settled(subject, known, pairs)
		want := Decide(subject, marked)
		left := 0
		for _, c := range marked {
			if !c.Excluded {
				left++
			}
		}
		if len(known) > 0 && left == 0 {
			t.Fatalf("everybody is excluded: %+v", marked)
		}
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 1))
		rnd.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] })
		rnd.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		for i := range pairs {
			pairs[i] = Pair{pairs[i][1], pairs[i][0]}
		}
		if diff := cmp.Diff(want, Decide(subject, Settled(subject, known, pairs))); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Whatever two devices conflict in, once a capture was settled as a device of its
// own each of the two is recognised again.
func TestSettled_bothSidesAreRecognised(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyIdentity(t, "a"), anyIdentity(t, "b")
		if knownAnchors(a) < 2 || knownAnchors(b) < 2 || Decide(b, []Candidate{active("a", a)}).Outcome != Attention {
			return // nothing to settle
		}
		own := Candidate{ID: "b", State: State(rapid.IntRange(0, 1).Draw(t, "registered")), Identity: b}
		known := []Candidate{active("a", a), own}
		for name, id := range map[string]identity{"a": a, "b": b} {
			if v := Decide(id, Settled(id, known, []Pair{{"a", "b"}})); v.Outcome != Match || v.ID != name {
				t.Fatalf("a capture of %s: %+v", name, v)
			}
		}
	})
}
