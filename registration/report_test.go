package registration_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

const (
	onRecord     = "The device is on record."
	renewed      = "The device was on record; this report is its newest."
	nothingNew   = "The device is already on record. Nothing changed."
	attached     = "The device is already known; the record was attached."
	outOfDate    = "A newer report about this hardware, serial number or product key id is there. Nothing changed."
	withdrawn    = "The record of this product key id was withdrawn."
	withdrawnNow = "The record of this product key id was withdrawn before. Nothing changed."
	nothingThere = "No factory record of yours states this product key id; nothing to withdraw."
)

func TestAReportedDeviceIsRegisteredByKeyAndTuple(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(200)
		byTuple, byKey, byHash := g.Next().Report, g.Next().Report, g.Next().Report
		wantCodes(t, "before", c.register(submit(granted(oak, acme), tuple(byTuple), productKey(byKey))), "812", "812")
		for _, a := range c.build(plant, built(byTuple), built(byKey), built(byHash)) {
			wantAnswer(t, "report", a, "", onRecord)
		}
		if n := c.count(acme); n != 0 {
			t.Fatalf("a report registered %d devices", n)
		}
		c.checkArbiter()
		done := c.register(submit(granted(oak, acme), tuple(byTuple), productKey(byKey), hash(recapture(t, byHash, 1))))
		wantCodes(t, "registration", done, "-", "-", "-")
		wantCodes(t, "again", c.register(submit(granted(oak, acme), productKey(byTuple), tuple(byKey), hash(byHash))), "806", "806", "806")
		wantCodes(t, "elsewhere", c.register(submit(granted(elm, bolt), productKey(byTuple), tuple(byKey), hash(byHash))), "808", "808", "808")
		c.checkArbiter()
		c.remove(removal(own(acme), done[0].DeviceID, done[1].DeviceID, done[2].DeviceID))
		c.checkArbiter()
		wantCodes(t, "resold", c.register(submit(granted(elm, bolt), productKey(byTuple), tuple(byKey), hash(byHash))), "-", "-", "-")
		c.checkArbiter()
		if len(c.identities()) != 3 {
			t.Errorf("%d identities, want 3", len(c.identities()))
		}
	})
}

func TestReworkSupersedesTheOlderRecord(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(201)
		first, spare, third := g.Next().Report, g.Next().Report, g.Next().Report
		again := withKey(t, reboarded(t, first, spare), third.Inventory.ProductKeyID)
		c.build(plant, built(first))
		wantAnswer(t, "rework", c.build(plant, built(again))[0], "", onRecord)
		wantSame(t, "history", c.events(), []string{"reported", "superseded", "reported"})
		c.checkArbiter()
		if old := c.identities()[0]; old.RetiredAs != models.RetiredSuperseded || old.RetiredAt == nil {
			t.Errorf("the old record: %+v", old)
		}
		wantCodes(t, "the old key", c.register(submit(granted(oak, acme), productKey(first))), "812")
		done := c.register(submit(granted(oak, acme), tuple(first)))
		wantCodes(t, "the serial", done, "-")
		wantCodes(t, "the new key", c.register(submit(granted(oak, acme), productKey(again))), "806")
		wantCodes(t, "the old hash", c.register(submit(granted(oak, acme), hash(first))), "9003")
		c.checkArbiter()
	})
}

// A record of one device is renewed, whatever identifier is new.
func TestReportsOfOneDeviceRenewItsRecord(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(202)
		device := g.Next().Report
		otherKey := withKey(t, recapture(t, device, 1), g.Next().Report.Inventory.ProductKeyID)
		wantAnswer(t, "first", c.build(plant, built(device))[0], "", onRecord)
		before := c.statements()
		wantAnswer(t, "same again", c.build(plant, built(device))[0], "", nothingNew)
		if len(c.statements()) != len(before) || c.statements()[0] == before[0] {
			t.Error("the statements do not follow the newest report")
		}
		wantAnswer(t, "sold", c.build(plant, builtFor(device, oak))[0], "", renewed)
		wantAnswer(t, "other key", c.build(plant, built(otherKey))[0], "", renewed)
		wantSame(t, "history", c.events(), []string{"reported", "reported", "reported", "reported"})
		if all := c.identities(); len(all) != 1 || all[0].SoldTo != "" || all[0].ProductKey != otherKey.Inventory.ProductKeyID {
			t.Errorf("identities %+v", all)
		}
		c.checkArbiter()
		wantCodes(t, "old key, new key", c.register(submit(granted(oak, acme), productKey(device), productKey(otherKey))), "812", "-")
	})
}

func TestTheRowsKeyCompletesTheHash(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(203)
		device, other := g.Next().Report, g.Next().Report
		bare := built(withKey(t, device, ""))
		bare.Identity.ProductKey = " " + device.Inventory.ProductKeyID + " "
		differs := built(device)
		differs.Identity.ProductKey = other.Inventory.ProductKeyID
		answers := c.build(plant, bare, differs)
		wantAnswer(t, "no key in the hash", answers[0], "", onRecord)
		wantCodes(t, "two keys", answers, "-", "9004")
		for _, key := range []string{device.Inventory.ProductKeyID, other.Inventory.ProductKeyID} {
			if !strings.Contains(answers[1].Detail, key) {
				t.Errorf("%q does not name %s", answers[1].Detail, key)
			}
		}
		wantCodes(t, "by that key", c.register(submit(granted(oak, acme), productKey(device))), "-")
	})
}

func TestRowsThatReportNothing(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(204)
		device := g.Next().Report
		nameless := edited(t, device, func(inv *hardwarehash.Inventory) { inv.System.Serial = "To be filled by O.E.M." })
		broken := built(device)
		broken.Identity.Hash[len(broken.Identity.Hash)-1] ^= 1
		badKey := built(device)
		badKey.Identity.ProductKey = "123"
		answers := c.build(
			plant, models.CoreRow{Identity: productKey(device)}, models.CoreRow{Identity: tuple(device)}, models.CoreRow{},
			broken, built(nameless), badKey, returned(""), returned("12"),
		)
		wantCodes(t, "rows", answers, "803", "803", "803", "802", "802", "803", "803", "803")
		if !strings.Contains(answers[0].Detail, "needs the hardware hash") {
			t.Errorf("row 1: %q", answers[0].Detail)
		}
		if len(c.identities()) != 0 || len(c.statements()) != 0 {
			t.Errorf("%d identities and %d statements", len(c.identities()), len(c.statements()))
		}
		c.build(plant, built(device))
		wantAnswer(t, "a wiped serial of a known device", c.build(plant, built(nameless))[0], "", renewed)
	})
}

func TestReturnedKeys(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(205)
		device, taken, theirs := g.Next().Report, g.Next().Report, g.Next().Report
		key := func(r *hardwarehash.Report) string { return r.Inventory.ProductKeyID }
		c.build(plant, built(device), built(taken))
		c.build(rival, built(theirs))
		id := c.register(submit(granted(oak, acme), productKey(taken)))[0].DeviceID

		answers := c.build(plant, returned(key(device)), returned(key(taken)), returned(key(theirs)), returned(key(g.Next().Report)))
		wantAnswer(t, "on record", answers[0], "", withdrawn)
		wantAnswer(t, "another OEM's", answers[2], "812", nothingThere)
		wantAnswer(t, "unknown", answers[3], "812", nothingThere)
		if a := answers[1]; a.Code != "9003" || !strings.Contains(a.Detail, "must first remove it. (returned-while-registered)") || strings.Contains(a.Detail, "acme") {
			t.Errorf("registered: %+v", a)
		}
		wantAnswer(t, "returned again", c.build(plant, returned(key(device)))[0], "", withdrawnNow)
		c.checkArbiter()
		wantCodes(t, "claims", c.register(submit(granted(oak, acme), productKey(device), tuple(device), productKey(theirs))), "812", "812", "-")

		c.remove(removal(own(acme), id))
		wantAnswer(t, "after the removal", c.build(plant, returned(key(taken)))[0], "", withdrawn)
		wantAnswer(t, "built again", c.build(plant, built(device))[0], "", onRecord)
		wantCodes(t, "registered at last", c.register(submit(granted(oak, acme), productKey(device))), "-")
		c.checkArbiter()
	})
}

func TestReportsOfRegisteredDevices(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(206)
		device := g.Next().Report
		noKey := withKey(t, device, "")
		id := c.one(granted(oak, acme), hash(noKey)).DeviceID
		before := c.identities()[0]
		moved := edited(t, recapture(t, device, 3), func(inv *hardwarehash.Inventory) { inv.NICs, inv.Disks, inv.SystemDisk = nil, nil, nil })
		wantAnswer(t, "attached", c.build(plant, builtFor(moved, elm))[0], "", attached)
		c.checkArbiter()
		after := c.identities()[0]
		if after.ReportedBy != plant || after.ReportTrackingID == "" || after.SoldTo != elm || after.ProductKey != device.Inventory.ProductKeyID {
			t.Errorf("the record was not attached: %+v", after)
		}
		if string(after.MACs) != string(before.MACs) || after.SystemDisk != before.SystemDisk || !after.CapturedAt.Equal(before.CapturedAt) {
			t.Errorf("the report rewrote a registered device: %+v, before %+v", after, before)
		}
		wantCodes(t, "found by the key it learned", c.register(submit(granted(oak, acme), productKey(device))), "806")
		wantAnswer(t, "another key", c.build(plant, built(withKey(t, device, g.Next().Report.Inventory.ProductKeyID)))[0], "", attached)
		if k := c.identities()[0].ProductKey; k != device.Inventory.ProductKeyID {
			t.Errorf("the report changed a known key to %s", k)
		}
		c.remove(removal(own(acme), id))
		c.checkArbiter()
		wantAnswer(t, "renewed once nobody has it", c.build(plant, built(device))[0], "", renewed)
		c.checkArbiter()
	})
}

// Two OEMs may state one product key id: neither shuts the other out, a claim by it fits
// both, and what each says of its own record later is judged by its own reports alone.
func TestReportsOfTwoOEMsWithOneKey(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(208)
		mine := g.Next().Report
		theirs := withKey(t, g.Next().Report, mine.Inventory.ProductKeyID)
		early := reportOf(plant, built(withKey(t, recapture(t, mine, 1), "3300000000017")))
		wantCodes(t, "first", c.build(plant, built(mine)), "-")
		wantCodes(t, "second", c.build(rival, built(theirs)), "-")
		wantCodes(t, "claim by key", []models.Answer{c.one(granted(oak, acme), productKey(mine))}, "813")
		late, err := c.Report(t.Context(), early)
		if err != nil || !strings.Contains(late.Answers[0].Detail, "newer report") {
			t.Errorf("an older report of the first OEM: %+v, %v", late, err)
		}
		wantCodes(t, "claim by tuple", []models.Answer{c.one(granted(oak, acme), tuple(mine))}, "-")
		c.checkArbiter()
	})
}

// What an OEM may not decide alone.
func TestReportsThatNeedAttention(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(207)
		taken, theirs, removed := g.Next().Report, g.Next(), g.Next()
		c.build(plant, built(taken))
		c.one(granted(oak, acme), productKey(taken))
		c.build(rival, built(theirs.Report))
		c.remove(removal(own(acme), c.one(granted(oak, acme), hash(removed.Report)).DeviceID))
		live, said, history := c.live(), c.statements(), len(c.events())

		const operator, you = "An operator of the registration service must decide.", "You must decide."
		for _, row := range []struct {
			name        string
			report      *hardwarehash.Report
			who, reason string
		}{
			{"other hardware under a registered serial", reboarded(t, taken, g.Next().Report), operator, "serial-collision"},
			{"key of a registered device", withKey(t, g.Next().Report, taken.Inventory.ProductKeyID), operator, "key-in-use"},
			{"another OEM's record", recapture(t, theirs.Report, 1), operator, "reported-by-another"},
			{"conflict with another OEM's record", g.NewTPM(theirs).Report, operator, "board-or-tpm-changed"},
			{"conflict with a device nobody has", g.NewTPM(removed).Report, you, "board-or-tpm-changed"},
		} {
			a := c.build(plant, built(row.report))[0]
			if a.Code != "9003" || !strings.Contains(a.Detail, row.who+" ("+row.reason+") It is case ") {
				t.Errorf("%s: %+v", row.name, a)
			}
			for _, secret := range []string{string(acme), string(oak), string(rival)} {
				if strings.Contains(a.Detail, secret) {
					t.Errorf("%s names %s: %q", row.name, secret, a.Detail)
				}
			}
			history++
			if events := c.events(); len(events) != history || events[history-1] != "attention "+row.reason {
				t.Errorf("%s: history %q", row.name, events)
			}
		}
		wantSame(t, "records", c.live(), live)
		wantSame(t, "statements", c.statements(), said)
		c.checkArbiter()
	})
}

// Hardware that is recognised by its board, under a serial that a factory record
// owns: the rules let the record pass, the arbiter would never.
func TestASerialThatARecordOwnsIsNotTakenOver(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(215)
		device, record := g.Next().Report, g.Next().Report
		noProduct := edited(t, device, func(inv *hardwarehash.Inventory) { inv.System.Product = "" })
		c.remove(removal(own(acme), c.one(granted(oak, acme), hash(noProduct)).DeviceID))
		c.build(rival, built(record))
		both := edited(t, device, func(inv *hardwarehash.Inventory) { inv.System = record.Inventory.System })
		for what, a := range map[string]models.Answer{
			"registration": c.one(granted(oak, acme), hash(both)), "report": c.build(plant, built(both))[0],
		} {
			if a.Code != "9003" || !strings.Contains(a.Detail, "(split-identity) It is case ") {
				t.Errorf("%s: %+v", what, a)
			}
		}
		c.checkArbiter()
	})
}

func TestAReportAdoptsADeviceNobodyHas(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device := hardwarehash.NewGenerator(208).Next().Report
		c.remove(removal(own(acme), c.one(granted(oak, acme), hash(device)).DeviceID))
		wantAnswer(t, "report", c.build(plant, built(recapture(t, device, 1)))[0], "", renewed)
		if all := c.identities(); len(all) != 1 || all[0].ReportedBy != plant {
			t.Errorf("identities %+v", all)
		}
		c.checkArbiter()
		wantCodes(t, "registration", c.register(submit(granted(elm, bolt), tuple(device))), "-")
		c.checkArbiter()
	})
}

func TestADeviceSoldToAnotherPartner(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(209)
		a, b, d, e := g.Next().Report, g.Next().Report, g.Next().Report, g.Next().Report
		c.build(plant, builtFor(a, oak), builtFor(b, oak), builtFor(d, oak), builtFor(e, oak))
		answers := c.register(submit(granted(elm, bolt), productKey(a), tuple(b), hash(recapture(t, d, 1)), tuple(a)))
		wantCodes(t, "another partner", answers, "9003", "9003", "9003", "9005")
		if !strings.Contains(answers[0].Detail, "sold this device to another partner") || strings.Contains(answers[0].Detail, string(oak)) {
			t.Errorf("the answer: %q", answers[0].Detail)
		}
		wantSame(t, "history", c.events()[4:], []string{"attention sold-to-another", "attention sold-to-another", "attention sold-to-another"})
		wantCodes(t, "the partner it was sold to", c.register(submit(granted(oak, acme), productKey(a))), "-")
		wantCodes(t, "the manufacturer", c.register(submit(granted(plant, acme), tuple(b))), "-")
		wantCodes(t, "the customer itself", c.register(submit(own(bolt), hash(d))), "-")
		wantCodes(t, "another partner, registered", c.register(submit(granted(elm, bolt), productKey(a))), "808")
		c.build(plant, builtFor(e, elm))
		wantCodes(t, "sold on", c.register(submit(granted(elm, bolt), productKey(e))), "-")
		c.checkArbiter()
	})
}

func TestReportAnswersAreGivenAgain(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(210)
		sub := reportOf(plant, built(g.Next().Report), built(g.Next().Report), built(g.Next().Report), returned(g.Next().Report.Inventory.ProductKeyID))
		r := sub.Rows
		first := c.report(withRows(sub, r[1], r[3]))
		history := len(c.events())
		c.fence(models.SubjectOfPartner, string(plant), 2)
		late := sub
		late.Authority.NotAfter = time.Now().Add(-time.Minute)
		if again := c.report(withRows(late, r[3], r[1])); again[0] != first[0] || again[1] != first[1] || len(c.events()) != history {
			t.Errorf("repeated: %+v, first %+v", again, first)
		}
		res, err := c.Report(t.Context(), late)
		if err != nil || res.Refusal == nil || res.Refusal.Reason != models.RefusedByFence || len(res.Answers) != 2 {
			t.Fatalf("with open rows: %+v, %v", res, err)
		}
		sub.Authority.Epochs[0].Epoch = 2
		wantCodes(t, "whole", c.report(sub), "-", "-", "-", "812")
		if len(c.identities()) != 3 {
			t.Errorf("%d identities", len(c.identities()))
		}
	})
}

func TestFencedAndLateReportsAreRefused(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device := hardwarehash.NewGenerator(211).Next().Report
		c.fence(models.SubjectOfClient, "p-"+string(plant), 2)
		res, err := c.Report(t.Context(), reportOf(plant, built(device)))
		if err != nil || res.Refusal == nil || res.Refusal.Reason != models.RefusedByFence {
			t.Fatalf("fenced: %+v, %v", res, err)
		}
		sub := reportOf(rival, built(device))
		sub.Authority.NotAfter = time.Now().Add(-time.Second)
		if res, err = c.Report(t.Context(), sub); err != nil || res.Refusal == nil || res.Refusal.Reason != models.RefusedAsLate {
			t.Fatalf("late: %+v, %v", res, err)
		}
		if len(c.identities()) != 0 {
			t.Error("refused work was kept")
		}
	})
}

func TestTombstoneBeatsALateReport(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(212)
		sub := reportOf(plant, built(g.Next().Report), built(g.Next().Report))
		done := c.report(withRows(sub, sub.Rows[0]))
		got, err := c.Resolve(t.Context(), sub.Upload, []int{1, 2})
		if err != nil || got[0] != done[0] || !got[1].Absent {
			t.Fatalf("resolved %+v, %v", got, err)
		}
		wantCodes(t, "late", c.report(sub), "-", "†")
		if len(c.identities()) != 1 {
			t.Errorf("%d identities, want 1", len(c.identities()))
		}
	})
}

// A process that ends inside the transaction, before or after writing, leaves
// nothing; the same rows sent again are all there is.
func TestACrashInsideAReportLeavesNothing(t *testing.T) {
	here(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(213)
		first := g.Next().Report
		c.build(plant, built(first))
		before := append(c.live(), c.statements()...)
		sub := reportOf(plant, built(reboarded(t, first, g.Next().Report)), built(g.Next().Report))
		for _, at := range []registration.Moment{registration.Decided, registration.Written} {
			ctx, cancel := context.WithCancel(t.Context())
			dying := c.second()
			dying.PauseAt(at, cancel)
			if _, err := dying.Report(ctx, sub); !errors.Is(err, context.Canceled) || errs.KindOf(err) != errs.Unavailable {
				t.Fatalf("cancelled: %v", err)
			}
			wantSame(t, "afterwards", append(c.live(), c.statements()...), before)
		}
		for _, a := range c.second().report(sub) {
			wantAnswer(t, "sent again", a, "", onRecord)
		}
		c.checkArbiter()
	})
}

func TestReportsTheContractForbids(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device := hardwarehash.NewGenerator(214).Next().Report
		for name, spoil := range map[string]func(*models.Submission){
			"no upload":            func(s *models.Submission) { s.Upload = "" },
			"no rows":              func(s *models.Submission) { s.Rows = nil },
			"no end":               func(s *models.Submission) { s.Authority.NotAfter = time.Time{} },
			"by a grant":           func(s *models.Submission) { s.Authority = granted(oak, acme) },
			"by a tenant":          func(s *models.Submission) { s.Authority = own(acme) },
			"with a tenant":        func(s *models.Submission) { s.Authority.TenantID = acme },
			"with a grant":         func(s *models.Submission) { s.Authority.GrantID = "g" },
			"no partner":           func(s *models.Submission) { s.Authority.PartnerID = "" },
			"partner unfenced":     func(s *models.Submission) { s.Authority.Epochs = s.Authority.Epochs[1:] },
			"client without epoch": func(s *models.Submission) { s.Authority.Epochs = s.Authority.Epochs[:1] },
		} {
			sub := reportOf(plant, built(device))
			spoil(&sub)
			if _, err := c.Report(t.Context(), sub); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s: %v, want Invalid", name, err)
			}
		}
		for call, do := range map[string]func(context.Context, models.Submission) (models.Result, error){"Register": c.Register, "Remove": c.Remove} {
			if _, err := do(t.Context(), reportOf(plant, built(device))); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s for a factory: %v, want Invalid", call, err)
			}
		}
		if len(c.identities()) != 0 {
			t.Error("something was kept")
		}
	})
}
