package main

import (
	"context"
	"net/netip"
	"testing"

	"countersign/consent"
	"countersign/gateway/portal"
	"countersign/models"
)

// A consent request that names nobody feeds the probing limit, one that names a customer
// does not, and both are answered alike.
func TestAsking_feedsTheProbingLimit(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		partner := consent.Actor{Kind: models.ActorPartner, ID: string(in.caller.ClientID), PartnerID: in.caller.PartnerID}
		remaining := func() int64 {
			d, err := in.s.probing.peek(t.Context(), partner.PartnerID)
			if err != nil {
				t.Fatal(err)
			}
			return d.Tightest.Remaining
		}
		full := remaining()
		for _, tenant := range []string{string(in.tenant), "nobody.example"} {
			_, err := in.s.consent.Request(t.Context(), partner, consent.NewRequest{
				Tenant: tenant, Purpose: "roll-out", Scopes: []string{consent.GrantScopeDevicesRegister},
			})
			if err != nil {
				t.Fatal(err)
			}
			if known := tenant == string(in.tenant); (remaining() == full) != known {
				t.Errorf("%s: %d of %d points are left", tenant, remaining(), full)
			}
		}
	})
}

// I8: when links are tried from everywhere at once, somebody with a real one gets in.
func TestGuess_leavesRoomForRealLinks(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		looked := 0
		for n := range 10_000 {
			source := netip.AddrFrom4([4]byte{10, 1, byte(n % 200), 1})
			if in.s.budgets.Guess(context.Background(), portal.TryLink, source) == nil {
				looked++
			}
		}
		if looked > 1000+3*200 {
			t.Errorf("%d links were looked at", looked)
		}
		if err := in.s.budgets.Guess(context.Background(), portal.TryLink, netip.MustParseAddr("192.0.2.7")); err != nil {
			t.Errorf("a real link: %v", err)
		}
	})
}
