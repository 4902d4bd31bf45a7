package registration_test

import (
	"slices"
	"strings"
	"testing"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// limited is an authority that may register devices of these manufacturers only.
func limited(a models.Authority, makers ...string) models.Authority {
	a.Manufacturers = makers
	return a
}

// madeBy is a new device of a manufacturer.
func madeBy(t *testing.T, maker string, seed uint64) *hardwarehash.Report {
	t.Helper()
	report := hardwarehash.NewGenerator(seed).Next().Report
	return edited(t, report, func(inv *hardwarehash.Inventory) { inv.System.Manufacturer = maker })
}

func TestOnlyDevicesOfAllowedManufacturers(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		ours, theirs := madeBy(t, "Contoso", 500), madeBy(t, "Fabrikam", 501)
		answers := c.register(submit(limited(granted(oak, acme), " CONTOSO ", "Northwind"), hash(ours), hash(theirs)))
		wantCodes(t, "two makers", answers, "-", "9002")
		if !strings.Contains(answers[1].Detail, "Fabrikam") || !strings.Contains(answers[1].Detail, "manufacturer") {
			t.Errorf("the refusal is %q", answers[1].Detail)
		}
		if n := c.count(acme); n != 1 {
			t.Errorf("%d devices, want 1", n)
		}
		wantCodes(t, "no limit", c.register(submit(granted(oak, acme), hash(theirs))), "-")
		if !slices.Equal(codes(answers), codes(c.register(submit(limited(granted(oak, acme), "Contoso"), hash(madeBy(t, "contoso", 502)), hash(theirs))))) {
			t.Error("a device outside the limit tells whose it is")
		}
	})
}

// What is found by its product key id or tuple is judged by what its capture states,
// and a device outside the limit looks the same whether it is free or somebody's.
func TestTheManufacturerOfAFoundDevice(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		free, taken := madeBy(t, "Fabrikam", 510), madeBy(t, "Fabrikam", 511)
		wantCodes(t, "reports", c.report(reportOf(plant, built(free), built(taken))), "-", "-")
		wantCodes(t, "another customer", c.register(submit(granted(elm, bolt), productKey(taken))), "-")
		outside := limited(granted(oak, acme), "Contoso")
		answers := c.register(submit(outside, productKey(free), tuple(taken), hash(taken)))
		wantCodes(t, "outside", answers, "9002", "9002", "9002")
		if strings.Contains(answers[0].Detail, "Fabrikam") {
			t.Errorf("the refusal tells what a product key id belongs to: %q", answers[0].Detail)
		}
		wantCodes(t, "inside", c.register(submit(limited(granted(oak, acme), "Contoso", "fabrikam"), productKey(free), tuple(taken))), "-", "808")
	})
}

func TestARepairOutsideTheAllowedManufacturers(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		first := c.one(granted(oak, acme), hash(madeBy(t, "Contoso", 520)))
		sub := submit(limited(granted(oak, acme), "Contoso"), hash(madeBy(t, "Fabrikam", 521)))
		sub.Rows[0].DeviceID = first.DeviceID
		res, err := c.Replace(t.Context(), sub)
		if err != nil {
			t.Fatal(err)
		}
		wantCodes(t, "another maker", res.Answers, "9002")
	})
}
