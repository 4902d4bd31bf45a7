package registration_test

import (
	"testing"

	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// inBackgroundReport sends a report that must not be refused.
func (c core) inBackgroundReport(sub models.Submission) <-chan reply {
	return inBackground(func() (models.Result, error) { return c.Report(c.t.Context(), sub) })
}

// Of two reports that both found a serial or a key free, the newer one stands,
// whichever commits first.
func TestTwoReportsRaceForOneName(t *testing.T) {
	for name, olderFirst := range map[string]bool{"the older commits first": true, "the newer commits first": false} {
		t.Run(name, func(t *testing.T) {
			c := onPostgres(t)
			g := hardwarehash.NewGenerator(230)
			device := g.Next().Report
			older := reportOf(plant, built(device), built(g.Next().Report))
			newer := reportOf(plant, built(g.Next().Report), built(reboarded(t, device, g.Next().Report)))
			first, last := older, newer
			if !olderFirst {
				first, last = newer, older
			}
			held := holdAt(c, registration.Decided)
			slow := c.inBackgroundReport(last)
			<-held.reached
			wantCodes(t, "first to commit", c.second().report(first), "-", "-")
			held.letGo()
			r := <-slow
			wantCodes(t, "first to begin", c.whole(r.res, r.err), "-", "-")
			if live := c.live(); len(live) != 3 {
				t.Errorf("live records %q, want 3", live)
			}
			for _, i := range c.identities() {
				if i.RetiredAt == nil && i.Serial == device.Identity().Serial && i.ReportTrackingID != newer.Upload {
					t.Errorf("the record is of %+v, not of the newer report", i)
				}
			}
			c.checkArbiter()
		})
	}
}

func TestTwoManufacturersRaceForOneKey(t *testing.T) {
	c := onPostgres(t)
	g := hardwarehash.NewGenerator(231)
	device := g.Next().Report
	held := holdAt(c, registration.Decided)
	slow := c.inBackgroundReport(reportOf(plant, built(withKey(t, g.Next().Report, device.Inventory.ProductKeyID))))
	<-held.reached
	wantCodes(t, "first to commit", c.second().build(rival, built(device)), "-")
	held.letGo()
	r := <-slow
	wantCodes(t, "first to begin", c.whole(r.res, r.err), "-")
	wantCodes(t, "the key", c.register(submit(granted(oak, acme), productKey(device))), "813")
}

// A report and a registration of a device that neither had seen.
func TestAReportRacesARegistration(t *testing.T) {
	device := hardwarehash.NewGenerator(232).Next().Report
	t.Run("registered first", func(t *testing.T) {
		c := onPostgres(t)
		held := holdAt(c, registration.Decided)
		slow := c.inBackgroundReport(reportOf(plant, built(device)))
		<-held.reached
		wantCodes(t, "registration", c.second().register(submit(granted(oak, acme), hash(recapture(t, device, 1)))), "-")
		held.letGo()
		r := <-slow
		wantAnswer(t, "report", c.whole(r.res, r.err)[0], "", attached)
		if len(c.identities()) != 1 {
			t.Errorf("one device is known as %d", len(c.identities()))
		}
		c.checkArbiter()
	})
	t.Run("reported first", func(t *testing.T) {
		c := onPostgres(t)
		held := holdAt(c, registration.Decided)
		slow := inBackground(func() (models.Result, error) {
			return c.Register(t.Context(), submit(granted(oak, acme), hash(device)))
		})
		<-held.reached
		wantCodes(t, "report", c.second().build(plant, built(recapture(t, device, 1))), "-")
		held.letGo()
		r := <-slow
		wantCodes(t, "registration", c.whole(r.res, r.err), "-")
		if len(c.identities()) != 1 {
			t.Errorf("one device is known as %d", len(c.identities()))
		}
		c.checkArbiter()
	})
}

// Whoever holds the record decides first; the other one sees the outcome.
func TestAClaimWaitsForAReportAboutItsRecord(t *testing.T) {
	c := onPostgres(t)
	g := hardwarehash.NewGenerator(233)
	device := g.Next().Report
	c.build(plant, built(device))
	held := holdAt(c, registration.Decided)
	rework := withKey(t, reboarded(t, device, g.Next().Report), g.Next().Report.Inventory.ProductKeyID)
	slow := c.inBackgroundReport(reportOf(plant, built(rework)))
	<-held.reached
	claim := inBackground(func() (models.Result, error) {
		return c.second().Register(t.Context(), submit(granted(oak, acme), productKey(device), tuple(device)))
	})
	untilSomebodyWaits(t, c.db)
	held.letGo()
	r, s := <-slow, <-claim
	wantCodes(t, "rework", c.whole(r.res, r.err), "-")
	wantCodes(t, "old key, serial", c.whole(s.res, s.err), "812", "-")
	c.checkArbiter()
}

func TestAReturnedKeyWaitsForAClaimOnIt(t *testing.T) {
	c := onPostgres(t)
	device := hardwarehash.NewGenerator(234).Next().Report
	c.build(plant, built(device))
	held := holdAt(c, registration.Decided)
	claim := inBackground(func() (models.Result, error) {
		return c.Register(t.Context(), submit(granted(oak, acme), productKey(device)))
	})
	<-held.reached
	back := c.second().inBackgroundReport(reportOf(plant, returned(device.Inventory.ProductKeyID)))
	untilSomebodyWaits(t, c.db)
	held.letGo()
	r, s := <-claim, <-back
	wantCodes(t, "claim", c.whole(r.res, r.err), "-")
	wantCodes(t, "return", c.whole(s.res, s.err), "9003")
	c.checkArbiter()
}

// A record that is attached while its registration ends keeps its anchors.
func TestARemovalWaitsForTheRecordBeingAttached(t *testing.T) {
	c := onPostgres(t)
	device := hardwarehash.NewGenerator(235).Next().Report
	id := c.one(granted(oak, acme), hash(device)).DeviceID
	held := holdAt(c, registration.Decided)
	slow := c.inBackgroundReport(reportOf(plant, built(device)))
	<-held.reached
	gone := inBackground(func() (models.Result, error) {
		return c.second().Remove(t.Context(), removal(own(acme), id))
	})
	untilSomebodyWaits(t, c.db)
	held.letGo()
	r, s := <-slow, <-gone
	wantAnswer(t, "report", c.whole(r.res, r.err)[0], "", attached)
	wantCodes(t, "removal", c.whole(s.res, s.err), "-")
	c.checkArbiter()
	wantCodes(t, "resold", c.register(submit(granted(elm, bolt), productKey(device))), "-")
	c.checkArbiter()
}

// Many reports at once, each a shuffle of the same serials and keys over new
// boards: the newest report stands alone in the end.
func TestManyReportsAtOnceEndWithTheNewest(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		const devices, reports = 12, 6
		g := hardwarehash.NewGenerator(236)
		faces := make([]*hardwarehash.Report, devices)
		for i := range faces {
			faces[i] = g.Next().Report
		}
		subs := make([]models.Submission, reports)
		for n := range subs {
			rows := make([]models.CoreRow, devices)
			for i := range rows {
				rows[i] = built(reboarded(t, faces[(i*5+n)%devices], g.Next().Report))
			}
			subs[n] = reportOf(plant, rows...)
		}
		var replies []<-chan reply
		for _, sub := range subs {
			replies = append(replies, c.second().inBackgroundReport(sub))
			replies = append(replies, c.second().inBackgroundReport(sub)) // sent twice
		}
		for _, r := range replies {
			got := <-r
			for _, a := range c.whole(got.res, got.err) {
				if a.Code != models.OutcomeRegistered {
					t.Errorf("%+v", a)
				}
			}
		}
		for _, i := range c.identities() {
			if newest := subs[reports-1].Upload; (i.RetiredAt == nil) != (i.ReportTrackingID == newest) {
				t.Errorf("retired %v, of report %s; the newest is %s", i.RetiredAt, i.ReportTrackingID, newest)
			}
		}
		if live := c.live(); len(live) != devices {
			t.Errorf("%d live records, want %d", len(live), devices)
		}
		c.checkArbiter()
	})
}
