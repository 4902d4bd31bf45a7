package registration_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

func TestHistoryOfADevice(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(95)
		device := g.Next()
		report := device.Report
		first := submit(granted(oak, acme), hash(report))
		id := c.register(first)[0].DeviceID
		c.register(first) // a repetition is no event
		c.one(granted(oak, acme), hash(recapture(t, report, 1)))
		c.one(granted(elm, bolt), tuple(report))
		c.one(granted(elm, bolt), hash(g.NewTPM(device).Report))
		c.remove(removal(own(acme), id))
		again := c.one(granted(elm, bolt), productKey(report)).DeviceID

		var events []models.DeviceEvent
		if err := c.db.Read().WithContext(t.Context()).Order("id").Find(&events).Error; err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range events {
			who := string(e.PartnerID)
			if e.PartnerID == "" {
				who = "itself"
			}
			got = append(got, strings.TrimSpace(fmt.Sprint(e.Kind, " ", e.TenantID, " ", who, " ", e.Reason)))
			if e.IdentityID != events[0].IdentityID || e.At.IsZero() || e.Ordinal != 1 || e.TrackingID == "" {
				t.Errorf("event %+v", e)
			}
			want := id
			if e.ID == events[len(events)-1].ID {
				want = again
			}
			if e.DeviceID != want {
				t.Errorf("%s is about device %q, want %q", e.Kind, e.DeviceID, want)
			}
		}
		want := []string{
			"registered tenant-acme partner-oak",
			"seen tenant-acme partner-oak rule 3",
			"contested tenant-bolt partner-elm",
			"attention tenant-bolt partner-elm board-or-tpm-changed",
			"removed tenant-acme itself",
			"registered tenant-bolt partner-elm",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("history:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, change := range []string{"UPDATE device_events SET reason = 'x'", "DELETE FROM device_events"} {
			if err := c.db.Write().WithContext(t.Context()).Exec(change).Error; err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", change, err)
			}
		}
	})
}

func TestHashBytesAreKeptWithoutTheirZeros(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		report := hardwarehash.NewGenerator(96).Next().Report
		padded := report.Encode()
		c.one(granted(oak, acme), models.DeviceIdentity{Hash: padded})
		var kept []models.IdentityHash
		if err := c.db.Read().WithContext(t.Context()).Find(&kept).Error; err != nil {
			t.Fatal(err)
		}
		want := hardwarehash.Trim(padded)
		sum := sha256.Sum256(want)
		if len(kept) != 1 || !bytes.Equal(kept[0].Hash, want) || !bytes.Equal(kept[0].Digest, sum[:]) {
			t.Fatalf("%d hashes kept, want one of %d bytes", len(kept), len(want))
		}
		if len(want) == len(padded) {
			t.Error("the capture has no padding, so nothing was tested")
		}
	})
}
