package registration_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// conflicted registers a device and submits another TPM in it.
func conflicted(c core, seed uint64, owner models.TenantID, by models.Authority) (models.DeviceID, models.CaseID, *hardwarehash.Report) {
	c.t.Helper()
	g := hardwarehash.NewGenerator(seed)
	device := g.Next()
	id := c.one(granted(oak, owner), hash(device.Report)).DeviceID
	capture := g.NewTPM(device).Report
	return id, caseOf(c.t, c.one(by, hash(capture))), capture
}

func all() registration.CaseScope { return registration.CaseScope{Operator: true} }

func tenantCases(t models.TenantID) registration.CaseScope {
	return registration.CaseScope{Scope: registration.Scope{Tenant: t}}
}

func partnerCases(p models.PartnerID) registration.CaseScope {
	return registration.CaseScope{Scope: registration.Scope{Partner: p}}
}

func (c core) cases(s registration.CaseScope, f registration.CaseFilter) []registration.Case {
	c.t.Helper()
	found, next, err := c.Cases(context.Background(), s, f, registration.Page{})
	if err != nil || next != "" {
		c.t.Fatal(next, err)
	}
	return found
}

func TestTheSameConflictJoinsItsCase(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		id, first, capture := conflicted(c, 500, acme, granted(oak, acme))
		if again := caseOf(t, c.one(granted(oak, acme), hash(capture))); again != first {
			t.Errorf("the same capture opened %s, want %s", again, first)
		}
		twice := submit(granted(oak, acme), hash(capture), hash(capture))
		for _, a := range c.register(twice) {
			if caseOf(t, a) != first {
				t.Errorf("in one upload: %+v", a)
			}
		}
		for i, a := range c.register(twice) {
			if caseOf(t, a) != first {
				t.Errorf("the stored answer of row %d lost its case: %+v", i, a)
			}
		}
		found := c.cases(tenantCases(acme), registration.CaseFilter{State: models.CaseOpen})
		if len(found) != 1 || found[0].Times != 4 || found[0].ID != first {
			t.Fatalf("%+v", found)
		}
		if other := caseOf(t, c.one(granted(elm, acme), hash(capture))); other == first {
			t.Error("another partner's submission joined the case")
		}
		c.settle(own(acme), first, models.SettledSame, "")
		c.still("settled", granted(oak, acme), recapture(t, capture, 1), id)
		// It stays settled, and so does what follows from it.
		if found := c.cases(tenantCases(acme), registration.CaseFilter{State: models.CaseSettled}); len(found) != 1 || found[0].Note != "seen on the desk" {
			t.Errorf("%+v", found)
		}
	})
}

func TestWhoSeesAndSettlesACase(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		// Elm submits for bolt what conflicts with a device of acme.
		theirs, id, _ := conflicted(c, 501, acme, granted(elm, bolt))
		for name, row := range map[string]struct {
			scope registration.CaseScope
			sees  bool
			knows bool
		}{
			"operator": {all(), true, true}, "submitter": {partnerCases(elm), true, false}, "its customer": {tenantCases(bolt), true, false},
			"owner": {tenantCases(acme), false, false}, "owner's partner": {partnerCases(oak), false, false}, "nobody": {registration.CaseScope{}, false, false},
			"both":         {registration.CaseScope{Scope: registration.Scope{Partner: elm, Tenant: bolt}}, true, false},
			"oak for bolt": {registration.CaseScope{Scope: registration.Scope{Partner: oak, Tenant: bolt}}, false, false},
		} {
			found := c.cases(row.scope, registration.CaseFilter{})
			one, err := c.Case(t.Context(), row.scope, id)
			if !row.sees {
				if len(found) != 0 || !errors.Is(err, registration.ErrNoCase) {
					t.Errorf("%s sees %+v, %v", name, found, err)
				}
				continue
			}
			if err != nil || len(found) != 1 || one.Settler != models.SettlerOperator || len(one.Involved) != 1 {
				t.Fatalf("%s: %+v, %v", name, found, err)
			}
			if got := one.Involved[0]; got.Own != row.knows || (got.DeviceID == theirs) != row.knows || strings.Join(got.Conflicting, "") != "E" || strings.Join(got.Agreeing, "") != "USDNK" {
				t.Errorf("%s sees %+v", name, got)
			}
			byDevice := c.cases(row.scope, registration.CaseFilter{Device: theirs})
			if (len(byDevice) == 1) != row.knows {
				t.Errorf("%s finds %d cases by a device", name, len(byDevice))
			}
		}
		for name, a := range map[string]models.Authority{"the customer": own(bolt), "a customer who is not asked": own(acme), "a factory": factory(elm)} {
			want := registration.ErrNotSettler
			if name == "a customer who is not asked" {
				want = registration.ErrNoCase
			}
			if _, err := c.Settle(t.Context(), models.Settling{Case: id, As: models.SettledSame, Authority: a}); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
		done := c.settle(operator(), id, models.SettledReplaces, theirs)
		if done.ResultDevice == "" || done.SettledDevice != theirs {
			t.Errorf("%+v", done)
		}
		if said, _, err := c.Explain(t.Context(), registration.Scope{Tenant: acme}, theirs, registration.Page{}); err != nil || len(said) != 3 ||
			said[2].Said != registration.SaidDifferent || said[2].Reason != "replaces" || said[2].TrackingID != "" || said[2].CaseID != "" {
			t.Errorf("the owner reads %+v, %v", said, err)
		}
		// The device stays its owner's, and the submitter learns neither.
		if a, b := c.count(acme), c.count(bolt); a != 1 || b != 0 {
			t.Errorf("%d and %d devices", a, b)
		}
		if one, _ := c.Case(t.Context(), partnerCases(elm), id); one.ResultDevice != "" || one.SettledDevice != "" || one.State != models.CaseSettled {
			t.Errorf("the submitter sees %+v", one)
		}
		if got := c.kindsOf(registration.Scope{Tenant: acme}, done.ResultDevice); got != "registered" {
			t.Errorf("the owner reads %q of the new device", got)
		}
		if got := c.kindsOf(registration.Scope{Tenant: acme}, theirs); got != "registered replaced settled" {
			t.Errorf("the owner reads %q of the old device", got)
		}
		c.checkArbiter()
	})
}

func TestSettlingIsIdempotentAndFinal(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device, id, _ := conflicted(c, 502, acme, granted(oak, acme))
		asked := models.Settling{Case: id, As: models.SettledSame, Authority: own(acme)}
		refused := func(what string, s models.Settling, want error) {
			t.Helper()
			before := c.live()
			if _, err := c.Settle(t.Context(), s); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
			wantSame(t, what, c.live(), before)
		}
		with := func(change func(*models.Settling)) models.Settling {
			s := asked
			change(&s)
			return s
		}
		refused("a device that is not involved", with(func(s *models.Settling) { s.Device = models.DeviceID(newID()) }), registration.ErrSettlement)
		refused("different with a device", with(func(s *models.Settling) { s.As, s.Device = models.SettledDifferent, device }), registration.ErrSettlement)
		refused("no decision", with(func(s *models.Settling) { s.As = "" }), registration.ErrSettlement)
		refused("no such case", with(func(s *models.Settling) { s.Case = models.CaseID(newID()) }), registration.ErrNoCase)
		late := with(func(s *models.Settling) { s.Authority.NotAfter = s.Authority.NotAfter.AddDate(-1, 0, 0) })
		if _, err := c.Settle(t.Context(), late); err == nil || errors.Is(err, registration.ErrAuthorityEnded) {
			t.Errorf("late: %v", err)
		}
		if _, err := c.Settle(t.Context(), with(func(s *models.Settling) { s.Authority.Epochs = nil })); err == nil {
			t.Error("settled without an epoch")
		}

		c.settle(own(acme), id, models.SettledSame, "")
		after, history := c.live(), len(c.events())
		c.settle(own(acme), id, models.SettledSame, device)
		wantSame(t, "settled again", c.live(), after)
		if n := len(c.events()); n != history {
			t.Errorf("the second time wrote %d entries", n-history)
		}
		refused("settled otherwise", with(func(s *models.Settling) { s.As = models.SettledDifferent }), registration.ErrCaseSettled)

		_, second, _ := conflicted(c, 503, acme, granted(oak, acme))
		c.fence(models.SubjectOfTenant, string(acme), 2)
		refused("fenced", with(func(s *models.Settling) { s.Case = second }), registration.ErrAuthorityEnded)
		c.settle(own(acme), id, models.SettledSame, "") // what stands is answered before the fence
	})
}

func TestACaseWhoseDevicesMovedOn(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device, id, capture := conflicted(c, 504, acme, granted(oak, acme))
		c.remove(removal(own(acme), device))
		kept := c.one(granted(elm, bolt), tuple(capture))
		wantCodes(t, "the same device, elsewhere", []models.Answer{kept}, "-")
		for _, as := range []models.Settlement{models.SettledSame, models.SettledReplaces, models.SettledDifferent} {
			if _, err := c.Settle(t.Context(), models.Settling{Case: id, As: as, Authority: own(acme)}); !errors.Is(err, registration.ErrCaseOutdated) {
				t.Errorf("%s: %v", as, err)
			}
		}
		c.settle(operator(), id, models.SettledSame, "")
		c.still("for its new owner", granted(elm, bolt), recapture(t, capture, 1), kept.DeviceID)
		c.checkArbiter()
	})
}

func TestTwoSettlersAtOnce(t *testing.T) {
	c := onPostgres(t)
	_, id, _ := conflicted(c, 505, acme, granted(oak, acme))
	held := holdAt(c, registration.Decided)
	slow := make(chan error, 1)
	go func() {
		_, err := c.Settle(context.Background(), models.Settling{Case: id, As: models.SettledSame, Authority: own(acme)})
		slow <- err
	}()
	<-held.reached
	other := make(chan error, 1)
	second := c.second()
	go func() {
		_, err := second.Settle(context.Background(), models.Settling{Case: id, As: models.SettledDifferent, Authority: operator()})
		other <- err
	}()
	untilSomebodyWaits(t, c.db)
	held.letGo()
	if err := <-slow; err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := <-other; !errors.Is(err, registration.ErrCaseSettled) {
		t.Errorf("the second: %v", err)
	}
}

func TestAFactorySettlesWhatItSold(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device := hardwarehash.NewGenerator(506).Next().Report
		c.build(plant, builtFor(device, oak))
		id := caseOf(t, c.one(granted(elm, acme), productKey(device)))
		one, err := c.Case(t.Context(), partnerCases(plant), id)
		if err != nil || one.PartnerID != "" || one.TenantID != "" || one.TrackingID != "" || one.Settler != models.SettlerManufacturer {
			t.Fatalf("the factory sees %+v, %v", one, err)
		}
		if _, err := c.Settle(t.Context(), models.Settling{Case: id, As: models.SettledSame, Authority: own(acme)}); !errors.Is(err, registration.ErrNotSettler) {
			t.Errorf("the customer: %v", err)
		}
		if _, err := c.Settle(t.Context(), models.Settling{Case: id, As: models.SettledReplaces, Authority: factory(plant)}); !errors.Is(err, registration.ErrSettlement) {
			t.Errorf("replaces: %v", err)
		}
		c.settle(factory(plant), id, models.SettledSame, "")
		wantCodes(t, "the claim", c.register(submit(granted(elm, acme), productKey(device))), "-")
	})
}

func TestRowsOfOneUploadThatWereToldApart(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(507)
		a := g.Next().Report
		b := edited(t, g.Next().Report, func(inv *hardwarehash.Inventory) { inv.System = a.Inventory.System })
		answers := c.register(submit(granted(oak, acme), hash(a), hash(b)))
		first, second := caseOf(t, answers[0]), caseOf(t, answers[1])
		if first == second {
			t.Fatal("two captures have one case")
		}
		if _, err := c.Settle(t.Context(), models.Settling{Case: first, As: models.SettledSame, Authority: own(acme)}); !errors.Is(err, registration.ErrSettlement) {
			t.Errorf("same as what: %v", err)
		}
		c.settle(own(acme), first, models.SettledDifferent, "")
		c.settle(own(acme), second, models.SettledDifferent, "")
		again := c.register(submit(granted(oak, acme), hash(recapture(t, b, 1)), hash(recapture(t, a, 1))))
		wantCodes(t, "sent again", again, "-", "-")
		c.still("one", granted(oak, acme), recapture(t, a, 2), again[1].DeviceID)
		c.still("the other", granted(oak, acme), recapture(t, b, 2), again[0].DeviceID)
	})
}

func TestCasesInPages(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		var want []models.CaseID
		for seed := range uint64(3) {
			_, id, _ := conflicted(c, 510+seed, acme, granted(oak, acme))
			want = append([]models.CaseID{id}, want...)
		}
		var got []models.CaseID
		page := registration.Page{Limit: 2}
		for {
			found, next, err := c.Cases(t.Context(), partnerCases(oak), registration.CaseFilter{Settler: models.SettlerCustomer, Reason: "board-or-tpm-changed"}, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range found {
				got = append(got, one.ID)
			}
			if page.Cursor = next; next == "" {
				break
			}
			if _, _, err := c.Cases(t.Context(), partnerCases(elm), registration.CaseFilter{}, page); !errors.Is(err, registration.ErrCursor) {
				t.Errorf("the cursor of another list: %v", err)
			}
		}
		if len(got) != 3 || got[0] != want[0] || got[2] != want[2] {
			t.Errorf("%v, want %v", got, want)
		}
		if found := c.cases(all(), registration.CaseFilter{Reason: "thin"}); len(found) != 0 {
			t.Errorf("%+v", found)
		}
	})
}
