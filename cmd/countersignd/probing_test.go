package main

import (
	"testing"

	"countersign/consent"
	"countersign/gateway/ratelimit"
	"countersign/internal/db"
	"countersign/models"
)

// A request to a tenant that is not here is answered like any other and counts as a miss.
func TestProbing_countsRequestsToNobody(t *testing.T) {
	in := newInstallation(t, db.SQLite)
	partner := consent.Actor{Kind: models.ActorPartner, ID: string(in.caller.ClientID), PartnerID: in.caller.PartnerID}
	ask := func(tenant string) int64 {
		t.Helper()
		_, err := in.s.consent.Request(t.Context(), partner, consent.NewRequest{
			Tenant: tenant, Purpose: "roll-out", Scopes: []string{consent.GrantScopeDevicesRegister},
		})
		if err != nil {
			t.Fatal(err)
		}
		d, err := in.s.probing.peek(t.Context(), partner.PartnerID)
		if err != nil {
			t.Fatal(err)
		}
		return d.Tightest.Remaining
	}
	whole := in.s.probing.missesPerHour * ratelimit.MissPoints
	if left := ask(string(in.tenant)); left != whole {
		t.Errorf("a tenant that is here: %d points left of %d", left, whole)
	}
	if left := ask("nobody.example"); left < whole-ratelimit.MissPoints || left >= whole {
		t.Errorf("a tenant that is not here: %d points left of %d", left, whole)
	}
}
