package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/gateway/wire"
	"countersign/internal/db"
	"countersign/internal/mailtest"
)

// A partner's contact is told what happens to its consent, by a real mail server.
func TestMail_toThePartner(t *testing.T) {
	t.Parallel()
	box := &mailtest.Box{}
	port := box.Open(t, false, nil)
	s := newSite(t, db.SQLite, fmt.Sprintf("COUNTERSIGN_SMTP_URL=smtp://127.0.0.1:%d", port), "COUNTERSIGN_SMTP_FROM=devices@contoso.example")
	r := s.start()
	p := newPeople(t, s)
	var changed struct{ Contact string }
	s.admin(&changed, "partner", "contact", p.partner, "sales@northwind.example")
	if changed.Contact != "sales@northwind.example" {
		t.Fatalf("the contact is %q", changed.Contact)
	}
	ask, err := p.as(r, p.reseller).RequestConsent(t.Context(), wire.ConsentAsk{
		Tenant: p.tenant, Purpose: "roll-out of offices", Scopes: []string{"devices.register"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.as(r, p.customer).GrantConsent(t.Context(), ask.ID, wire.ConsentTerms{}); err != nil {
		t.Fatal(err)
	}
	has := func(text string) func(context.Context) bool {
		return func(context.Context) bool {
			for _, l := range box.Letters() {
				if l.To == "sales@northwind.example" && strings.Contains(l.Raw, text) {
					return true
				}
			}
			return false
		}
	}
	await(t, 30*time.Second, "the mail about the request", has("Subject: Your request to register devices was sent"))
	await(t, 30*time.Second, "the mail about the grant", has("Subject: You may now register devices for Fabrikam"))
	for _, l := range box.Letters() {
		if asked := strings.Contains(l.Raw, "Your request"); asked != strings.Contains(l.Raw, "roll-out of offices") || !strings.Contains(l.Raw, "From: <devices@contoso.example>") {
			t.Errorf("the mail lacks the partner's purpose or the sender:\n%s", l.Raw)
		}
	}
}
