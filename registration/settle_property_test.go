package registration_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/registration/hardwarehash"
)

// Recapture always matches, also after each kind of settled conflict: the capture
// that was settled, and every device that it was in conflict with.
func TestRecaptureMatchesAfterEachSettlement(t *testing.T) {
	t.Parallel()
	c := newCore(t, dbtest.New(t, db.SQLite, migrations.Core))
	rapid.Check(t, func(rt *rapid.T) {
		c.wiped()
		as := rapid.SampledFrom([]models.Settlement{models.SettledSame, models.SettledDifferent, models.SettledReplaces}).Draw(rt, "as")
		recaptureMatches(t, c, rapid.SampledFrom(conflicts).Draw(rt, "conflict"), as, rapid.Uint64Range(0, 1000).Draw(rt, "seed"))
	})
}

// The same once for each conflict and settlement, on both databases.
func TestEachSettlementOfEachConflict(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		for i, conflict := range conflicts {
			for _, as := range []models.Settlement{models.SettledSame, models.SettledDifferent, models.SettledReplaces} {
				recaptureMatches(t, c, conflict, as, uint64(300+i))
				c.wiped()
			}
		}
	})
}

func recaptureMatches(t *testing.T, c core, with conflict, as models.Settlement, seed uint64) {
	t.Helper()
	what := fmt.Sprintf("%s, settled as %s, seed %d", with.name, as, seed)
	g := hardwarehash.NewGenerator(seed)
	own, donor := g.Next(), g.Next()
	by := granted(oak, acme)
	first, second := c.one(by, hash(own.Report)), c.one(by, hash(donor.Report))
	capture := with.make(t, g, own, donor)
	before := c.live()
	refused := c.one(by, hash(capture))
	id := caseOf(t, refused)
	wantSame(t, what+": devices after the refusal", c.live(), before)

	device := first.DeviceID
	if as == models.SettledDifferent {
		device = ""
	}
	done := c.settle(asCustomer(acme), id, as, device)
	if done.Reason != with.reason || len(done.Involved) != map[bool]int{false: 1, true: 2}[with.donor] {
		t.Fatalf("%s: case %+v", what, done)
	}
	want := first.DeviceID
	switch as {
	case models.SettledDifferent:
		made := c.one(by, hash(recapture(t, capture, seed)))
		wantCodes(t, what+": sent again", []models.Answer{made}, "-")
		want = made.DeviceID
	case models.SettledReplaces:
		if want = done.ResultDevice; want == "" || want == first.DeviceID {
			t.Fatalf("%s: the new device is %q", what, want)
		}
	}
	c.still(what+": the capture", by, recapture(t, capture, seed+1), want)
	c.still(what+": the donor", by, recapture(t, donor.Report, seed+2), second.DeviceID)
	if as == models.SettledDifferent {
		c.still(what+": the device it was taken for", by, recapture(t, own.Report, seed+3), first.DeviceID)
	}
	foreign := c.one(granted(elm, bolt), hash(recapture(t, capture, seed+4)))
	wantCodes(t, what+": for another tenant", []models.Answer{foreign}, "808")
	c.comesAndGoes(t, what, want, capture)
}

// asCustomer is own, where a device has that name.
func asCustomer(t models.TenantID) models.Authority { return own(t) }

// still expects a capture to be recognised as a registered device.
func (c core) still(what string, by models.Authority, r *hardwarehash.Report, want models.DeviceID) {
	c.t.Helper()
	if got := c.one(by, hash(r)); got.Code != models.OutcomeAlreadyAssigned || got.DeviceID != want {
		c.t.Fatalf("%s: %+v, want 806 of %s", what, got, want)
	}
}

// comesAndGoes removes a device and registers it again: whatever it shares with
// others by a person's word, the arbiter does not stand in its way.
func (c core) comesAndGoes(t *testing.T, what string, id models.DeviceID, r *hardwarehash.Report) {
	t.Helper()
	wantCodes(t, what+": removed", c.remove(removal(own(acme), id)), "-")
	again := c.one(granted(oak, acme), hash(recapture(t, r, 77)))
	wantCodes(t, what+": registered again", []models.Answer{again}, "-")
	c.still(what+": after its return", granted(oak, acme), recapture(t, r, 78), again.DeviceID)
}
