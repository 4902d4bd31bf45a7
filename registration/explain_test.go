package registration_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

func TestExplainSaysWhy(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(600)
		device := g.Next()
		id := c.one(granted(oak, acme), hash(device.Report)).DeviceID
		c.one(granted(oak, acme), hash(g.NewDisk(device).Report))
		c.one(granted(elm, acme), hash(edited(t, device.Report, func(inv *hardwarehash.Inventory) { inv.EKPub, inv.OfflineID = nil, nil })))
		refused := caseOf(t, c.one(granted(oak, acme), hash(g.NewTPM(device).Report)))
		c.one(granted(elm, bolt), hash(device.Report)) // contested, which acme is not told
		successor := c.one(granted(oak, acme), hash(g.NewBoard(device).Report)).DeviceID

		said, _, err := c.Explain(t.Context(), registration.Scope{Tenant: acme}, id, registration.Page{})
		if err != nil || len(said) != 4 {
			t.Fatalf("%+v, %v", said, err)
		}
		for i, want := range []struct {
			said, agree, differ, unknown string
			rule                         int
			withoutTPM                   bool
		}{
			{"new", "", "", "EUSDNK", 1, false},
			{"same", "EUSNK", "D", "", 3, false},
			{"same", "USDNK", "", "E", 3, true},
			{"attention", "USDNK", "E", "", 4, false},
		} {
			got := said[i]
			if got.Said != want.said || got.Rule != want.rule || got.WithoutTPM != want.withoutTPM || strings.Join(got.Agreeing, "") != want.agree ||
				strings.Join(got.Conflicting, "") != want.differ || strings.Join(got.Unknown, "") != want.unknown || got.DeviceID != id {
				t.Errorf("%d: %+v, want %+v", i, got, want)
			}
		}
		if said[3].CaseID != refused || said[3].Reason != "board-or-tpm-changed" {
			t.Errorf("%+v", said[3])
		}
		next, _, err := c.Explain(t.Context(), registration.Scope{Tenant: acme}, successor, registration.Page{})
		if err != nil || len(next) != 1 || next[0].Other != id || next[0].Rule != 6 || next[0].Said != "new" {
			t.Errorf("the successor: %+v, %v", next, err)
		}

		// A partner reads its own calls, page by page; a stranger nothing.
		mine, cursor, err := c.Explain(t.Context(), registration.Scope{Partner: oak}, id, registration.Page{Limit: 2})
		if err != nil || len(mine) != 2 || cursor == "" {
			t.Fatalf("%+v, %v", mine, err)
		}
		rest, cursor, err := c.Explain(t.Context(), registration.Scope{Partner: oak}, id, registration.Page{Cursor: cursor})
		if err != nil || len(rest) != 1 || cursor != "" || rest[0].Said != "attention" {
			t.Errorf("%+v, %v", rest, err)
		}
		for _, scope := range []registration.Scope{{}, {Partner: elm}, {Tenant: bolt}} {
			if _, _, err := c.Explain(t.Context(), scope, id, registration.Page{}); !errors.Is(err, registration.ErrNoDevice) {
				t.Errorf("%+v: %v", scope, err)
			}
		}
	})
}

// The predecessor of a device is named to those who may see it alone.
func TestAForeignPredecessorIsNotNamed(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(601)
		device := g.Next()
		c.one(granted(oak, acme), hash(device.Report))
		id := c.one(granted(elm, bolt), hash(g.NewBoard(device).Report)).DeviceID
		said, _, err := c.Explain(t.Context(), registration.Scope{Tenant: bolt}, id, registration.Page{})
		if err != nil || len(said) != 1 || said[0].Other != "" || said[0].Rule != 6 {
			t.Errorf("%+v, %v", said, err)
		}
	})
}

func TestQualityIsKeptWithTheRegistration(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(602)
		good, poor := g.Next().Report, g.Next().Report
		made := time.Now().Add(-48 * time.Hour).UTC().Truncate(time.Second)
		poor = edited(t, poor, func(inv *hardwarehash.Inventory) {
			run := *inv.Capture
			run.OSType, run.Time = hardwarehash.OSTypePE, made
			inv.Capture = &run
			inv.EKPub, inv.OfflineID, inv.TPMVersion = nil, nil, ""
			inv.System.Family = "To be filled by O.E.M."
		})
		answers := c.register(submit(granted(oak, acme), hash(good), hash(poor)))
		read := func(a models.Answer) registration.Device {
			t.Helper()
			d, err := c.Device(t.Context(), registration.Scope{Tenant: acme}, a.DeviceID)
			if err != nil || d.Evidence == nil {
				t.Fatalf("%+v, %v", d, err)
			}
			return d
		}
		first, second := read(answers[0]).Evidence, read(answers[1]).Evidence
		if !first.TPMSeen || first.WindowsPE || len(first.Missing)+len(first.Placeholders) != 0 || first.MadeAt == nil {
			t.Errorf("a good hash: %+v", first)
		}
		if second.TPMSeen || !second.WindowsPE || !slices.Equal(second.Missing, []string{"TPMVersion", "EkPubHash"}) ||
			!slices.Equal(second.Placeholders, []string{"SmbiosSystemFamily"}) || !second.MadeAt.Equal(made) || second.Age < 47*time.Hour || second.Age > 49*time.Hour {
			t.Errorf("a poor hash: %+v", second)
		}
		c.remove(removal(own(acme), answers[0].DeviceID))
		again := c.one(granted(oak, acme), productKey(good))
		if d, err := c.Device(t.Context(), registration.Scope{Tenant: acme}, again.DeviceID); err != nil || d.Evidence != nil {
			t.Errorf("without a hash: %+v, %v", d.Evidence, err)
		}
	})
}
