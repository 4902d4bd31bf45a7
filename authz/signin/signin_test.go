package signin_test

import (
	"testing"
	"time"

	"countersign/authz/signin"
	"countersign/models"
)

// The first admin signs in by the mapping, and comes back as a session.
func TestSignIn_ofTheFirstAdmin(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t, "fabrikam.example")
		welcome, err := w.try(t, signin.Start{Domain: " Fabrikam.example", ReturnTo: "/portal/requests/7?tab=2"}, ada)
		must(t, err)
		if welcome.ReturnTo != "/portal/requests/7?tab=2" {
			t.Errorf("leads to %q", welcome.ReturnTo)
		}
		got := w.session(t, welcome.Cookie)
		if got.Person.Role != models.PersonAdmin || got.Person.Subject != "ada" || got.Person.Issuer != w.idp.Issuer || got.Person.Name != "Ada Admin" ||
			got.Tenant.ID != tenant || got.Tenant.ClaimedAt == nil || !got.Tenant.ClaimedAt.Equal(start) {
			t.Errorf("got %+v", got)
		}
		if !got.Fresh || !got.AuthTime.Equal(start) || len(got.AMR) != 2 || len(got.CSRF) != 43 {
			t.Errorf("got %+v", got)
		}
		again := w.session(t, w.signIn(t, tenant, ada))
		if again.Person.ID != got.Person.ID || again.CSRF == got.CSRF {
			t.Errorf("the second sign-in is %+v", again)
		}
		w.clock.add(signin.FreshFor)
		if w.session(t, welcome.Cookie).Fresh {
			t.Error("the session is still fresh")
		}
		if n := w.count(t, "SELECT count(*) FROM ledger_entries WHERE kind = 'tenant.claimed'"); n != 1 {
			t.Errorf("%d entries of the claim", n)
		}
		_ = time.Second
	})
}
