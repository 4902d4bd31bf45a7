package registration_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

func TestRowsAboutOneDevice(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(70)
		fresh, mine, theirs, spare := g.Next().Report, g.Next().Report, g.Next().Report, g.Next().Report
		c.one(granted(oak, acme), hash(mine))
		c.one(granted(elm, bolt), hash(theirs))
		c.remove(removal(own(acme), c.one(granted(oak, acme), hash(spare)).DeviceID))

		answers := c.register(submit(
			granted(oak, acme),
			tuple(fresh), hash(fresh), hash(recapture(t, fresh, 1)), productKey(fresh),
			hash(mine), tuple(mine), hash(theirs), hash(recapture(t, theirs, 1)),
			tuple(spare), hash(spare),
		))
		wantCodes(t, "rows", answers, "9005", "-", "9005", "9005", "806", "9005", "808", "9005", "-", "9005")
		for row, of := range map[int]int{1: 2, 3: 2, 4: 2, 6: 5, 8: 7, 10: 9} {
			if want := fmt.Sprintf("Row %d of this upload names the same device; that row is processed.", of); answers[row-1].Detail != want {
				t.Errorf("row %d: %q, want %q", row, answers[row-1].Detail, want)
			}
		}
		if n := c.count(acme); n != 3 {
			t.Errorf("%d devices, want 3", n)
		}
	})
}

func TestRowsThatShareABoardHaveNoSilentWinner(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(71)
		a, b, sound := g.Next(), g.Next().Report, g.Next().Report
		board := a.Report.Inventory
		impostor := edited(t, b, func(inv *hardwarehash.Inventory) { inv.UUID = board.UUID })
		answers := c.register(submit(
			granted(oak, acme),
			hash(a.Report), hash(sound), hash(impostor), hash(recapture(t, a.Report, 1)), hash(g.NewTPM(a).Report),
		))
		wantCodes(t, "rows", answers, "9003", "-", "9003", "9005", "9003")
		if !strings.HasPrefix(answers[0].Detail, "Rows 1, 3, 5 of this upload share an identifier") {
			t.Errorf("row 1: %q", answers[0].Detail)
		}
		if n := c.count(acme); n != 1 {
			t.Errorf("%d devices, want 1", n)
		}
	})
}

// A newer capture may show an anchor that the known device did not have before;
// another row with that anchor is in conflict with it.
func TestAnAnchorLearnedInThisDispatchCounts(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(72)
		device, other := g.Next().Report, g.Next().Report
		noTPM := edited(t, device, func(inv *hardwarehash.Inventory) { inv.EKPub, inv.OfflineID = nil, nil })
		c.remove(removal(own(acme), c.one(granted(oak, acme), hash(noTPM)).DeviceID))
		thief := edited(t, other, func(inv *hardwarehash.Inventory) { inv.EKPub, inv.OfflineID = device.Inventory.EKPub, nil })
		wantCodes(t, "rows", c.register(submit(granted(oak, acme), hash(device), hash(thief))), "9003", "9003")
	})
}

// Two captures that say too little to be compared are one device if they are one
// capture, or if both were recognised as one known device.
func TestThinCapturesOfOneDevice(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(75)
		thin := edited(t, g.Next().Report, func(inv *hardwarehash.Inventory) {
			inv.EKPub, inv.OfflineID, inv.UUID, inv.Disks, inv.SystemDisk, inv.NICs = nil, nil, nil, nil, nil, nil
		})
		wantCodes(t, "one capture twice", c.register(submit(granted(oak, acme), hash(thin), hash(thin))), "-", "9005")

		device := g.Next().Report
		c.remove(removal(own(acme), c.one(granted(oak, acme), hash(device)).DeviceID))
		noDisk := edited(t, device, func(inv *hardwarehash.Inventory) {
			inv.EKPub, inv.OfflineID, inv.Disks, inv.SystemDisk, inv.NICs = nil, nil, nil, nil, nil
		})
		noUUID := edited(t, device, func(inv *hardwarehash.Inventory) { inv.UUID = nil })
		wantCodes(t, "bridged by what is known", c.register(submit(granted(oak, acme), hash(noDisk), hash(noUUID))), "-", "9005")
	})
}

// A capture that fits a known device only by way of another row is that device
// too, and not a second one beside it.
func TestADeviceRecognisedThroughAnotherRow(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device := hardwarehash.NewGenerator(74).Next().Report
		noTPM := edited(t, device, func(inv *hardwarehash.Inventory) { inv.EKPub, inv.OfflineID = nil, nil })
		c.remove(removal(own(acme), c.one(granted(oak, acme), hash(noTPM)).DeviceID))
		onlyTPM := edited(t, device, func(inv *hardwarehash.Inventory) { inv.UUID, inv.System.Product = nil, "" })
		wantCodes(t, "rows", c.register(submit(granted(oak, acme), hash(onlyTPM), hash(device))), "-", "9005")
		wantCodes(t, "the known device", c.register(submit(granted(elm, bolt), tuple(device))), "808")
	})
}

func TestADispatchThatKeepsLosingIsSplit(t *testing.T) {
	c := onPostgres(t)
	const n = 12
	g := hardwarehash.NewGenerator(73)
	reports := make([]*hardwarehash.Report, n)
	sub := submit(granted(oak, acme))
	for i := range reports {
		reports[i] = g.Next().Report
		sub.Rows = append(sub.Rows, models.CoreRow{Row: i + 1, Identity: hash(reports[i])})
	}
	// Each time the dispatch has been matched, somebody else takes one of its
	// devices away: more often than it is matched again.
	const thefts = 7
	var times atomic.Int64
	c.PauseAt(registration.Decided, func() {
		if i := times.Add(1) - 1; i < thefts {
			wantCodes(t, "the thief", c.second().register(submit(granted(elm, bolt), hash(reports[i]))), "-")
		}
	})
	answers := c.register(sub)
	for i, a := range answers {
		want := models.OutcomeRegistered
		if i < thefts {
			want = models.OutcomeOtherTenant
		}
		if a.Row != i+1 || a.Code != want {
			t.Errorf("row %d: %+v, want %q", i+1, a, want)
		}
	}
	if a, b := c.count(acme), c.count(bolt); a != n-thefts || b != thefts {
		t.Errorf("%d and %d devices, want %d and %d", a, b, n-thefts, thefts)
	}
}
