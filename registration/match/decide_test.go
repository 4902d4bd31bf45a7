package match

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/registration/hardwarehash"
)

func TestDecide_ruleTwoIgnoresASerialCollision(t *testing.T) {
	t.Parallel()
	a := device('A')
	collider := with(device('B'), func(id *identity) { id.Serial = a.Serial })
	got := Decide(a, []Candidate{active("own", a), active("other", collider)})
	if got.Outcome != Match || got.ID != "own" {
		t.Errorf("a device is no longer recognised once another claims its serial: %+v", got)
	}
	unknownBoard := with(collider, func(id *identity) { newBoard(id, 0) })
	got = Decide(a, []Candidate{active("own", a), active("other", unknownBoard)})
	if got.Reason != SplitIdentity {
		t.Errorf("a candidate without conflict on E or U was ignored: %+v", got)
	}
	twoClear := []Candidate{active("own", a), active("twin", a), active("other", collider)}
	got = Decide(a, twoClear)
	if got.Reason != SplitIdentity || !slices.Equal(got.Involved, []string{"other", "own", "twin"}) {
		t.Errorf("two clear candidates: %+v", got)
	}
}

func TestDecide_thinCandidateIsNotClear(t *testing.T) {
	t.Parallel()
	a := device('A')
	collider := with(device('B'), func(id *identity) { id.Serial = a.Serial })
	thin := with(a, func(id *identity) { id.EK, id.Serial = hardwarehash.Digest{}, "" })
	got := Decide(a, []Candidate{active("own", thin), active("other", collider)})
	if got.Rule != 2 || got.Reason != SplitIdentity {
		t.Errorf("one agreeing anchor was enough to ignore another candidate: %+v", got)
	}
}

func TestDecide_attentionNamesTheStrongest(t *testing.T) {
	t.Parallel()
	a, b := device('A'), device('B')
	subject := with(a, func(id *identity) { id.EK, id.UUID = b.EK, b.UUID })
	got := Decide(subject, []Candidate{active("1-own", a), active("2-donor", b)})
	if got.ID != "2-donor" {
		t.Errorf("two agreeing anchors against one: %+v", got)
	}
	quiet := with(b, func(id *identity) { id.EK, id.Serial = hardwarehash.Digest{}, "" })
	got = Decide(subject, []Candidate{active("1-own", a), active("2-quiet", quiet)})
	if got.ID != "2-quiet" {
		t.Errorf("one anchor without conflict against one with two: %+v", got)
	}
	tupleOnly := with(a, func(id *identity) { newBoard(id, 0) })
	got = Decide(subject, []Candidate{active("1-tuple", tupleOnly), active("2-donor", b)})
	if got.ID != "2-donor" {
		t.Errorf("two anchors with a conflict against one without: %+v", got)
	}
}

// Two devices that speak for the subject with equal strength: the same one is named
// whichever comes first, in attention, as predecessor and by Find.
func TestDecide_equalCandidatesAreNamedInOneOrder(t *testing.T) {
	t.Parallel()
	a := device('A')
	parts := with(device('B'), func(id *identity) { id.SystemDisk, id.MACs, id.ProductKeyID = a.SystemDisk, a.MACs, "" })
	known := []Candidate{active("1", a), active("2", a)}
	for range 2 {
		slices.Reverse(known)
		if got := Decide(a, known); got.Reason != SplitIdentity || got.ID != "1" {
			t.Errorf("attention: %+v", got)
		}
		if got := Decide(parts, known); got.Predecessor != "1" {
			t.Errorf("predecessor: %+v", got)
		}
		if got := Find(a, known); got.Reason != NotUnique || got.ID != "1" {
			t.Errorf("found: %+v", got)
		}
	}
}

func TestDecide_sharedPartThatWasHeldBefore(t *testing.T) {
	t.Parallel()
	a := device('A')
	twin := with(device('B'), func(id *identity) { id.SystemDisk, id.MACs = a.SystemDisk, a.MACs })
	got := Decide(a, []Candidate{active("own", a), active("twin", twin)})
	if got.Outcome != Match || got.ID != "own" {
		t.Errorf("a recapture does not match: %+v", got)
	}
	noDisk := with(a, func(id *identity) { id.SystemDisk = "" })
	got = Decide(a, []Candidate{active("own", noDisk), active("twin", twin)})
	if got.Reason != SharedPart || !slices.Equal(got.Involved, []string{"own", "twin"}) {
		t.Errorf("a disk that the matched device never held: %+v", got)
	}
}

func TestDecide_oneAnchor(t *testing.T) {
	t.Parallel()
	only := func(f func(from identity, id *identity)) identity {
		var id identity
		f(device('A'), &id)
		return id
	}
	ek := only(func(from identity, id *identity) { id.EK = from.EK })
	uuid := only(func(from identity, id *identity) { id.UUID = from.UUID })
	tuple := only(func(from identity, id *identity) {
		id.Manufacturer, id.Product, id.Serial = from.Manufacturer, from.Product, from.Serial
	})
	disk := func(id identity) identity {
		return with(id, func(id *identity) { id.SystemDisk = device('A').SystemDisk })
	}
	nic := func(id identity) identity { return with(id, func(id *identity) { id.MACs = device('A').MACs[:1] }) }
	for name, c := range map[string]struct {
		subject identity
		want    Reason // empty means a match
	}{
		"E alone": {ek, Thin}, "E and disk": {disk(ek), ""}, "E and adapter": {nic(ek), ""},
		"U alone": {uuid, Thin}, "U and disk": {disk(uuid), ""}, "U and adapter": {nic(uuid), ""},
		"S alone": {tuple, Thin}, "S and disk": {disk(tuple), Thin}, "S and adapter": {nic(tuple), Thin},
	} {
		got := Decide(c.subject, []Candidate{active("own", device('A'))})
		if got.Rule != 5 || got.Reason != c.want || (got.Outcome == Match) != (c.want == "") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestDecide_serialCollisionNeedsADifferentPart(t *testing.T) {
	t.Parallel()
	stranger := with(device('B'), func(id *identity) { id.Serial = device('A').Serial })
	for name, c := range map[string]struct {
		change func(*identity)
		want   Reason
	}{
		"disk and adapters differ":     {func(*identity) {}, SerialCollision},
		"disk differs, no adapters":    {func(id *identity) { id.MACs = nil }, SerialCollision},
		"adapters differ, no disk":     {func(id *identity) { id.SystemDisk = "" }, SerialCollision},
		"disk agrees":                  {func(id *identity) { id.SystemDisk = device('A').SystemDisk }, BoardOrTPMChanged},
		"adapter agrees":               {func(id *identity) { id.MACs = device('A').MACs }, BoardOrTPMChanged},
		"nothing known about parts":    {func(id *identity) { id.SystemDisk, id.MACs = "", nil }, BoardOrTPMChanged},
		"UUID agrees beside the tuple": {func(id *identity) { id.UUID = device('A').UUID }, BoardOrTPMChanged},
	} {
		got := Decide(with(stranger, c.change), []Candidate{active("own", device('A'))})
		if got.Rule != 4 || got.Reason != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestDecide_secondPass(t *testing.T) {
	t.Parallel()
	a, b := device('A'), device('B')
	factory := Candidate{ID: "factory", State: Unregistered, Identity: a}
	changed := with(a, func(id *identity) { id.EK = hardwarehash.Digest{9} })
	foreignDisk := with(a, func(id *identity) { id.SystemDisk = b.SystemDisk })
	for name, c := range map[string]struct {
		subject identity
		known   []Candidate
		want    Verdict
	}{
		"factory record": {a, []Candidate{factory}, Verdict{Outcome: Match, Rule: 3, ID: "factory"}},
		"active first":   {a, []Candidate{factory, active("own", a)}, Verdict{Outcome: Match, Rule: 3, ID: "own", Registered: true}},
		"attention in the first pass stands": {
			changed,
			[]Candidate{{ID: "factory", State: Unregistered, Identity: changed}, active("own", a)},
			Verdict{Outcome: Attention, Rule: 4, Reason: BoardOrTPMChanged, ID: "own", Registered: true},
		},
		"factory record in conflict": {changed, []Candidate{factory}, Verdict{Outcome: Attention, Rule: 4, Reason: BoardOrTPMChanged, ID: "factory"}},
		"disk of an active device in a factory-fresh one": {
			foreignDisk,
			[]Candidate{factory, active("donor", b)},
			Verdict{Outcome: Attention, Rule: 3, Reason: SharedPart, ID: "factory", Predecessor: "donor"},
		},
		"retired":         {a, []Candidate{{ID: "old", State: Retired, Identity: a}}, Verdict{Outcome: NoMatch, Rule: 1}},
		"excluded":        {a, []Candidate{{ID: "own", State: Active, Identity: a, Excluded: true}}, Verdict{Outcome: NoMatch, Rule: 1}},
		"excluded donor":  {foreignDisk, []Candidate{active("own", a), {ID: "donor", State: Active, Identity: b, Excluded: true}}, Verdict{Outcome: Match, Rule: 3, ID: "own", Registered: true}},
		"shares nothing":  {a, []Candidate{active("donor", b)}, Verdict{Outcome: NoMatch, Rule: 1}},
		"shares a key id": {with(device('C'), func(id *identity) { id.ProductKeyID = b.ProductKeyID }), []Candidate{active("donor", b)}, Verdict{Outcome: NoMatch, Rule: 6}},
		"part of a factory record": {
			with(device('C'), func(id *identity) { id.SystemDisk = a.SystemDisk }),
			[]Candidate{factory},
			Verdict{Outcome: NoMatch, Rule: 6},
		},
	} {
		got := Decide(c.subject, c.known)
		got.Comparison, got.Involved = Comparison{}, nil
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecide_predecessorPrefersTheDisk(t *testing.T) {
	t.Parallel()
	subject := with(device('C'), func(id *identity) {
		id.SystemDisk, id.MACs = device('B').SystemDisk, device('A').MACs
	})
	known := []Candidate{active("1-adapter", device('A')), active("2-disk", device('B'))}
	if got := Decide(subject, known); got.Predecessor != "2-disk" || got.Comparison.D != Agrees {
		t.Errorf("%+v", got)
	}
}

func TestVerdict_explains(t *testing.T) {
	t.Parallel()
	subject := with(device('A'), func(id *identity) {
		id.EK, id.SystemDisk, id.ProductKeyID = hardwarehash.Digest{9}, "", ""
	})
	c := Decide(subject, []Candidate{active("own", device('A'))}).Comparison
	for result, want := range map[Agreement][]Kind{
		Agrees: {UUID, Serial, Network}, Differs: {EndorsementKey}, Unknown: {SystemDisk, ProductKeyID},
	} {
		if got := c.Of(result); !slices.Equal(got, want) {
			t.Errorf("result %d: %v, want %v", result, got, want)
		}
	}
	for _, r := range []Reason{SplitIdentity, SharedPart, BoardOrTPMChanged, SerialCollision, Thin, NotUnique} {
		if r.Sentence() == "" {
			t.Errorf("%s has no sentence", r)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	a := device('A')
	tuple := identity{Manufacturer: a.Manufacturer, Product: a.Product, Serial: a.Serial}
	key := identity{ProductKeyID: a.ProductKeyID}
	known := []Candidate{{ID: "factory", Identity: a}, active("donor", device('B')), {ID: "old", State: Retired, Identity: a}}
	twin := append([]Candidate{active("twin", with(device('C'), func(id *identity) {
		id.Serial, id.ProductKeyID = a.Serial, a.ProductKeyID
	}))}, known...)
	for name, c := range map[string]struct {
		claim identity
		known []Candidate
		want  Outcome
	}{
		"tuple":                   {tuple, known, Match},
		"key id":                  {key, known, Match},
		"tuple fits two":          {tuple, twin, Attention},
		"key id fits two":         {key, twin, Attention},
		"other letter case":       {with(tuple, func(id *identity) { id.Serial = "sn-A" }), known, NoMatch},
		"serial alone":            {identity{Serial: a.Serial}, known, NoMatch},
		"tuple wins over key id":  {with(tuple, func(id *identity) { id.ProductKeyID = device('B').ProductKeyID }), known, Match},
		"only a retired one fits": {tuple, known[2:], NoMatch},
		"nothing stated":          {identity{}, known, NoMatch},
	} {
		got := Find(c.claim, c.known)
		if got.Outcome != c.want || c.want == Match && (got.ID != "factory" || got.Registered) {
			t.Errorf("%s: %+v", name, got)
		}
		if c.want == Attention && (got.Reason != NotUnique || !slices.Equal(got.Involved, []string{"factory", "twin"})) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
