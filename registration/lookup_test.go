package registration_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// presents is what a device that starts for the first time is told.
func (c core) presents(r *hardwarehash.Report) *registration.Owner {
	c.t.Helper()
	owner, err := c.Lookup(c.t.Context(), hardwarehash.Trim(r.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	return owner
}

func TestLookupFindsTheOwnerOfADevice(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(300)
		device, stranger := g.Next().Report, g.Next().Report
		sub := submit(granted(oak, acme), hash(device))
		sub.Rows[0].Order.GroupTag = "kiosk"
		id := c.register(sub)[0].DeviceID
		want := registration.Owner{TenantID: acme, DeviceID: id, GroupTag: "kiosk"}
		for name, presented := range map[string]*hardwarehash.Report{"the same capture": device, "captured again": recapture(t, device, 9)} {
			if got := c.presents(presented); got == nil || *got != want {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
		if got := c.presents(stranger); got != nil {
			t.Errorf("a device nobody registered: %+v", got)
		}
		c.remove(removal(own(acme), id))
		if got := c.presents(device); got != nil {
			t.Errorf("a device that was removed: %+v", got)
		}
		again := c.one(granted(elm, bolt), hash(device)).DeviceID
		if got := c.presents(device); got == nil || *got != (registration.Owner{TenantID: bolt, DeviceID: again}) {
			t.Errorf("the device of its next owner: %+v", got)
		}
	})
}

// What a person would have to decide about is nobody's: neither the device that only
// resembles a registered one nor its repaired self learns whose that is.
func TestLookupTellsNothingAboutADeviceThatAlmostMatches(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(301)
		device := g.Next()
		c.one(granted(oak, acme), hash(device.Report))
		other := g.Next().Report
		twin := edited(t, other, func(inv *hardwarehash.Inventory) { inv.System = device.Report.Inventory.System })
		for name, presented := range map[string]*hardwarehash.Report{
			"another TPM": g.NewTPM(device).Report, "other hardware with its serial": twin,
		} {
			if got := c.presents(presented); got != nil {
				t.Errorf("%s: %+v", name, got)
			}
		}
	})
}

// Devices that a person told apart share an anchor and yet find their owners, each its own.
func TestLookupKnowsDevicesThatWereToldApart(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(303)
		first := g.Next()
		id := c.one(granted(oak, acme), hash(first.Report)).DeviceID
		second := g.NewTPM(first).Report
		c.settle(operator(), caseOf(t, c.one(granted(elm, bolt), hash(second))), models.SettledDifferent, "")
		other := c.one(granted(elm, bolt), hash(second)).DeviceID
		for name, row := range map[string]struct {
			presented *hardwarehash.Report
			want      registration.Owner
		}{
			"the first":  {recapture(t, first.Report, 3), registration.Owner{TenantID: acme, DeviceID: id}},
			"the second": {recapture(t, second, 4), registration.Owner{TenantID: bolt, DeviceID: other}},
		} {
			if got := c.presents(row.presented); got == nil || *got != row.want {
				t.Errorf("%s: %+v, want %+v", name, got, row.want)
			}
		}
	})
}

// A factory record is nobody's device, and does not hide whose a device is.
func TestLookupReadsRegistrationsOnly(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device := hardwarehash.NewGenerator(302).Next().Report
		c.build(plant, built(device))
		if got := c.presents(device); got != nil {
			t.Errorf("a factory record: %+v", got)
		}
		id := c.one(granted(oak, acme), productKey(device)).DeviceID
		if got := c.presents(device); got == nil || got.DeviceID != id {
			t.Errorf("the device claimed by its key: %+v", got)
		}
	})
}

func TestLookupRefusesWhatIsNoHash(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		for _, raw := range [][]byte{nil, {}, []byte("no hash"), make([]byte, 4000)} {
			if got, err := c.Lookup(t.Context(), raw); errs.KindOf(err) != errs.Invalid || got != nil {
				t.Errorf("%d bytes: %+v, %v", len(raw), got, err)
			}
		}
	})
}

func TestFencesAreToldPerSubject(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		c.fence(models.SubjectOfPartner, "x", 3)
		c.fence(models.SubjectOfGrant, "x", 7)
		c.fence(models.SubjectOfGrant, "y", 2)
		asked := []models.SubjectEpoch{
			{Kind: models.SubjectOfTenant, ID: "x", Epoch: 9}, {Kind: models.SubjectOfGrant, ID: "x", Epoch: 1}, {Kind: models.SubjectOfPartner, ID: "x"},
		}
		got, err := c.Fences(t.Context(), asked)
		want := []models.SubjectEpoch{{Kind: models.SubjectOfGrant, ID: "x", Epoch: 7}, {Kind: models.SubjectOfPartner, ID: "x", Epoch: 3}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		many := make([]models.SubjectEpoch, models.DispatchRows+1)
		for i := range many {
			many[i] = models.SubjectEpoch{Kind: models.SubjectOfGrant, ID: fmt.Sprint(i)}
		}
		if _, err := c.Fences(t.Context(), many); errs.KindOf(err) != errs.Invalid {
			t.Errorf("too many subjects: %v", err)
		}
		if got, err := c.Fences(t.Context(), many[1:]); err != nil || len(got) != 0 {
			t.Errorf("subjects without a fence: %+v, %v", got, err)
		}
	})
}

// The clock is the one that NotAfter is judged by.
func TestTheClockIsTheOneThatMakesWorkLate(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		now, err := c.Clock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		late, intime := devices(granted(oak, acme), 303, 1), devices(granted(oak, acme), 304, 1)
		late.Authority.NotAfter, intime.Authority.NotAfter = now, now.Add(time.Hour)
		if res, err := c.Register(t.Context(), late); err != nil || res.Refusal == nil || res.Refusal.Reason != models.RefusedAsLate {
			t.Errorf("work until a moment that has passed: %+v, %v", res, err)
		}
		wantCodes(t, "work in time", c.register(intime), "-")
	})
}
