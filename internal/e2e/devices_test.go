package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"countersign/gateway/client"
)

// caller speaks with a credential without the client.
func (p *people) caller(r *replica, c credential) *raw {
	p.t.Helper()
	token, err := p.as(r, c).Token(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return &raw{p.t, r.url, token.Value}
}

// column reads one member of every item of a list.
func (w *raw) column(path, member string) []string {
	w.t.Helper()
	status, page := w.do("GET", path, "")
	items, ok := page["items"].([]any)
	if status != http.StatusOK || !ok {
		w.t.Fatalf("%s: %d %v", path, status, page)
	}
	var out []string
	for _, item := range items {
		text, _ := item.(map[string]any)[member].(string)
		out = append(out, text)
	}
	return out
}

// registerOne registers a new device and returns its id and serial number.
func (p *people) registerOne(cl *client.Client, tenant, batch string) (id, serial string) {
	p.t.Helper()
	device := p.devices.Next()
	receipt, err := cl.Submit(p.t.Context(), p.rowsOf(tenant, batch, map[string]any{"HardwareHash": device.Hash()}))
	if err != nil {
		p.t.Fatal(err)
	}
	rows := p.outcome(cl, tenant, receipt.TrackingID, 30*time.Second).DevicesStatus
	if len(rows) != 1 || rows[0].DeviceID == nil {
		p.t.Fatalf("the device was not registered: %+v", rows)
	}
	return *rows[0].DeviceID, device.Report.Identity().Serial
}

// Two partners and two customers: each sees its own devices and cannot tell the
// others' from devices that do not exist.
func TestDevices_ofTwoPartnersAndTwoCustomers(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		adatum, adatumIT := p.newTenant("Adatum")
		rival := *p
		var made struct{ ID string }
		p.site.admin(&made, "partner", "create", "--kind", "direct_reseller", "--name", "Litware")
		p.site.admin(&rival.reseller, "client", "create", "--partner", made.ID, "--name", "warehouse")
		var ids, serials []string
		for _, seller := range []*people{p, &rival} {
			for tenant, customer := range map[string]credential{p.tenant: p.customer, adatum: adatumIT} {
				seller.agree(r, tenant, customer)
			}
			for _, tenant := range []string{p.tenant, adatum} {
				id, serial := seller.registerOne(p.as(r, seller.reseller), tenant, "first")
				ids, serials = append(ids, id), append(serials, serial)
			}
		}
		for name, c := range map[string]struct {
			who credential
			own []int
		}{
			"northwind": {p.reseller, []int{1, 0}}, "litware": {rival.reseller, []int{3, 2}},
			"fabrikam": {p.customer, []int{2, 0}}, "adatum": {adatumIT, []int{3, 1}},
		} {
			w := p.caller(r, c.who)
			want := []string{ids[c.own[0]], ids[c.own[1]]}
			if got := w.column("/v1/devices", "id"); !slices.Equal(got, want) {
				t.Errorf("%s lists %v, want %v", name, got, want)
			}
			for i, id := range ids {
				found := w.column("/v1/devices?state=all&serialNumber="+serials[i], "id")
				status, _ := w.do("GET", "/v1/devices/"+id, "")
				story, answer := w.do("GET", "/v1/devices/"+id+"/history", "")
				if slices.Contains(want, id) {
					if !slices.Equal(found, []string{id}) || status != 200 || story != 200 {
						t.Errorf("%s and its device %d: found %v, %d, history %d", name, i, found, status, story)
					}
				} else if found != nil || status != 404 || story != 404 || answer["reason"] != "device_not_found" {
					t.Errorf("%s and the foreign device %d: found %v, %d, history %d %v", name, i, found, status, story, answer)
				}
			}
		}

		p.remove(r, p.as(r, p.reseller), adatum, "first")
		w := p.caller(r, p.reseller)
		if got := w.column("/v1/devices", "id"); !slices.Equal(got, ids[:1]) {
			t.Errorf("after the removal: %v", got)
		}
		if got := w.column("/v1/devices?state=all&tenant="+adatum, "state"); !slices.Equal(got, []string{"ended"}) {
			t.Errorf("the removed one: %v", got)
		}
		if got := w.column("/v1/devices/"+ids[1]+"/history", "kind"); !slices.Equal(got, []string{"registered", "removed"}) {
			t.Errorf("its history: %v", got)
		}
	})
}
