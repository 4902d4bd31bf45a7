package consent

import (
	"reflect"
	"testing"

	"github.com/google/uuid"

	"countersign/models"
)

// heardEvents is what reaches a tenant's feed of the requests to it.
func (r rows) heardEvents(tenant models.TenantID) (found []models.ConsentEvent, err error) {
	return found, r.g.Where("tenant_id = ? AND subject = ?", tenant, models.SubjectRequest).Find(&found).Error
}

// I5: a partner cannot tell that it is blocked: every answer is the one for a tenant that
// listens, and for one that nobody knows.
func TestBlockedPartnerSeesNoDifference(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		deaf := w.addTenant(t, "Deaf", "deaf.example")
		if _, err := w.Block(t.Context(), deaf, w.byFirm.PartnerID, Blocking{Reason: "spam"}); err != nil {
			t.Fatal(err)
		}
		var shapes [][]any
		for _, tenant := range []string{"fabrikam.example", "deaf.example", "nobody.example"} {
			ask := w.newRequest()
			ask.Tenant = tenant
			shapes = append(shapes, w.partnerViews(t, ask))
		}
		if !reflect.DeepEqual(shapes[0], shapes[1]) || !reflect.DeepEqual(shapes[0], shapes[2]) {
			t.Errorf("listens %+v\nblocked %+v\nunknown %+v", shapes[0], shapes[1], shapes[2])
		}
	})
}

// I5: what a blocked partner asks never shows up, not even after the block was lifted;
// what waited before the block is hidden as long as it lasts.
func TestBlockedRequestsAreNotShown(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		before, admin := w.asked(t, nil), w.person(t, w.byCust.TenantID, models.PersonAdmin)
		if _, err := w.Block(t.Context(), admin, w.byFirm.PartnerID, Blocking{}); err != nil {
			t.Fatal(err)
		}
		during := w.asked(t, nil)
		byDomain := w.asked(t, func(n *NewRequest) { n.Tenant = "fabrikam.example" })
		for _, made := range []Asked{before, during, byDomain} {
			w.wantHidden(t, admin, made)
		}
		if list, _, err := w.List(t.Context(), Filter{Viewer: admin}); err != nil || len(list) != 0 {
			t.Errorf("the tenant sees %+v, %v", list, err)
		}
		if err := w.Unblock(t.Context(), admin, w.byFirm.PartnerID); err != nil {
			t.Fatal(err)
		}
		w.wantHidden(t, admin, during)
		w.wantHidden(t, admin, byDomain)
		if list, _, err := w.List(t.Context(), Filter{Viewer: admin}); err != nil || len(list) != 1 || list[0].Request.ID != before.ID {
			t.Errorf("after the block: %+v, %v", list, err)
		}
		w.clock.add(defaultRequest)
		w.sweepOnce(t)
		if got, err := w.Get(t.Context(), w.byFirm, string(during.ID)); err != nil || got.Request.State != models.RequestExpired {
			t.Errorf("it ends as %+v, %v", got.Request, err)
		}
		heard, err := w.rows(t.Context()).heardEvents(w.byCust.TenantID)
		if err != nil || len(heard) != 2 { // the one from before, asked and expired
			t.Errorf("the tenant hears %+v, %v", heard, err)
		}
	})
}

// wantHidden fails if the tenant can find the request in any way.
func (w *world) wantHidden(t *testing.T, admin Actor, made Asked) {
	t.Helper()
	_, err := w.Get(t.Context(), admin, string(made.ID))
	wantErr(t, err, ErrNotFound)
	_, err = w.RequestByLink(t.Context(), admin, made.Secret)
	wantErr(t, err, ErrLink)
	_, err = w.Grant(t.Context(), admin, made.ID, Terms{})
	wantErr(t, err, ErrNotFound)
	_, err = w.Decline(t.Context(), admin, made.ID, "")
	wantErr(t, err, ErrNotFound)
}

// A block leaves the grant alone unless it is told to end it.
func TestBlockEndsTheGrantOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant, admin := w.granted(t, 0), w.person(t, w.byCust.TenantID, models.PersonAdmin)
		made, err := w.Block(t.Context(), admin, w.byFirm.PartnerID, Blocking{Reason: " too much mail "})
		if err != nil || made.Ended != nil || made.Reason != "too much mail" || made.PartnerName != "Contoso OEM" || made.By != admin.ID {
			t.Fatalf("block %+v, %v", made, err)
		}
		if got := w.readGrant(t, grant.ID); got.State != models.GrantActive {
			t.Fatalf("the grant is %s", got.State)
		}
		if got, err := w.Get(t.Context(), admin, string(grant.ID)); err != nil || got.Request == nil {
			t.Fatalf("the tenant sees its grant as %+v, %v", got, err)
		}
		again, err := w.Block(t.Context(), w.byCust, w.byFirm.PartnerID, Blocking{EndGrant: true})
		if err != nil || again.Reason != made.Reason || again.Ended == nil || !again.Ended.Done {
			t.Fatalf("block again %+v, %v", again, err)
		}
		if got := w.readGrant(t, grant.ID); got.State != models.GrantRevoked {
			t.Fatalf("the grant is %s", got.State)
		}
		none, err := w.Block(t.Context(), w.byCust, w.byFirm.PartnerID, Blocking{EndGrant: true})
		if err != nil || none.Ended != nil {
			t.Fatalf("without a grant %+v, %v", none, err)
		}
	})
}

// A tenant's blocks are its own.
func TestBlocksAreTheTenantsOwn(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		rival, stranger := w.addPartner(t, "Rival"), w.addTenant(t, "Stranger")
		for _, actor := range []Actor{w.byFirm, w.byOps, system, {Kind: models.ActorCustomer, ID: "t"}} {
			_, err := w.Block(t.Context(), actor, rival.PartnerID, Blocking{})
			wantErr(t, err, ErrNotYours)
			wantErr(t, w.Unblock(t.Context(), actor, rival.PartnerID), ErrNotYours)
			_, err = w.Blocked(t.Context(), actor)
			wantErr(t, err, ErrNotYours)
		}
		for _, id := range []models.PartnerID{"", "rival", models.PartnerID(uuid.NewString())} {
			_, err := w.Block(t.Context(), w.byCust, id, Blocking{})
			wantErr(t, err, ErrNotFound)
		}
		_, err := w.Block(t.Context(), w.byCust, rival.PartnerID, Blocking{Reason: "a\x00"})
		wantFault(t, err, "reason")
		for _, partner := range []Actor{rival, w.byFirm} {
			if _, err := w.Block(t.Context(), w.byCust, partner.PartnerID, Blocking{}); err != nil {
				t.Fatal(err)
			}
			w.clock.add(1)
		}
		if list, err := w.Blocked(t.Context(), stranger); err != nil || len(list) != 0 {
			t.Fatalf("another tenant sees %+v, %v", list, err)
		}
		if err := w.Unblock(t.Context(), stranger, rival.PartnerID); err != nil {
			t.Fatal(err)
		}
		list, err := w.Blocked(t.Context(), w.byCust)
		if err != nil || len(list) != 2 {
			t.Fatalf("blocked %+v, %v", list, err)
		}
		if err := w.Unblock(t.Context(), w.byCust, rival.PartnerID); err != nil {
			t.Fatal(err)
		}
		if list, err := w.Blocked(t.Context(), w.byCust); err != nil || len(list) != 1 || list[0].PartnerName != "Contoso OEM" {
			t.Fatalf("blocked %+v, %v", list, err)
		}
	})
}

// A provider has no grant of its own: it acts under its resellers'. To block it and to end
// its permission ends those, and the reason, which is the tenant's own, is told to nobody.
func TestBlockEndsWhatAProviderActsUnder(t *testing.T) {
	eachChain(t, 0, func(t *testing.T, c *chain) {
		admin := c.person(t, c.byCust.TenantID, models.PersonAdmin)
		made, err := c.Block(t.Context(), admin, c.provider.PartnerID, Blocking{Reason: "under suspicion", EndGrant: true})
		if err != nil || made.Ended == nil || made.Ended.Grant.ID != c.child.ID {
			t.Fatalf("block %+v, %v", made, err)
		}
		c.refusedBoth(t, c.asks(), ErrNoConsent)
		if got := c.readGrant(t, c.parent.ID); got.State != models.GrantActive {
			t.Errorf("the reseller's grant is %s", got.State)
		}
		history, err := c.History(t.Context(), c.provider, string(c.child.ID))
		if err != nil || len(history) == 0 {
			t.Fatalf("history %+v, %v", history, err)
		}
		for _, e := range history {
			if e.Reason == "under suspicion" {
				t.Errorf("the partner reads the reason of the block: %+v", e)
			}
		}
	})
}
