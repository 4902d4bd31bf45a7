package main

import (
	"testing"

	"countersign/authz"
	"countersign/gateway/ratelimit"
	"countersign/internal/db"
	"countersign/models"
)

// A partner sees its own numbers, or the server's, and what its uploads took; looking costs
// nothing.
func TestBudgets_standing(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, db.SQLite)
	in.grant()
	of, ofTenant := int64(100), int64(50)
	var p partnerView
	in.operate(&p, "partner.budget", budgetInput{in.caller.PartnerID, budgetsOf(&of, &ofTenant)})
	in.mustSubmit("spring", in.fakes(40))
	who := authz.Principal{Kind: models.OwnerPartner, PartnerID: in.caller.PartnerID, ClientID: in.caller.ClientID}
	for range 2 {
		stand, err := in.s.budgets.Standing(t.Context(), who, in.tenant)
		if err != nil || len(stand.States) != 3 {
			t.Fatalf("%+v, %v", stand, err)
		}
		requests, devices, part := stand.States[0], stand.States[1], stand.States[2]
		if requests.Limit != ratelimit.Requests || requests.Remaining != in.s.config.RequestsPerMinute {
			t.Errorf("requests %+v", requests)
		}
		if devices.Limit != ratelimit.Devices || devices.Rate.Count != 100 || devices.Remaining != 60 || devices.Reset == 0 || devices.Next != 0 {
			t.Errorf("devices %+v", devices)
		}
		if part.Limit != ratelimit.TenantDevices || part.Rate.Count != 50 || part.Remaining != 10 {
			t.Errorf("for the tenant %+v", part)
		}
	}
}
