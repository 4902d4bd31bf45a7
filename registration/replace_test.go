package registration_test

import (
	"strings"
	"testing"

	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

func TestReplaceMovesTheRegistration(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(400)
		device := g.Next()
		sub := submit(granted(oak, acme), hash(device.Report))
		sub.Rows[0].Order = models.OrderData{GroupTag: "kiosk", PurchaseOrder: "PO 1", OrderLine: "3"}
		old := c.register(sub)[0].DeviceID
		repaired := g.NewTPM(device).Report
		rep := replaceBy(granted(oak, acme), replacement(old, repaired))
		rep.Rows[0].Order.PurchaseOrder = "RMA 7"
		done := c.replace(rep)
		wantCodes(t, "replace", done, "-")
		next := done[0].DeviceID
		if next == "" || next == old || !strings.Contains(done[0].Detail, string(old)) {
			t.Fatalf("answer %+v", done[0])
		}
		wantCodes(t, "sent again", c.replace(rep), "-")
		if again := c.replace(rep)[0]; again != done[0] {
			t.Errorf("answered again with %+v, first with %+v", again, done[0])
		}
		scope := registration.Scope{Tenant: acme}
		one, err := c.Device(t.Context(), scope, next)
		if err != nil || one.Order != (models.OrderData{GroupTag: "kiosk", PurchaseOrder: "RMA 7", OrderLine: "3"}) {
			t.Errorf("%+v, %v", one, err)
		}
		gone, err := c.Device(t.Context(), scope, old)
		if err != nil || gone.State != models.RegistrationEnded {
			t.Errorf("the old one is %+v, %v", gone, err)
		}
		if a, b := c.kindsOf(scope, old), c.kindsOf(scope, next); a != "registered replaced" || b != "registered" {
			t.Errorf("histories %q and %q", a, b)
		}
		events, _, err := c.History(t.Context(), scope, old, registration.Page{})
		if err != nil || events[1].OtherDevice != next {
			t.Errorf("%+v, %v", events, err)
		}
		for id, other := range map[models.DeviceID]models.DeviceID{old: next, next: old} {
			said, _, err := c.Explain(t.Context(), scope, id, registration.Page{})
			if err != nil || said[len(said)-1].Other != other {
				t.Errorf("%s: %+v, %v", id, said, err)
			}
		}
		c.still("the repaired device", granted(oak, acme), recapture(t, repaired, 1), next)
		if n := c.count(acme); n != 1 {
			t.Errorf("%d devices", n)
		}
		c.checkArbiter()
		wantCodes(t, "the old id", c.replace(replaceBy(granted(oak, acme), replacement(old, g.Next().Report))), "807")
	})
}

func TestReplaceByTheOwnHashRenewsOnly(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(401)
		device := g.Next()
		id := c.one(granted(oak, acme), hash(device.Report)).DeviceID
		a := c.replace(replaceBy(own(acme), replacement(id, g.NewDisk(device).Report)))[0]
		if a.Code != "" || a.DeviceID != id || !strings.Contains(a.Detail, "nothing was replaced") {
			t.Fatalf("%+v", a)
		}
		if all := c.identities(); len(all) != 1 || strings.Contains(all[0].SystemDisk, device.Report.Identity().SystemDisk) {
			t.Errorf("the newer capture was not taken: %+v", all)
		}
		c.checkArbiter()
	})
}

func TestWhoMayReplaceWhat(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(402)
		x, y, z, spare := g.Next(), g.Next(), g.Next(), g.Next()
		mine := c.register(submit(granted(oak, acme), hash(x.Report), hash(y.Report)))
		theirs := c.one(granted(oak, bolt), hash(z.Report)).DeviceID
		broken := hash(spare.Report)
		broken.Hash[len(broken.Hash)-1] ^= 1
		before := c.live()
		for _, row := range []struct {
			name string
			sub  models.Submission
			want string
		}{
			{"another partner", replaceBy(granted(elm, acme), replacement(mine[0].DeviceID, spare.Report)), "807"},
			{"another tenant", replaceBy(own(bolt), replacement(mine[0].DeviceID, spare.Report)), "807"},
			{"no device", replaceBy(own(acme), replacement("", spare.Report)), "807"},
			{"no hash", replaceBy(own(acme), models.CoreRow{DeviceID: mine[0].DeviceID, Identity: tuple(spare.Report)}), "803"},
			{"a broken hash", replaceBy(own(acme), models.CoreRow{DeviceID: mine[0].DeviceID, Identity: broken}), "802"},
			{"another device of the tenant", replaceBy(own(acme), replacement(mine[0].DeviceID, y.Report)), "9003"},
			{"a device of another tenant", replaceBy(own(acme), replacement(mine[0].DeviceID, z.Report)), "808"},
			{"a conflict with another tenant", replaceBy(own(acme), replacement(mine[0].DeviceID, g.NewTPM(z).Report)), "9003"},
		} {
			wantCodes(t, row.name, c.replace(row.sub), row.want)
		}
		wantSame(t, "devices", c.live(), before)
		if got := c.kindsOf(registration.Scope{Tenant: bolt}, theirs); got != "registered" {
			t.Errorf("the other tenant sees %q", got)
		}
		wantCodes(t, "one device twice", c.replace(replaceBy(
			own(acme), replacement(mine[0].DeviceID, spare.Report), replacement(mine[0].DeviceID, g.Next().Report), replacement(mine[1].DeviceID, recapture(t, spare.Report, 3)),
		)), "-", "9005", "9005")
		c.checkArbiter()
	})
}

func TestReplaceUsesAFactoryRecord(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(403)
		old, fresh := g.Next().Report, g.Next().Report
		c.build(plant, built(old), built(fresh))
		id := c.one(granted(oak, acme), hash(old)).DeviceID
		wantCodes(t, "replace", c.replace(replaceBy(granted(oak, acme), replacement(id, fresh))), "-")
		for _, i := range c.identities() {
			if replaced := i.RetiredAs == models.RetiredReplaced; replaced != (i.Serial == old.Identity().Serial) {
				t.Errorf("identity %+v", i)
			}
		}
		if all := c.identities(); len(all) != 2 {
			t.Errorf("%d identities, want the two records", len(all))
		}
		c.checkArbiter()
		// What was replaced is never recognised again: it comes back as a new device.
		wantCodes(t, "the old hardware", c.register(submit(granted(elm, bolt), hash(recapture(t, old, 5)))), "-")
		c.checkArbiter()
	})
}

func TestReplaceKeepsThePromisesOfRegister(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(404)
		a, b := g.Next(), g.Next()
		ids := c.register(submit(granted(oak, acme), hash(a.Report), hash(b.Report)))
		sub := replaceBy(granted(oak, acme), replacement(ids[0].DeviceID, g.NewTPM(a).Report), replacement(ids[1].DeviceID, g.NewTPM(b).Report))
		wantCodes(t, "one part", c.replace(withRows(sub, sub.Rows[1])), "-")
		if _, err := c.Resolve(t.Context(), sub.Upload, []int{1}); err != nil {
			t.Fatal(err)
		}
		wantCodes(t, "after Resolve", c.replace(sub), "†", "-")

		late := replaceBy(granted(oak, acme), replacement(ids[0].DeviceID, g.NewTPM(a).Report))
		late.Authority.NotAfter = late.Authority.NotAfter.AddDate(-1, 0, 0)
		if res, err := c.Replace(t.Context(), late); err != nil || res.Refusal == nil || res.Refusal.Reason != models.RefusedAsLate {
			t.Errorf("late: %+v, %v", res, err)
		}
		c.fence(models.SubjectOfTenant, string(acme), 2)
		late.Authority = granted(oak, acme)
		if res, err := c.Replace(t.Context(), late); err != nil || res.Refusal == nil || res.Refusal.Reason != models.RefusedByFence {
			t.Errorf("fenced: %+v, %v", res, err)
		}
		if _, err := c.Replace(t.Context(), reportOf(plant, built(a.Report))); err == nil {
			t.Error("a factory may replace")
		}
	})
}

// A replacement and a registration of the same new hardware: one of them has it.
func TestReplaceRacesARegistration(t *testing.T) {
	c := onPostgres(t)
	g := hardwarehash.NewGenerator(405)
	device, fresh := g.Next().Report, g.Next().Report
	id := c.one(granted(oak, acme), hash(device)).DeviceID
	held := holdAt(c, registration.Decided)
	slow := inBackground(func() (models.Result, error) {
		return c.Replace(t.Context(), replaceBy(own(acme), replacement(id, fresh)))
	})
	<-held.reached
	wantCodes(t, "registration", c.second().register(submit(granted(elm, bolt), hash(fresh))), "-")
	held.letGo()
	r := <-slow
	wantCodes(t, "replacement", c.whole(r.res, r.err), "808")
	c.still("the old device", granted(oak, acme), recapture(t, device, 1), id)
	c.checkArbiter()
}

// A replacement and a removal of the same device: it ends once.
func TestReplaceRacesARemoval(t *testing.T) {
	c := onPostgres(t)
	g := hardwarehash.NewGenerator(406)
	id := c.one(granted(oak, acme), hash(g.Next().Report)).DeviceID
	held := holdAt(c, registration.Decided)
	slow := inBackground(func() (models.Result, error) {
		return c.Remove(t.Context(), removal(own(acme), id))
	})
	<-held.reached
	wantCodes(t, "replacement", c.second().replace(replaceBy(own(acme), replacement(id, g.Next().Report))), "-")
	held.letGo()
	r := <-slow
	wantCodes(t, "removal", c.whole(r.res, r.err), "807")
	if n := c.count(acme); n != 1 {
		t.Errorf("%d devices", n)
	}
	c.checkArbiter()
}
