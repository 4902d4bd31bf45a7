package signin_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/authz"
	"countersign/authz/signin"
	"countersign/internal/errs"
	"countersign/internal/oidctest"
	"countersign/models"
	"countersign/partners"
)

// client makes a client of the tenant, as an operator does.
func (w *world) client(t *testing.T, tenant models.TenantID, scopes ...string) (models.OAuthClient, error) {
	t.Helper()
	made, _, err := w.registry.CreateClient(t.Context(), partners.NewClient{
		Owner: models.OwnerTenant, TenantID: tenant, Name: "automation", Scopes: scopes, Method: models.ClientSecretBasic,
	})
	return made, err
}

// attempts lists what operators tried, from the ledger.
func (w *world) attempts(t *testing.T, tenant models.TenantID) string {
	t.Helper()
	var bodies []string
	must(t, w.d.Read().WithContext(t.Context()).Raw(
		"SELECT body FROM ledger_entries WHERE kind = 'tenant.refused' AND tenant_id = ? AND actor = 'operator' ORDER BY at, entry_id", tenant).Scan(&bodies).Error)
	return strings.Join(bodies, "\n")
}

// When the first admin signs in, what an operator gave to the tenant's clients ends, and
// from then on every way by which an operator could speak for the tenant is shut and
// the attempt is in the tenant's record.
func TestFirstAdmin_endsWhatOperatorsCould(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t)
		both, err := w.client(t, tenant, "consents.read", "consents.decide", "tenant.manage", "devices.write")
		must(t, err)
		reader, err := w.client(t, tenant, "consents.read")
		must(t, err)
		invitation, err := w.Invite(t.Context(), operator, tenant)
		must(t, err)
		admin := w.by(t, w.signIn(t, tenant, ada))

		got, err := w.registry.Client(t.Context(), both.ID)
		must(t, err)
		if got.Scopes != "consents.read" {
			t.Errorf("the client still has %q", got.Scopes)
		}
		tries := map[string]func() error{
			"client.create":               func() error { _, err := w.client(t, tenant, "consents.decide"); return err },
			"client.create devices.write": func() error { _, err := w.client(t, tenant, "devices.write"); return err },
			"client.create again": func() error {
				_, err := w.client(t, tenant, "devices.read", "tenant.manage")
				return err
			},
			"signIn.set": func() error {
				_, err := w.SetSignIn(t.Context(), operator, tenant, w.settings())
				return err
			},
			"tenant.invite": func() error { _, err := w.Invite(t.Context(), operator, tenant); return err },
			"tenant.rename": func() error { return w.Rename(t.Context(), operator, tenant, "Fabrikam (evil)") },
		}
		for what, try := range tries {
			t.Log(what)
			wantErr(t, try(), signin.ErrTenantClaimed)
			if what, _, _ := strings.Cut(what, " "); !strings.Contains(w.attempts(t, tenant), `"`+what+`"`) {
				t.Errorf("%s is not in the record: %s", what, w.attempts(t, tenant))
			}
		}
		// People are nobody's but the tenant's.
		_, err = w.SetRole(t.Context(), operator, tenant, admin.Session.Person.ID, models.PersonApprover)
		wantErr(t, err, signin.ErrNotAdmin)
		_, _, err = w.NewClient(t.Context(), operator, tenant, models.NewTenantClient{Name: "x", Scopes: []string{"consents.decide"}})
		wantErr(t, err, signin.ErrNotAdmin)
		// The invitation that was out is worth nothing.
		_, err = w.Begin(t.Context(), signin.Start{Invitation: invitation.Secret})
		wantErr(t, err, signin.ErrInvitation)
		_, err = w.SetUp(t.Context(), invitation.Secret, w.settings())
		wantErr(t, err, signin.ErrInvitation)
		// What gives no voice an operator may still do.
		_, err = w.client(t, tenant, "devices.read")
		must(t, err)
		_, err = w.registry.RotateSecret(t.Context(), reader.ID, 0)
		must(t, err)
		if n := strings.Count(w.attempts(t, tenant), "attempt"); n != len(tries)+1 {
			t.Errorf("%d attempts are recorded: %s", n, w.attempts(t, tenant))
		}
	})
}

// A role that a client of an operator's making gave before there was an admin ends with
// the claim; one that the provider's claim gives stays.
func TestFirstAdmin_endsRolesGivenBefore(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t)
		_, err := w.try(t, signin.Start{Tenant: tenant}, nora)
		wantErr(t, err, signin.ErrNotAllowed)
		people, _, err := w.People(t.Context(), tenant, signin.Page{})
		must(t, err)
		if len(people) != 1 {
			t.Fatalf("known %+v", people)
		}
		byClient := signin.By{Kind: models.ActorCustomer, ID: "t-1"}
		_, err = w.SetRole(t.Context(), byClient, tenant, people[0].ID, models.PersonAdmin)
		must(t, err)
		w.signIn(t, tenant, ada)
		_, err = w.try(t, signin.Start{Tenant: tenant}, nora)
		wantErr(t, err, signin.ErrNotAllowed)
		if n := w.count(t, "SELECT count(*) FROM ledger_entries WHERE kind = 'person.changed' AND subject_id = ?", people[0].ID); n != 2 {
			t.Errorf("%d changes are in the record", n)
		}
	})
}

// A client that an admin gave a voice is the tenant's: an operator cannot renew its secret
// and speak with it. Only a person gives a voice; a client can only take it away.
func TestClientWithAVoice(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t)
		admin := w.by(t, w.signIn(t, tenant, ada))
		byClient := signin.By{Kind: models.ActorCustomer, ID: "t-1"}
		_, _, err := w.NewClient(t.Context(), byClient, tenant, models.NewTenantClient{Name: "own", Scopes: []string{authz.ScopeConsentsDecide}})
		wantErr(t, err, signin.ErrNotAdmin)
		made, secret, err := w.NewClient(t.Context(), admin, tenant, models.NewTenantClient{Name: "own", Scopes: []string{authz.ScopeConsentsDecide, authz.ScopeTenantManage}})
		must(t, err)
		if secret == "" || !made.HasScope(authz.ScopeConsentsDecide) || *made.TenantID != tenant {
			t.Errorf("got %+v", made)
		}
		_, err = w.registry.RotateSecret(t.Context(), made.ID, time.Hour)
		wantErr(t, err, signin.ErrTenantClaimed)
		if !strings.Contains(w.attempts(t, tenant), "client.rotate") {
			t.Errorf("the record is %s", w.attempts(t, tenant))
		}
		other := w.tenant(t)
		wantErr(t, w.TakeRight(t.Context(), byClient, other, made.ID, authz.ScopeConsentsDecide), partners.ErrClientNotFound)
		must(t, w.TakeRight(t.Context(), byClient, tenant, made.ID, authz.ScopeConsentsDecide))
		got, err := w.registry.Client(t.Context(), made.ID)
		must(t, err)
		if got.Scopes != authz.ScopeTenantManage {
			t.Errorf("it has %q", got.Scopes)
		}
		wantErr(t, w.TakeRight(t.Context(), byClient, tenant, made.ID, authz.ScopeDevicesRead), signin.ErrInvalid)
	})
}

// An operator's last client and the first admin never pass each other: whichever comes
// first, no client that the operator knows speaks for the tenant afterwards.
func TestFirstAdmin_racesWithAnOperator(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for range 5 {
			tenant := w.tenant(t)
			to := w.begin(t, signin.Start{Tenant: tenant})
			back := answer(to, w.idp.SignIn(t, to.URL, ada))
			var work sync.WaitGroup
			for range 3 {
				work.Go(func() { _, _ = w.client(t, tenant, "consents.decide") })
			}
			work.Go(func() {
				if _, err := w.Complete(context.WithoutCancel(t.Context()), back); err != nil {
					t.Error(err)
				}
			})
			work.Wait()
			if n := w.count(t, "SELECT count(*) FROM oauth_clients WHERE tenant_id = ? AND scopes LIKE '%consents.decide%'", tenant); n != 0 {
				t.Errorf("%d clients of the operator speak for the tenant", n)
			}
		}
	})
}

// The first admin comes with the invitation, whatever the claims say, or with the role of
// the mapping. Nobody else comes in before.
func TestInvitation(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		made, err := w.registry.CreateTenant(t.Context(), newTenant("Fabrikam"))
		must(t, err)
		first, err := w.Invite(t.Context(), operator, made.ID)
		must(t, err)
		second, err := w.Invite(t.Context(), operator, made.ID)
		must(t, err)
		if strings.Contains(w.dump(t), second.Secret) {
			t.Error("the secret is stored")
		}
		_, err = w.Begin(t.Context(), signin.Start{Invitation: first.Secret})
		wantErr(t, err, signin.ErrInvitation) // replaced
		_, err = w.Begin(t.Context(), signin.Start{Invitation: second.Secret})
		wantErr(t, err, signin.ErrCannotSignIn) // nothing is set up
		_, err = w.SetUp(t.Context(), second.Secret, w.settings())
		must(t, err)
		for range 3 { // opening does not use it up
			w.begin(t, signin.Start{Invitation: second.Secret})
		}
		_, err = w.try(t, signin.Start{Tenant: made.ID}, nora)
		wantErr(t, err, signin.ErrNotAllowed)
		_, err = w.try(t, signin.Start{Tenant: made.ID}, alan) // an approver is not the first
		wantErr(t, err, signin.ErrNotAllowed)
		welcome, err := w.try(t, signin.Start{Invitation: second.Secret}, nora)
		must(t, err)
		if got := w.session(t, welcome.Cookie); got.Person.Role != models.PersonAdmin || got.Tenant.ClaimedAt == nil {
			t.Errorf("got %+v", got)
		}
		_, err = w.Begin(t.Context(), signin.Start{Invitation: second.Secret})
		wantErr(t, err, signin.ErrInvitation) // used
		w.signIn(t, made.ID, alan)
	})
}

func TestInvitation_expires(t *testing.T) {
	t.Parallel()
	w := quick(t)
	tenant := w.tenant(t)
	invitation, err := w.Invite(t.Context(), operator, tenant)
	must(t, err)
	to := w.begin(t, signin.Start{Invitation: invitation.Secret})
	w.clock.add(signin.InvitationLife)
	_, err = w.Begin(t.Context(), signin.Start{Invitation: invitation.Secret})
	wantErr(t, err, signin.ErrInvitation)
	_, err = w.SetUp(t.Context(), invitation.Secret, w.settings())
	wantErr(t, err, signin.ErrInvitation)
	_, err = w.Complete(t.Context(), answer(to, w.idp.SignIn(t, to.URL, nora)))
	wantErr(t, err, signin.ErrSignInRefused)
	for _, secret := range []string{"x", strings.Repeat("A", 43), invitation.Secret + "A"} {
		_, err = w.Begin(t.Context(), signin.Start{Invitation: secret})
		wantErr(t, err, signin.ErrInvitation)
	}
}

// guid is an organisation's id that a shared provider gave out.
const guid = "5f2c1f3e-8a4b-4c6d-9e0f-1a2b3c4d5e6f"

// sharedIdP makes the world's provider one for many organisations.
func sharedIdP(clientID string) func(*world) {
	return func(w *world) {
		base := w.idp.Issuer
		w.idp.Issuer = base + "/" + guid + "/v2.0"
		*w.shared = signin.Shared{
			Issuer: base + "/{tid}/v2.0", ClientID: clientID, ClientSecret: oidctest.ClientSecret, RoleClaim: "roles",
			AdminValues: []string{"countersign-admin"}, ApproverValues: []string{"countersign-approver"}, RequireMFA: true, AMRValues: []string{"mfa"},
		}
	}
}

func of(who oidctest.Person, tid string) oidctest.Person {
	who.Extra = map[string]any{"tid": tid}
	return who
}

// A GUID that somebody else gives out is claimed by that provider's ID token alone. A
// domain, whoever proved it, and another provider's word about the GUID are not enough.
func TestForeignID_needsItsProvider(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		made, err := w.registry.CreateTenant(t.Context(), partners.NewTenant{ID: guid, Name: "Squatter", Domains: []string{"squatter.example"}})
		must(t, err)
		if made.IDProof != models.IDNamed {
			t.Fatalf("the id is %s", made.IDProof)
		}
		must(t, w.d.Write().WithContext(t.Context()).Exec("UPDATE tenant_domains SET proof = 'dns' WHERE tenant_id = ?", made.ID).Error)
		evil := oidctest.New(t, "/"+guid+"/v2.0") // a provider of the squatter's, with the same path
		evil.Now = w.clock.Now
		_, err = w.SetSignIn(t.Context(), operator, made.ID, settingsOf(evil))
		wantErr(t, err, signin.ErrInvalid)
		if fields := errs.From(err).Fields; len(fields) != 1 || fields[0].Name != "issuer" {
			t.Errorf("the refusal names %v", fields)
		}
		invitation, err := w.Invite(t.Context(), operator, made.ID)
		must(t, err)
		_, err = w.SetUp(t.Context(), invitation.Secret, settingsOf(evil))
		wantErr(t, err, signin.ErrInvalid)
		for _, in := range []signin.Start{{Domain: "squatter.example"}, {Tenant: guid}, {Invitation: invitation.Secret}} {
			_, err = w.Begin(t.Context(), in)
			wantErr(t, err, signin.ErrCannotSignIn)
		}
		// At the right provider the token must say so, too.
		_, err = w.SetSignIn(t.Context(), operator, made.ID, w.settings())
		must(t, err)
		for _, who := range []oidctest.Person{ada, of(ada, "00000000-0000-4000-8000-000000000001"), of(ada, "not-a-guid")} {
			_, err = w.try(t, signin.Start{Tenant: guid}, who)
			wantErr(t, err, signin.ErrSignInRefused)
		}
		got, err := w.registry.Tenant(t.Context(), guid)
		must(t, err)
		if got.IDProof != models.IDNamed || got.ClaimedAt != nil {
			t.Errorf("got %+v", got)
		}
		w.signIn(t, guid, of(ada, guid))
		got, err = w.registry.Tenant(t.Context(), guid)
		must(t, err)
		if got.IDProof != models.IDProven || got.ClaimedAt == nil {
			t.Errorf("got %+v", got)
		}
	}, sharedIdP(""))
}

// An organisation of a shared provider needs nobody's help: its admin signs in, and that
// makes the tenant. Whoever is no admin makes none.
func TestSharedProvider_registersATenant(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		in := signin.Start{Tenant: models.TenantID(strings.ToUpper(guid))}
		_, err := w.try(t, in, of(alan, guid))
		wantErr(t, err, signin.ErrNotAllowed)
		_, err = w.try(t, in, ada) // no tid
		wantErr(t, err, signin.ErrNotAllowed)
		if n := w.count(t, "SELECT count(*) FROM tenants"); n != 0 {
			t.Fatalf("%d tenants", n)
		}
		welcome, err := w.try(t, in, of(ada, guid))
		must(t, err)
		got := w.session(t, welcome.Cookie)
		if got.Tenant.ID != guid || got.Tenant.IDProof != models.IDProven || got.Person.Role != models.PersonAdmin || !got.Fresh {
			t.Errorf("got %+v", got)
		}
		_, err = w.try(t, in, of(ada, "00000000-0000-4000-8000-000000000001")) // R6: tid of another organisation
		wantErr(t, err, signin.ErrSignInRefused)
		approver := w.session(t, w.signIn(t, guid, of(alan, guid)))
		if approver.Person.Role != models.PersonApprover {
			t.Errorf("got %+v", approver)
		}
		admin := w.by(t, welcome.Cookie)
		must(t, w.Rename(t.Context(), admin, guid, "Fabrikam"))
		// An id made here is none of that provider's.
		own, err := w.registry.CreateTenant(t.Context(), newTenant("Own"))
		must(t, err)
		_, err = w.Begin(t.Context(), signin.Start{Tenant: own.ID})
		wantErr(t, err, signin.ErrCannotSignIn)
	}, sharedIdP(oidctest.ClientID))
}
