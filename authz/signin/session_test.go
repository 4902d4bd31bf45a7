package signin_test

import (
	"strings"
	"testing"
	"time"

	"countersign/authz/signin"
	"countersign/internal/oidctest"
	"countersign/models"
)

// W2: 15 minutes without a call, 8 hours in all, by the database's clock.
func TestSession_endsByTheClock(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t)
		idle, used := w.signIn(t, tenant, ada), w.signIn(t, tenant, ada)
		w.clock.add(signin.SessionIdle - time.Second)
		w.session(t, used)
		w.clock.add(time.Second)
		_, err := w.Session(t.Context(), idle)
		wantErr(t, err, signin.ErrNoSession)
		for range int((signin.SessionLife - signin.SessionIdle) / (10 * time.Minute)) {
			w.session(t, used)
			w.clock.add(10 * time.Minute)
		}
		w.session(t, used)
		w.clock.add(5 * time.Minute)
		_, err = w.Session(t.Context(), used)
		wantErr(t, err, signin.ErrNoSession)
		_, err = w.try(t, signin.Start{Tenant: tenant}, ada) // leaves nothing of its own behind
		must(t, err)
		w.begin(t, signin.Start{Tenant: tenant})
		w.clock.add(signin.SessionLife)
		must(t, w.Sweep(t.Context()))
		if n := w.count(t, "SELECT (SELECT count(*) FROM person_sessions) + (SELECT count(*) FROM sign_in_attempts)"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// W2: a new reference at every sign-in, the browser's older one is dead, and signing out
// ends it on the server. A reference that somebody planted is never taken up.
func TestSession_hasANewReference(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t)
		planted := strings.Repeat("A", 43)
		to := w.begin(t, signin.Start{Tenant: tenant})
		back := answer(to, w.idp.SignIn(t, to.URL, ada))
		back.Session = planted
		first, err := w.Complete(t.Context(), back)
		must(t, err)
		if first.Cookie == planted || first.Cookie == to.Cookie || len(first.Cookie) != 43 {
			t.Errorf("the reference is %q", first.Cookie)
		}
		_, err = w.Session(t.Context(), planted)
		wantErr(t, err, signin.ErrNoSession)
		to = w.begin(t, signin.Start{Tenant: tenant})
		back = answer(to, w.idp.SignIn(t, to.URL, ada))
		back.Session = first.Cookie
		second, err := w.Complete(t.Context(), back)
		must(t, err)
		_, err = w.Session(t.Context(), first.Cookie)
		wantErr(t, err, signin.ErrNoSession)
		must(t, w.End(t.Context(), second.Cookie))
		_, err = w.Session(t.Context(), second.Cookie)
		wantErr(t, err, signin.ErrNoSession)
		must(t, w.End(t.Context(), second.Cookie))
		must(t, w.End(t.Context(), "x"))
		for _, cookie := range []string{"", "x", planted + "A", to.Cookie} {
			_, err = w.Session(t.Context(), cookie)
			wantErr(t, err, signin.ErrNoSession)
		}
	})
}

// W2: all sessions die with the tenant's suspension, and with its provider.
func TestSession_diesWithTenantAndProvider(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t)
		cookie := w.signIn(t, tenant, ada)
		_, err := w.registry.SuspendTenant(t.Context(), tenant)
		must(t, err)
		_, err = w.Session(t.Context(), cookie)
		wantErr(t, err, signin.ErrNoSession)
		_, err = w.Begin(t.Context(), signin.Start{Tenant: tenant})
		wantErr(t, err, signin.ErrCannotSignIn)
		_, err = w.registry.ResumeTenant(t.Context(), tenant)
		must(t, err)
		admin := w.by(t, cookie)
		next := oidctest.New(t)
		next.Now = w.clock.Now
		_, err = w.SetSignIn(t.Context(), admin, tenant, settingsOf(next))
		must(t, err)
		_, err = w.Session(t.Context(), cookie)
		wantErr(t, err, signin.ErrNoSession)
		to := w.begin(t, signin.Start{Tenant: tenant})
		welcome, err := w.Complete(t.Context(), answer(to, next.SignIn(t, to.URL, ada)))
		must(t, err)
		if got := w.session(t, welcome.Cookie); got.Person.ID == admin.Session.Person.ID {
			t.Error("the same subject at another provider is the same person")
		}
	})
}

// A sign-in begun before the settings changed does not end after.
func TestSettings_changedInTheMeantime(t *testing.T) {
	t.Parallel()
	w := quick(t)
	tenant := w.tenant(t)
	to := w.begin(t, signin.Start{Tenant: tenant})
	back := answer(to, w.idp.SignIn(t, to.URL, ada))
	_, err := w.SetSignIn(t.Context(), operator, tenant, w.settings())
	must(t, err)
	_, err = w.Complete(t.Context(), back)
	wantErr(t, err, signin.ErrSignInRefused)
}

func TestSettings_refuses(t *testing.T) {
	t.Parallel()
	w := quick(t)
	tenant := w.tenant(t)
	admin := w.by(t, w.signIn(t, tenant, ada))
	liar, plain := oidctest.New(t), oidctest.New(t)
	liar.Metadata = func(m map[string]any) { m["issuer"] = w.idp.Issuer }
	plain.Metadata = func(m map[string]any) { m["code_challenge_methods_supported"] = []string{"plain"} }
	inside := oidctest.New(t)
	inside.Metadata = func(m map[string]any) { m["token_endpoint"] = "http://169.254.169.254/latest" }
	for name, change := range map[string]func(*signin.Settings){
		"no issuer":                 func(s *signin.Settings) { s.Issuer = "" },
		"an issuer with a query":    func(s *signin.Settings) { s.Issuer += "?x=1" },
		"an issuer inside":          func(s *signin.Settings) { s.Issuer = "https://10.0.0.1" },
		"an issuer that lies":       func(s *signin.Settings) { s.Issuer, s.ClientSecret = liar.Issuer, "x" },
		"an issuer without S256":    func(s *signin.Settings) { s.Issuer, s.ClientSecret = plain.Issuer, "x" },
		"endpoints inside":          func(s *signin.Settings) { s.Issuer, s.ClientSecret = inside.Issuer, "x" },
		"a secret for another":      func(s *signin.Settings) { s.ClientID, s.ClientSecret = "other", "" },
		"no client id":              func(s *signin.Settings) { s.ClientID = "" },
		"an unknown method":         func(s *signin.Settings) { s.AuthMethod = "none" },
		"a secret beside a key":     func(s *signin.Settings) { s.AuthMethod = models.ProviderKeyJWT },
		"values without claim":      func(s *signin.Settings) { s.RoleClaim = "" },
		"a claim without values":    func(s *signin.Settings) { s.AdminValues, s.ApproverValues = nil, nil },
		"a value with a line break": func(s *signin.Settings) { s.AdminValues = []string{"a\nb"} },
		"factors without a sign":    func(s *signin.Settings) { s.AMRValues, s.ACRValues = nil, nil },
	} {
		s := w.settings()
		change(&s)
		_, err := w.SetSignIn(t.Context(), admin, tenant, s)
		t.Log(name)
		wantErr(t, err, signin.ErrInvalid)
	}
	s := w.settings()
	s.Version = 7
	_, err := w.SetSignIn(t.Context(), admin, tenant, s)
	wantErr(t, err, signin.ErrOutdated)
	// Roles given here are worth nothing at another provider: its admins must be named.
	next := oidctest.New(t)
	moved := settingsOf(next)
	moved.AdminValues = nil
	_, err = w.SetSignIn(t.Context(), admin, tenant, moved)
	wantErr(t, err, signin.ErrInvalid)
	same := w.settings()
	same.ClientSecret = "" // keeps the stored one
	_, err = w.SetSignIn(t.Context(), admin, tenant, same)
	must(t, err)
	w.signIn(t, tenant, ada)
	shown, err := w.SignIn(t.Context(), tenant)
	must(t, err)
	if shown.ClientSecret != "" || shown.Version != 2 || shown.SetBy != models.ActorCustomer || shown.Issuer != w.idp.Issuer {
		t.Errorf("got %+v", shown)
	}
	_, err = w.SignIn(t.Context(), guid)
	wantErr(t, err, signin.ErrNotSetUp)
}

// Who manages a tenant is its admin, in a fresh session.
func TestManaging_needsAnAdminWhoIsThere(t *testing.T) {
	t.Parallel()
	w := quick(t)
	tenant, other := w.tenant(t), w.tenant(t)
	cookie := w.signIn(t, tenant, ada)
	approver := w.by(t, w.signIn(t, tenant, alan))
	stranger := w.by(t, w.signIn(t, other, ada))
	admin := w.by(t, cookie)
	for name, by := range map[string]signin.By{"an approver": approver, "another tenant's admin": stranger, "a partner": {Kind: models.ActorPartner, ID: "p-1"}} {
		t.Log(name)
		wantErr(t, w.Rename(t.Context(), by, tenant, "x"), signin.ErrNotAdmin)
		_, err := w.SetRole(t.Context(), by, tenant, approver.Session.Person.ID, models.PersonAdmin)
		wantErr(t, err, signin.ErrNotAdmin)
	}
	w.clock.add(signin.FreshFor)
	wantErr(t, w.Rename(t.Context(), w.by(t, cookie), tenant, "x"), signin.ErrNotFresh)
	w.clock.add(-signin.FreshFor)
	_, err := w.Disable(t.Context(), admin, tenant, admin.Session.Person.ID)
	wantErr(t, err, signin.ErrLastAdmin)
	_, err = w.SetRole(t.Context(), admin, tenant, approver.Session.Person.ID, models.PersonAdmin)
	must(t, err)
	_, err = w.Disable(t.Context(), admin, tenant, admin.Session.Person.ID)
	must(t, err)
	wantErr(t, w.Rename(t.Context(), admin, tenant, "x"), signin.ErrNotAdmin) // the session in hand is worth nothing
	_, err = w.SetRole(t.Context(), approver, tenant, stranger.Session.Person.ID, models.PersonAdmin)
	wantErr(t, err, signin.ErrPersonNotFound)
	_, err = w.SetRole(t.Context(), approver, tenant, admin.Session.Person.ID, "owner")
	wantErr(t, err, signin.ErrInvalid)
	first, next, err := w.People(t.Context(), tenant, signin.Page{Limit: 1})
	must(t, err)
	second, last, err := w.People(t.Context(), tenant, signin.Page{Limit: 1, Cursor: next})
	must(t, err)
	if len(first) != 1 || len(second) != 1 || first[0].ID == second[0].ID || last != "" {
		t.Errorf("got %v, %v, %q", first, second, last)
	}
	_, _, err = w.People(t.Context(), tenant, signin.Page{Cursor: "x"})
	wantErr(t, err, signin.ErrCursor)
}

// A tenant nobody knows, one without a provider and one that is suspended look the same.
func TestBegin_tellsNothing(t *testing.T) {
	t.Parallel()
	w := quick(t)
	bare, err := w.registry.CreateTenant(t.Context(), newTenant("Bare"))
	must(t, err)
	stopped := w.tenant(t, "stopped.example")
	_, err = w.registry.SuspendTenant(t.Context(), stopped)
	must(t, err)
	for name, in := range map[string]signin.Start{
		"unknown":        {Tenant: guid},
		"no provider":    {Tenant: bare.ID},
		"suspended":      {Tenant: stopped},
		"its domain":     {Domain: "stopped.example"},
		"unknown domain": {Domain: "nobody.example"},
		"nothing":        {},
		"no guid":        {Tenant: "x' OR 1=1"},
		"NUL":            {Domain: "a\x00b"},
	} {
		_, err := w.Begin(t.Context(), in)
		t.Log(name)
		wantErr(t, err, signin.ErrCannotSignIn)
		if err != nil && err.Error() != signin.ErrCannotSignIn.Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// private_key_jwt: the provider gets an assertion by our own key and no secret.
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	w := quick(t)
	tenant := w.tenant(t)
	s := w.settings()
	s.AuthMethod, s.ClientSecret = models.ProviderKeyJWT, ""
	_, err := w.SetSignIn(t.Context(), operator, tenant, s)
	must(t, err)
	admin := w.by(t, w.signIn(t, tenant, ada))
	if strings.Count(w.idp.Assertion, ".") != 2 {
		t.Errorf("the assertion is %q", w.idp.Assertion)
	}
	if n := w.count(t, "SELECT count(*) FROM tenant_sign_ins WHERE sealed_secret IS NOT NULL"); n != 0 {
		t.Error("a secret is stored")
	}
	post := w.settings()
	post.AuthMethod = models.ProviderPost
	_, err = w.SetSignIn(t.Context(), admin, tenant, post)
	must(t, err)
	w.signIn(t, tenant, ada)
	if got := w.dump(t); strings.Contains(got, oidctest.ClientSecret) {
		t.Error("the secret is stored in the clear")
	}
}
