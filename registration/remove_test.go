package registration_test

import (
	"errors"
	"testing"

	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

func TestWhoMayRemove(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		sub := devices(granted(oak, acme), 40, 3)
		done := c.register(sub)
		a, b, d := done[0].DeviceID, done[1].DeviceID, done[2].DeviceID

		wantCodes(t, "another partner of the tenant", c.remove(removal(granted(elm, acme), a)), "807")
		wantCodes(t, "the partner under another tenant", c.remove(removal(granted(oak, bolt), a)), "807")
		wantCodes(t, "another tenant", c.remove(removal(own(bolt), a)), "807")
		wantCodes(t, "an unknown device", c.remove(removal(granted(oak, acme), "no-such-device", "")), "807", "807")
		if n := c.count(acme); n != 3 {
			t.Fatalf("%d devices, want 3", n)
		}
		mine := removal(granted(oak, acme), a, a, b)
		gone := c.remove(mine)
		wantCodes(t, "the registering partner", gone, "-", "9005", "-")
		if gone[0].DeviceID != a || gone[0].Detail != "The device was removed from this customer." {
			t.Errorf("removed with %+v", gone[0])
		}
		wantCodes(t, "the tenant itself, one is gone already", c.remove(removal(own(acme), d, a)), "-", "807")
		wantCodes(t, "the same call again", c.remove(mine), "-", "9005", "-")
		if n := c.count(acme); n != 0 {
			t.Errorf("%d devices, want 0", n)
		}
		other := sub
		other.Upload, other.Authority = newUpload(), granted(elm, bolt)
		wantCodes(t, "the devices for another tenant", c.register(other), "-", "-", "-")
	})
}

func TestTenantMayRemoveWhatAPartnerMayNot(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		device := hardwarehash.NewGenerator(41).Next().Report
		byTenant := c.one(own(acme), hash(device))
		wantCodes(t, "a partner removes the tenant's own", c.remove(removal(granted(oak, acme), byTenant.DeviceID)), "807")
		wantCodes(t, "the tenant does", c.remove(removal(own(acme), byTenant.DeviceID)), "-")
	})
}

func TestFencedRemovalChangesNothing(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		done := c.register(devices(granted(oak, acme), 42, 1))
		c.fence(models.SubjectOfPartner, string(oak), 2)
		res, err := c.Remove(t.Context(), removal(granted(oak, acme), done[0].DeviceID))
		if err != nil || res.Refusal == nil || res.Refusal.Reason != models.RefusedByFence || c.count(acme) != 1 {
			t.Fatalf("%+v, %v", res, err)
		}
	})
}

func TestTheNewestCaptureIsKept(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(43)
		device := g.Next()
		first := c.one(granted(oak, acme), hash(device.Report))
		c.remove(removal(own(acme), first.DeviceID))
		repaired := g.NewDisk(device)
		inPE := edited(t, repaired.Report, func(inv *hardwarehash.Inventory) { inv.EKPub, inv.OfflineID = nil, nil })
		second := c.one(granted(elm, bolt), hash(inPE))
		if second.Code != models.OutcomeRegistered {
			t.Fatalf("after the removal: %+v", second)
		}
		c.remove(removal(own(bolt), second.DeviceID))

		// The endorsement key that the newest capture did not see still tells
		// the device from one that has its disk and serial only.
		impostor := g.NewTPM(repaired).Report
		wantCodes(t, "another TPM", c.register(submit(granted(oak, acme), hash(impostor))), "9003")
		// The disk that went out belongs to nobody any more, the one that came
		// in does: it makes whoever else has it a shared part.
		third := c.one(granted(oak, acme), hash(repaired.Report))
		if third.Code != models.OutcomeRegistered {
			t.Fatalf("again: %+v", third)
		}
		wantCodes(t, "its tuple", c.register(submit(granted(elm, bolt), tuple(device.Report))), "808")
	})
}

func TestDeviceIsItsTenantsOnly(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		report := hardwarehash.NewGenerator(44).Next().Report
		sub := submit(granted(oak, acme), hash(report))
		sub.Rows[0].Order = models.OrderData{GroupTag: "kiosk\x00", PurchaseOrder: "PO 7", ShipDate: "2026-11-01"}
		id := c.register(sub)[0].DeviceID
		got, err := c.Device(t.Context(), registration.Scope{Tenant: acme}, id)
		if err != nil {
			t.Fatal(err)
		}
		want := models.OrderData{GroupTag: "kiosk", PurchaseOrder: "PO 7", ShipDate: "2026-11-01"}
		if got.Order != want || got.State != models.RegistrationActive || got.PartnerID != oak || got.TrackingID != sub.Upload || got.Ordinal != 1 {
			t.Errorf("device %+v", got)
		}
		if i := report.Identity(); got.Identity.SerialNumber != i.Serial || got.Identity.ProductKey != i.ProductKeyID || got.Identity.Model != i.Product {
			t.Errorf("identity %+v", got.Identity)
		}
		if _, err := c.Device(t.Context(), registration.Scope{Tenant: bolt}, id); !errors.Is(err, registration.ErrNoDevice) {
			t.Errorf("another tenant sees it: %v", err)
		}
		c.remove(removal(own(acme), id))
		if got, err = c.Device(t.Context(), registration.Scope{Tenant: acme}, id); err != nil || got.State != models.RegistrationEnded || got.EndedAt == nil {
			t.Errorf("after the removal: %+v, %v", got, err)
		}
	})
}
