package e2e

import (
	"slices"
	"strings"
	"testing"

	"countersign/models"
)

// The way of a device from the line to its customer: the OEM reports it, whoever sells it
// registers it by what is printed on the box, and its first boot finds its owner. What
// cannot be told is told apart: nobody's, two makers', another customer's.
func TestChannel_fromTheLineToTheCustomer(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		line, other := p.as(r, p.factory(r)), p.as(r, p.newPartner(r, models.OEM))
		distributor, reseller := p.as(r, p.newPartner(r, models.IndirectProvider)), p.as(r, p.newPartner(r, models.DirectReseller))
		byKey, byTuple, never, twice := p.devices.Next(), p.devices.Next(), p.devices.Next(), p.devices.Next()
		same(t, "reports", p.report(line, oa3(byKey, 3), oa3(byTuple, 3), oa3(twice, 3)), "", "", "")

		same(t, "the distributor, by key", p.codes(distributor, p.rowsOf(p.tenant, "boxes", keyOf(byKey))), "")
		same(t, "the reseller, by tuple", p.codes(reseller, p.rowsOf(p.tenant, "labels", tupleOf(byTuple))), "")
		customer := p.caller(r, p.customer)
		for _, d := range []string{byKey.Report.Identity().Serial, byTuple.Report.Identity().Serial} {
			if found := customer.column("/v1/devices?serialNumber="+d, "serialNumber"); !slices.Equal(found, []string{d}) {
				t.Errorf("the customer finds %q by %s", found, d)
			}
		}
		same(t, "unknown to every maker", p.codes(distributor, p.rowsOf(p.tenant, "unknown", keyOf(never), tupleOf(never))), "812", "812")

		// Another maker's machine bears the same key.
		inv := p.devices.Next().Report.Inventory
		inv.ProductKeyID = twice.Report.Inventory.ProductKeyID
		same(t, "the other maker's report", p.report(other, oa3(assembled(t, inv), 3)), "")
		same(t, "the records of two makers fit", p.codes(distributor, p.rowsOf(p.tenant, "ambiguous", keyOf(twice))), "813")
		same(t, "the tuple tells them apart", p.codes(distributor, p.rowsOf(p.tenant, "told-apart", tupleOf(twice))), "")

		elsewhere, elsewhereIT := p.newTenant("Adatum")
		p.agree(r, elsewhere, elsewhereIT)
		warehouse := p.as(r, p.reseller)
		taken := p.rowsOf(elsewhere, "taken", keyOf(byKey), tupleOf(byTuple))
		same(t, "another customer's", p.codes(warehouse, taken), "808", "808")
		stranger := p.caller(r, p.reseller)
		told := 0
		for _, id := range stranger.column("/v1/uploads", "trackingId") {
			for _, row := range stranger.items("/v1/uploads/" + id + "/rows") {
				told++
				for name, value := range row {
					if s, ok := value.(string); ok && (strings.Contains(s, p.tenant) || strings.Contains(s, "Fabrikam")) {
						t.Errorf("%s hints at whose the device is: %s", name, s)
					}
				}
			}
		}
		if told != 2 {
			t.Errorf("the outcomes of %d rows were looked at, want 2", told)
		}
	})
}

// newPartner makes another partner, with the customer's consent.
func (p *people) newPartner(r *replica, kind models.PartnerKind) credential {
	p.t.Helper()
	var made struct{ ID string }
	var system credential
	p.site.admin(&made, "partner", "create", "--kind", string(kind), "--name", "Another "+string(kind))
	p.site.admin(&system, "client", "create", "--partner", made.ID, "--name", "system")
	p.consents(r, system)
	return system
}
