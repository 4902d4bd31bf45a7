package registration

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// scene is a random dispatch against random stored devices. Every row is about
// one of the scene's devices.
type scene struct {
	stored []known
	rows   []models.CoreRow
	about  []int // device of each row
}

func newScene(t *testing.T, seed uint64) scene {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 1))
	g := hardwarehash.NewGenerator(seed)
	var s scene
	for d := range 6 {
		device := g.Next()
		if state := rnd.IntN(4); state > 0 {
			k := known{Identity: identityOf(device.Report.Identity())}
			k.ID, k.ReportedBy = int64(d+1), "p"
			if state > 1 {
				k.Active = owner{ID: models.DeviceID(fmt.Sprint("device-", d)), TenantID: []models.TenantID{"mine", "theirs"}[state-2]}
			}
			s.stored = append(s.stored, k)
		}
		for range rnd.IntN(4) {
			s.rows = append(s.rows, models.CoreRow{Identity: form(t, g, device, rnd)})
			s.about = append(s.about, d)
		}
	}
	return s
}

// form is one way to submit a device, or what became of it.
func form(t *testing.T, g *hardwarehash.Generator, d hardwarehash.Device, rnd *rand.Rand) models.DeviceIdentity {
	t.Helper()
	id, report := d.Report.Identity(), d.Report
	switch rnd.IntN(8) {
	case 0:
		return models.DeviceIdentity{ProductKey: id.ProductKeyID}
	case 1:
		return models.DeviceIdentity{Manufacturer: id.Manufacturer, Model: id.Product, SerialNumber: id.Serial}
	case 2:
		report = g.NewTPM(d).Report
	case 3:
		report = g.NewDisk(d).Report
	case 4:
		report = g.NewBoard(d).Report
	case 5:
		inv := report.Inventory
		inv.System.Serial = "None"
		wiped, err := hardwarehash.New(inv)
		if err != nil {
			t.Fatal(err)
		}
		report = wiped
	case 6:
		again, err := hardwarehash.Recapture(report, rnd.Uint64())
		if err != nil {
			t.Fatal(err)
		}
		report = again
	}
	return models.DeviceIdentity{Hash: hardwarehash.Trim(report.Encode())}
}

// play decides the scene's rows in an order and returns, per device, the codes of
// its rows without their order, and the plan.
func (s scene) play(t *testing.T, order []int) (map[int]string, *plan) {
	t.Helper()
	sub := models.Submission{Upload: "u", Authority: models.Authority{Kind: models.ByGrant, PartnerID: "p", TenantID: "mine", GrantID: "g"}}
	about := map[int]int{}
	for i, at := range order {
		row := s.rows[at]
		row.Row = i + 1
		about[row.Row] = s.about[at]
		sub.Rows = append(sub.Rows, row)
	}
	claims := readClaims(models.ByGrant, sub.Rows)
	for i := range claims {
		claims[i].device.ID = int64(1000 + i)
	}
	p := &plan{sub: sub, now: time.Unix(0, 0)}
	n := 0
	err := decide(p, claims, slices.Clone(s.stored), func() string { n++; return fmt.Sprint("new-", n) })
	if err != nil {
		t.Fatal(err)
	}
	perDevice := map[int][]string{}
	for _, a := range p.given {
		perDevice[about[a.Row]] = append(perDevice[about[a.Row]], "'"+string(a.Code)+"'")
	}
	out := map[int]string{}
	for d, list := range perDevice {
		out[d] = strings.Join(slices.Sorted(slices.Values(list)), " ")
	}
	return out, p
}

// Verdicts inside one dispatch do not depend on the order of its rows, except for
// which of several rows about one device is the first.
func TestRowOrderChangesNoVerdict(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for seed := range uint64(400) {
		s := newScene(t, seed)
		order := make([]int, len(s.rows))
		for i := range order {
			order[i] = i
		}
		want, _ := s.play(t, order)
		rnd := rand.New(rand.NewPCG(seed, 2))
		for range 5 {
			rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			got, _ := s.play(t, order)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d, order %v: codes per device %v, in input order %v", seed, order, got, want)
			}
		}
		for _, list := range want {
			for code := range strings.FieldsSeq(list) {
				seen[code] = true
			}
		}
	}
	for _, code := range []string{"''", "'802'", "'806'", "'808'", "'812'", "'813'", "'9003'", "'9005'"} {
		if !seen[code] {
			t.Errorf("no scene came to %s, so the property was not tested for it", code)
		}
	}
}

// Whatever the rows, no two registrations of one plan own the same anchor, anchors
// come in sorted, each row is answered once, and what another tenant has is never
// written.
func TestAPlanNeverGivesOneAnchorTwice(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		s := newScene(t, seed)
		order := rand.New(rand.NewPCG(seed, 3)).Perm(len(s.rows))
		_, p := s.play(t, order)
		for i := 1; i < len(p.anchors); i++ {
			a, b := p.anchors[i-1], p.anchors[i]
			switch order := cmp.Or(cmp.Compare(a.Kind, b.Kind), bytes.Compare(a.Key, b.Key)); {
			case order == 0:
				t.Fatalf("seed %d: identities %d and %d both own a %s anchor", seed, a.IdentityID, b.IdentityID, a.Kind)
			case order > 0:
				t.Fatalf("seed %d: anchors are not sorted, so that two writers may wait for each other", seed)
			}
		}
		for i, a := range p.answers {
			if a.Ordinal != i+1 {
				t.Fatalf("seed %d: answer %d is for row %d", seed, i+1, a.Ordinal)
			}
		}
		for _, r := range p.registrations {
			for _, k := range s.stored {
				if k.ID == r.IdentityID && k.registered() {
					t.Fatalf("seed %d: device %d is registered twice", seed, k.ID)
				}
			}
		}
	}
}

// A row that needs attention changes nothing: all that a plan writes but history
// and answers belongs to a row that registers.
func TestAttentionChangesNothingInAPlan(t *testing.T) {
	t.Parallel()
	attention := 0
	for seed := range uint64(400) {
		s := newScene(t, seed)
		_, p := s.play(t, rand.New(rand.NewPCG(seed, 4)).Perm(len(s.rows)))
		codes := map[int]models.OutcomeCode{}
		for _, a := range p.given {
			codes[a.Row] = a.Code
			if a.Code == models.OutcomeNeedsAttention {
				attention++
			}
		}
		mayChange := map[int64]bool{}
		for _, r := range p.registrations {
			if codes[r.Ordinal] != models.OutcomeRegistered {
				t.Fatalf("seed %d: row %d registers and is answered with %s", seed, r.Ordinal, codes[r.Ordinal])
			}
			mayChange[r.IdentityID] = true
		}
		for id := range writtenBy(p) {
			if !mayChange[id] {
				t.Fatalf("seed %d: identity %d is written and no row registers it", seed, id)
			}
		}
		for _, e := range p.events {
			if codes[e.Ordinal] == models.OutcomeNeedsAttention && e.Kind != models.DeviceAttention {
				t.Fatalf("seed %d: row %d needs attention and the history says %s", seed, e.Ordinal, e.Kind)
			}
		}
	}
	if attention < 100 {
		t.Fatalf("only %d rows need attention", attention)
	}
}

// writtenBy are the identities that a plan makes, changes, frees or gives anchors.
func writtenBy(p *plan) map[int64]bool {
	ids := map[int64]bool{}
	for _, i := range p.identities {
		ids[i.ID] = true
	}
	for _, c := range p.changes {
		ids[c.id] = true
	}
	for _, a := range p.anchors {
		ids[a.IdentityID] = true
	}
	for _, id := range p.freed.identities {
		ids[id] = true
	}
	return ids
}
