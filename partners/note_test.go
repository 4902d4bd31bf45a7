package partners_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"countersign/models"
	"countersign/partners"
)

// Every change of the register is in the ledger, in the feed of whom it concerns, with
// who made it; no secret is.
func TestEveryChangeOfTheRegisterIsInTheLedger(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		list := subjects(t, w)
		for _, s := range list {
			_, err := s.stop(t.Context())
			must(t, err)
			ctx := partners.Acting(t.Context(), partners.By{Kind: models.ActorCustomer, ID: "anna", RequestID: "http-1"})
			_, err = s.resume(ctx)
			must(t, err)
		}
		client := models.ClientID(list[2].id)
		secret, err := w.RotateSecret(t.Context(), client, 0)
		must(t, err)
		limit := int64(7)
		_, err = w.SetBudgets(t.Context(), models.PartnerID(list[0].id), partners.Budgets{RequestsPerMinute: &limit})
		must(t, err)

		var found []models.LedgerEntry
		must(t, w.d.Read().WithContext(t.Context()).Order("id").Find(&found).Error)
		want := []string{
			"partner.created", "tenant.created", "client.created", "partner.suspended", "partner.resumed", "tenant.suspended",
			"tenant.resumed", "client.frozen", "client.unfrozen", "client.changed", "partner.changed",
		}
		var got []string
		for _, e := range found {
			got = append(got, e.Kind)
			if strings.Contains(e.Body, secret) {
				t.Errorf("%s holds the secret", e.Kind)
			}
			if ofTenant := strings.HasPrefix(e.Kind, "tenant."); ofTenant != (e.TenantID != "") || ofTenant != (e.PartnerID == "") {
				t.Errorf("%s is in the feeds of partner %q and tenant %q", e.Kind, e.PartnerID, e.TenantID)
			}
			byAnna := strings.HasSuffix(e.Kind, ".resumed") || e.Kind == "client.unfrozen"
			if byAnna != (e.ActorID == "anna" && e.Actor == models.ActorCustomer && e.HTTPRequest == "http-1") {
				t.Errorf("%s was made by %s %s", e.Kind, e.Actor, e.ActorID)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("ledger %v\nwant   %v", got, want)
		}
		if !strings.Contains(found[len(found)-1].Body, `"requestsPerMinute":7`) {
			t.Errorf("body %s", found[len(found)-1].Body)
		}
	})
}

// A change that fails leaves no entry.
func TestAChangeThatFailsIsNotInTheLedger(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		p := w.partner(t, "Contoso")
		w.fences.fail = errors.New("queue is broken")
		_, err := w.SuspendPartner(t.Context(), p.ID)
		if !errors.Is(err, w.fences.fail) {
			t.Fatalf("error %v", err)
		}
		if n := w.count(t, "SELECT count(*) FROM ledger_entries"); n != 1 {
			t.Errorf("%d entries, want only the one of the creation", n)
		}
	})
}
