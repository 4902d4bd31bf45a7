package registration_test

import (
	"strings"
	"testing"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

func TestRecaptureIsTheSameDeviceForEverybody(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device := hardwarehash.NewGenerator(1).Next().Report
		first := c.one(granted(oak, acme), hash(device))
		if first.Code != models.OutcomeRegistered || first.DeviceID == "" || first.Detail == "" {
			t.Fatalf("a new device was answered with %+v", first)
		}
		again := c.one(granted(oak, acme), hash(recapture(t, device, 7)))
		if again.Code != models.OutcomeAlreadyAssigned || again.DeviceID != first.DeviceID {
			t.Fatalf("its recapture was answered with %+v", again)
		}
		if !strings.Contains(again.Detail, "row 1 of upload ") {
			t.Errorf("the partner is not told which of its uploads it was: %q", again.Detail)
		}
		if other := c.one(granted(elm, acme), hash(device)); other.Detail != models.OutcomeOf(models.OutcomeAlreadyAssigned).Sentence {
			t.Errorf("another partner is told of the upload: %q", other.Detail)
		}
		foreign := c.one(granted(elm, bolt), hash(recapture(t, device, 8)))
		if foreign.Code != models.OutcomeOtherTenant || foreign.DeviceID != "" || foreign.Detail != models.OutcomeOf(models.OutcomeOtherTenant).Sentence {
			t.Fatalf("for another tenant: %+v", foreign)
		}
		if a, b := c.count(acme), c.count(bolt); a != 1 || b != 0 {
			t.Errorf("the tenants have %d and %d devices, want 1 and 0", a, b)
		}
	})
}

func TestHashesThatAreNone(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(2)
		broken := hash(g.Next().Report)
		broken.Hash[len(broken.Hash)-1] ^= 1
		nameless := edited(t, g.Next().Report, func(inv *hardwarehash.Inventory) { inv.System.Serial = "To be filled by O.E.M." })
		answers := c.register(submit(granted(oak, acme), broken, hash(nameless), models.DeviceIdentity{Hash: []byte("OA")}))
		wantCodes(t, "bad digest, no serial, cut off", answers, "802", "802", "802")
		if !strings.Contains(answers[0].Detail, "check sum") {
			t.Errorf("the reason is missing: %q", answers[0].Detail)
		}
		if n := c.count(acme); n != 0 {
			t.Errorf("%d devices were registered", n)
		}
	})
}

func TestASerialThatWasWipedStillMatches(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device := hardwarehash.NewGenerator(3).Next().Report
		c.one(granted(oak, acme), hash(device))
		wiped := edited(t, device, func(inv *hardwarehash.Inventory) { inv.System.Serial = "Default string" })
		wantCodes(t, "wiped serial", c.register(submit(granted(oak, acme), hash(wiped))), "806")
	})
}

func TestKeyAndTupleFindWhatWasKnownBefore(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(4)
		byTuple, byKey, unknown := g.Next().Report, g.Next().Report, g.Next().Report
		wantCodes(t, "before any capture", c.register(submit(granted(oak, bolt), tuple(byTuple), productKey(byKey))), "812", "812")

		first := c.register(submit(granted(oak, acme), hash(byTuple), hash(byKey)))
		wantCodes(t, "captures", first, "-", "-")
		wantCodes(t, "while another tenant has them", c.register(submit(granted(elm, bolt), tuple(byTuple), productKey(byKey))), "808", "808")
		wantCodes(t, "while this tenant has them", c.register(submit(granted(elm, acme), tuple(byTuple), productKey(byKey))), "806", "806")

		wantCodes(t, "removal", c.remove(removal(granted(oak, acme), first[0].DeviceID, first[1].DeviceID)), "-", "-")
		after := c.register(submit(granted(elm, bolt), tuple(byTuple), productKey(byKey), productKey(unknown)))
		wantCodes(t, "after the removal", after, "-", "-", "812")
		if after[0].DeviceID == first[0].DeviceID {
			t.Error("the new registration has the old one's device id")
		}
		wantCodes(t, "the former owner", c.register(submit(granted(oak, acme), hash(byTuple))), "808")
	})
}

func TestKeyThatFitsTwoDevicesIsNeverGuessed(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(5)
		a, b := g.Next().Report, g.Next().Report
		twin := edited(t, b, func(inv *hardwarehash.Inventory) { inv.ProductKeyID = a.Identity().ProductKeyID })
		done := c.register(submit(granted(oak, acme), hash(a), hash(twin)))
		wantCodes(t, "two devices with one key", done, "-", "-")
		wantCodes(t, "both registered", c.register(submit(granted(oak, acme), productKey(a))), "813")
		c.remove(removal(granted(oak, acme), done[1].DeviceID))
		wantCodes(t, "one of them removed", c.register(submit(granted(oak, acme), productKey(a))), "813")
	})
}

func TestTupleComparesCaseAndHintsOnlyAtOwnReports(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device := hardwarehash.NewGenerator(6).Next().Report
		c.one(granted(oak, acme), hash(device))
		lower := tuple(device)
		lower.SerialNumber = strings.ToLower(lower.SerialNumber)
		if lower.SerialNumber == tuple(device).SerialNumber {
			t.Fatal("the serial has no letters")
		}
		mine, theirs := c.one(granted(oak, acme), lower), c.one(granted(elm, acme), lower)
		if mine.Code != models.OutcomeNotFound || theirs.Code != models.OutcomeNotFound {
			t.Fatalf("answers %+v and %+v, want 812", mine, theirs)
		}
		if !strings.Contains(mine.Detail, "letter case") {
			t.Errorf("no hint for the partner that reported the device: %q", mine.Detail)
		}
		if theirs.Detail != models.OutcomeOf(models.OutcomeNotFound).Sentence {
			t.Errorf("a hint about another partner's device: %q", theirs.Detail)
		}
	})
}

func TestRowsThatNameNothingUsable(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device := hardwarehash.NewGenerator(7).Next().Report
		c.one(granted(oak, acme), hash(device))
		placeholder := tuple(device)
		placeholder.SerialNumber = "System Serial Number"
		half := models.DeviceIdentity{SerialNumber: "X1", Manufacturer: "Maker"}
		rounded := models.DeviceIdentity{ProductKey: "3.25851E+12"}
		wantCodes(t, "partner", c.register(submit(granted(oak, acme), models.DeviceIdentity{}, half, placeholder, rounded)),
			"803", "803", "803", "812")
		wantCodes(t, "tenant", c.register(submit(own(acme), tuple(device), productKey(device), hash(device))), "803", "803", "806")
	})
}

func TestConflictingHardwareNeedsAttentionAndChangesNothing(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(8)
		device := g.Next()
		c.one(granted(oak, acme), hash(device.Report))
		fixed := g.NewTPM(device).Report
		mine, foreign := c.one(granted(oak, acme), hash(fixed)), c.one(granted(elm, bolt), hash(fixed))
		if mine.Code != models.OutcomeNeedsAttention || !strings.Contains(mine.Detail, "The customer must decide. (board-or-tpm-changed)") {
			t.Errorf("own tenant: %+v", mine)
		}
		if foreign.Code != models.OutcomeNeedsAttention || !strings.Contains(foreign.Detail, "An operator of the registration service must decide.") {
			t.Errorf("other tenant: %+v", foreign)
		}
		wantCodes(t, "the device itself", c.register(submit(granted(oak, acme), hash(device.Report))), "806")
		if n := c.count(bolt); n != 0 {
			t.Errorf("the other tenant got %d devices", n)
		}
	})
}
