package signin_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/authz/signin"
	"countersign/internal/oidctest"
	"countersign/models"
)

// refusedWith signs somebody in while the provider lies, and wants it refused with a reason
// in the log and no session in the database.
func (w *world) refusedWith(t *testing.T, tenant models.TenantID, who oidctest.Person, reason string) {
	t.Helper()
	had := w.count(t, "SELECT count(*) FROM person_sessions")
	_, err := w.try(t, signin.Start{Tenant: tenant}, who)
	wantErr(t, err, signin.ErrSignInRefused)
	if !strings.Contains(w.log.String(), reason) {
		t.Errorf("the log does not say %q:\n%s", reason, w.log)
	}
	if n := w.count(t, "SELECT count(*) FROM person_sessions"); n != had {
		t.Errorf("%d sessions more", n-had)
	}
}

// R3 to R5: every lie of a provider about an ID token.
func TestIDToken_lies(t *testing.T) {
	t.Parallel()
	claim := func(name string, value any) func(header, claims map[string]any) {
		return func(_, claims map[string]any) { claims[name] = value }
	}
	for name, tt := range map[string]struct {
		tell   func(*oidctest.Provider)
		reason string
	}{
		// R3
		"another nonce": {func(p *oidctest.Provider) { p.Lie = claim("nonce", strings.Repeat("x", 43)) }, "nonce"},
		"no nonce":      {func(p *oidctest.Provider) { p.Lie = claim("nonce", nil) }, "nonce"},
		// R4
		"another issuer":           {func(p *oidctest.Provider) { p.Lie = claim("iss", "https://other.example.com") }, "different provider"},
		"a longer issuer":          {func(p *oidctest.Provider) { p.Lie = claim("iss", p.Issuer+"/") }, "different provider"},
		"another iss in the query": {func(p *oidctest.Provider) { p.SendIssuer = ptr("https://other.example.com") }, "iss of the answer"},
		"no iss in the query":      {func(p *oidctest.Provider) { p.SendIssuer = ptr("") }, "iss of the answer"},
		// R5
		"alg none":                {func(p *oidctest.Provider) { p.Alg = "none" }, "malformed jwt"},
		"alg HS256 by our secret": {func(p *oidctest.Provider) { p.Alg = "HS256" }, "unexpected signature algorithm"},
		"a foreign key":           {func(p *oidctest.Provider) { p.ForeignKey = true }, "verify signature"},
		"another audience":        {func(p *oidctest.Provider) { p.Lie = claim("aud", "other") }, "audience"},
		"one audience more":       {func(p *oidctest.Provider) { p.Lie = claim("aud", []string{oidctest.ClientID, "other"}) }, "aud names others"},
		"another azp":             {func(p *oidctest.Provider) { p.Lie = claim("azp", "other") }, "azp"},
		"expired":                 {func(p *oidctest.Provider) { p.Lie = claim("exp", start.Add(-time.Second).Unix()) }, "expired"},
		"no exp":                  {func(p *oidctest.Provider) { p.Lie = claim("exp", nil) }, "expired"},
		"an old iat":              {func(p *oidctest.Provider) { p.Lie = claim("iat", start.Add(-2*time.Minute).Unix()) }, "iat"},
		"an iat to come":          {func(p *oidctest.Provider) { p.Lie = claim("iat", start.Add(2*time.Minute).Unix()) }, "iat"},
		"another at_hash":         {func(p *oidctest.Provider) { p.Lie = claim("at_hash", strings.Repeat("A", 22)) }, "at_hash"},
		"an access token's typ":   {func(p *oidctest.Provider) { p.Lie = func(h, _ map[string]any) { h["typ"] = "at+jwt" } }, "typ"},
		"an unknown extension":    {func(p *oidctest.Provider) { p.Lie = func(h, _ map[string]any) { h["crit"] = []string{"x"} } }, "verify signature"},
		"no sub":                  {func(p *oidctest.Provider) { p.Lie = claim("sub", nil) }, "sub"},
		"a long sub":              {func(p *oidctest.Provider) { p.Lie = claim("sub", strings.Repeat("s", 256)) }, "sub"},
		"a sub with a line break": {func(p *oidctest.Provider) { p.Lie = claim("sub", "a\nb") }, "sub"},
		"no ID token":             {func(p *oidctest.Provider) { p.Answer = func(a map[string]any) { delete(a, "id_token") } }, "no ID token"},
		"a large ID token":        {func(p *oidctest.Provider) { p.Lie = claim("groups", strings.Repeat("g", 40<<10)) }, "too large"},
		"a failure":               {func(p *oidctest.Provider) { p.Status = 500 }, "token endpoint answered 500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := quick(t)
			tenant := w.tenant(t)
			tt.tell(w.idp)
			w.refusedWith(t, tenant, ada, tt.reason)
			if n := w.count(t, "SELECT count(*) FROM people"); n != 0 {
				t.Errorf("%d people are known", n)
			}
			w.idp.Lie, w.idp.Alg, w.idp.ForeignKey, w.idp.SendIssuer, w.idp.Answer, w.idp.Status = nil, "", false, nil, nil, 0
			w.signIn(t, tenant, ada) // it was the lie
		})
	}
}

func ptr[T any](v T) *T { return &v }

// R1: a code of one sign-in is worth nothing in another, because the verifier is another.
// R2: nor is an answer that somebody else's browser began (login CSRF).
func TestAnswer_belongsToOneBrowserAndOneSignIn(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t)
		mine, theirs := w.begin(t, signin.Start{Tenant: tenant}), w.begin(t, signin.Start{Tenant: tenant})
		stolen := w.idp.SignIn(t, theirs.URL, alan)
		own := w.idp.SignIn(t, mine.URL, ada)
		for name, back := range map[string]signin.Return{
			"R2: the attacker's answer in the victim's browser": answer(mine, stolen),
			"R2: no cookie":          {Code: own.Get("code"), State: own.Get("state"), Issuer: w.idp.Issuer},
			"R2: no state":           {Code: own.Get("code"), Issuer: w.idp.Issuer, Cookie: mine.Cookie},
			"R2: a state not ours":   {Code: own.Get("code"), State: strings.Repeat("A", 43), Issuer: w.idp.Issuer, Cookie: mine.Cookie},
			"R2: state as cookie":    {Code: own.Get("code"), State: own.Get("state"), Issuer: w.idp.Issuer, Cookie: own.Get("state")},
			"R2: another's cookie":   {Code: own.Get("code"), State: own.Get("state"), Issuer: w.idp.Issuer, Cookie: theirs.Cookie},
			"a cookie of other size": {Code: own.Get("code"), State: own.Get("state"), Issuer: w.idp.Issuer, Cookie: mine.Cookie + "AA"},
		} {
			got, err := w.Complete(t.Context(), back)
			t.Log(name)
			wantErr(t, err, signin.ErrSignInRefused)
			if got != empty {
				t.Errorf("%s: got %+v", name, got)
			}
		}
		// R1: the stolen code comes with the victim's own state and cookie. The attempt is used up.
		_, err := w.Complete(t.Context(), signin.Return{Code: stolen.Get("code"), State: own.Get("state"), Issuer: w.idp.Issuer, Cookie: mine.Cookie})
		wantErr(t, err, signin.ErrSignInRefused)
		_, err = w.Complete(t.Context(), answer(mine, own))
		wantErr(t, err, signin.ErrSignInRefused)
		if n := w.count(t, "SELECT count(*) FROM person_sessions"); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

// R2: an answer counts once, and not after ten minutes. R3: a token that was seen before
// carries the nonce of another sign-in.
func TestAnswer_countsOnceAndSoon(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t)
		to := w.begin(t, signin.Start{Tenant: tenant})
		back := answer(to, w.idp.SignIn(t, to.URL, ada))
		_, err := w.Complete(t.Context(), back)
		must(t, err)
		w.idp.AnyCode = true // even if the provider takes the code again
		_, err = w.Complete(t.Context(), back)
		wantErr(t, err, signin.ErrSignInRefused)
		next := w.begin(t, signin.Start{Tenant: tenant})
		q, err := url.Parse(next.URL)
		must(t, err)
		// The provider answers with the token of the sign-in before.
		_, err = w.Complete(t.Context(), signin.Return{Code: "x", State: q.Query().Get("state"), Issuer: w.idp.Issuer, Cookie: next.Cookie})
		wantErr(t, err, signin.ErrSignInRefused)
		if !strings.Contains(w.log.String(), "nonce is not that of this sign-in") {
			t.Errorf("the log says %s", w.log)
		}
		w.idp.AnyCode = false
		late := w.begin(t, signin.Start{Tenant: tenant})
		q2 := w.idp.SignIn(t, late.URL, ada)
		w.clock.add(signin.AttemptLife)
		_, err = w.Complete(t.Context(), answer(late, q2))
		wantErr(t, err, signin.ErrSignInRefused)
	})
}

// The provider says no, or the person does.
func TestAnswer_withAnError(t *testing.T) {
	t.Parallel()
	w := quick(t)
	tenant := w.tenant(t)
	to := w.begin(t, signin.Start{Tenant: tenant})
	q := w.idp.SignIn(t, to.URL, ada)
	_, err := w.Complete(t.Context(), signin.Return{Error: "access_denied\x1b[31m", State: q.Get("state"), Issuer: w.idp.Issuer, Cookie: to.Cookie})
	wantErr(t, err, signin.ErrSignInRefused)
	if strings.Contains(w.log.String(), "\x1b") || w.idp.Calls() != 0 {
		t.Errorf("the log says %q; the token endpoint was called %d times", w.log, w.idp.Calls())
	}
}

// R4: a mix-up. The attacker's own tenant has the attacker's provider, which sends the
// victim's code back under its own name, or under the honest one's.
func TestMixUp(t *testing.T) {
	t.Parallel()
	w := quick(t)
	victim := w.tenant(t)
	evil := oidctest.New(t)
	evil.Now = w.clock.Now
	other, err := w.registry.CreateTenant(t.Context(), newTenant("Evil"))
	must(t, err)
	_, err = w.SetSignIn(t.Context(), operator, other.ID, settingsOf(evil))
	must(t, err)
	honest := w.begin(t, signin.Start{Tenant: victim})
	code := w.idp.SignIn(t, honest.URL, ada)
	atEvil := w.begin(t, signin.Start{Tenant: other.ID})
	fromEvil := evil.SignIn(t, atEvil.URL, ada)
	for _, issuer := range []string{w.idp.Issuer, ""} {
		again := w.begin(t, signin.Start{Tenant: other.ID})
		q, err := url.Parse(again.URL)
		must(t, err)
		_, err = w.Complete(t.Context(), signin.Return{Code: code.Get("code"), State: q.Query().Get("state"), Issuer: issuer, Cookie: again.Cookie})
		wantErr(t, err, signin.ErrSignInRefused)
	}
	if evil.Calls() != 0 {
		t.Error("the code went to the attacker's token endpoint")
	}
	_, err = w.Complete(t.Context(), signin.Return{Code: fromEvil.Get("code"), State: code.Get("state"), Issuer: evil.Issuer, Cookie: honest.Cookie})
	wantErr(t, err, signin.ErrSignInRefused)
}

// R6: another tenant's provider asserts the address, the name and even the subject of this
// tenant's admin. That is another person, of that tenant, with no access here.
func TestIdentity_isIssuerAndSubject(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		fabrikam := w.tenant(t, "fabrikam.example")
		admin := w.session(t, w.signIn(t, fabrikam, ada))
		evil := oidctest.New(t)
		evil.Now = w.clock.Now
		other, err := w.registry.CreateTenant(t.Context(), newTenant("Evil"))
		must(t, err)
		_, err = w.SetSignIn(t.Context(), operator, other.ID, settingsOf(evil))
		must(t, err)
		double := ada
		double.Extra = map[string]any{"tid": string(fabrikam), "preferred_username": "ada@fabrikam.example", "email_verified": true, "upn": "ada@fabrikam.example"}
		to := w.begin(t, signin.Start{Tenant: other.ID})
		welcome, err := w.Complete(t.Context(), answer(to, evil.SignIn(t, to.URL, double)))
		must(t, err)
		got := w.session(t, welcome.Cookie)
		if got.Person.ID == admin.Person.ID || got.Person.TenantID != other.ID || got.Tenant.ID != other.ID {
			t.Errorf("got %+v", got)
		}
		// At one's own provider an address given to somebody else does not move the role.
		heir := nora
		heir.Email, heir.Name = ada.Email, ada.Name
		_, err = w.try(t, signin.Start{Tenant: fabrikam}, heir)
		wantErr(t, err, signin.ErrNotAllowed)
	})
}

// R7: a role that was taken, and a person who was disabled, are gone with the next call.
func TestRole_isReadAtDecisionTime(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t)
		admin := w.by(t, w.signIn(t, tenant, ada))
		_, err := w.try(t, signin.Start{Tenant: tenant}, nora)
		wantErr(t, err, signin.ErrNotAllowed)
		people, _, err := w.People(t.Context(), tenant, signin.Page{})
		must(t, err)
		waiting := people[1]
		if len(people) != 2 || waiting.Role != "" || waiting.Subject != "nora" || waiting.State != models.PersonActive {
			t.Fatalf("got %+v", people)
		}
		_, err = w.SetRole(t.Context(), admin, tenant, waiting.ID, models.PersonApprover)
		must(t, err)
		cookie := w.signIn(t, tenant, nora)
		if got := w.session(t, cookie); got.Person.Role != models.PersonApprover {
			t.Errorf("got %+v", got.Person)
		}
		_, err = w.SetRole(t.Context(), admin, tenant, waiting.ID, "")
		must(t, err)
		_, err = w.Session(t.Context(), cookie)
		wantErr(t, err, signin.ErrNoSession)

		_, err = w.SetRole(t.Context(), admin, tenant, waiting.ID, models.PersonApprover)
		must(t, err)
		cookie = w.signIn(t, tenant, nora)
		got, err := w.Disable(t.Context(), admin, tenant, waiting.ID)
		must(t, err)
		if got.State != models.PersonDisabled || got.MayDecide() {
			t.Errorf("got %+v", got)
		}
		_, err = w.Session(t.Context(), cookie)
		wantErr(t, err, signin.ErrNoSession)
		promoted := nora
		promoted.Roles = ada.Roles // whatever its provider says
		_, err = w.try(t, signin.Start{Tenant: tenant}, promoted)
		wantErr(t, err, signin.ErrNotAllowed)
		_, err = w.Enable(t.Context(), admin, tenant, waiting.ID)
		must(t, err)
		w.signIn(t, tenant, promoted)
	})
}

// R7: the provider takes a role by no longer saying it, with the next sign-in or step-up.
func TestRole_ofTheClaimEndsWithTheClaim(t *testing.T) {
	t.Parallel()
	w := quick(t)
	tenant := w.tenant(t)
	w.signIn(t, tenant, ada)
	cookie := w.signIn(t, tenant, alan)
	fired := alan
	fired.Roles = []string{"something-else"}
	_, err := w.try(t, signin.Start{StepUp: true, Session: cookie}, fired)
	wantErr(t, err, signin.ErrNotAllowed)
	_, err = w.Session(t.Context(), cookie)
	wantErr(t, err, signin.ErrNoSession)
}

// R8: a step-up takes a new proof of identity, with the factors that the tenant wants, of
// the same person.
func TestStepUp(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t)
		w.signIn(t, tenant, ada)
		once := alan
		once.AMR = []string{"pwd"}
		once.AuthTime = start.Add(-2 * time.Hour)
		cookie := w.signIn(t, tenant, once)
		if w.session(t, cookie).Fresh {
			t.Error("two hours and one factor are fresh")
		}
		refuse := func(who oidctest.Person, want error) {
			t.Helper()
			_, err := w.try(t, signin.Start{StepUp: true, Session: cookie}, who)
			if err == nil || want == signin.ErrMoreFactors != strings.Contains(err.Error(), "sign_in_mfa") {
				t.Errorf("got %v, want %v", err, want)
			}
			if got := w.session(t, cookie); got.Fresh {
				t.Error("the session became fresh")
			}
		}
		refuse(once, signin.ErrSignInRefused) // R8: auth_time is 2 h old
		now := once
		now.AuthTime = time.Time{}
		refuse(now, signin.ErrMoreFactors) // R8: amr [pwd]
		untold := alan
		untold.Extra = map[string]any{"auth_time": nil}
		refuse(untold, signin.ErrSignInRefused)
		future := alan
		future.AuthTime = start.Add(time.Hour)
		refuse(future, signin.ErrSignInRefused)
		refuse(ada, signin.ErrSignInRefused) // another person
		if q := w.idp.Request; q.Get("prompt") != "login" || q.Get("max_age") != "0" || q.Get("acr_values") != "gold" {
			t.Errorf("the provider is asked %v", q)
		}
		welcome, err := w.try(t, signin.Start{StepUp: true, Session: cookie, ReturnTo: "/portal/requests"}, alan)
		must(t, err)
		if got := w.session(t, welcome.Cookie); !got.Fresh || welcome.ReturnTo != "/portal/requests" {
			t.Errorf("got %+v", got)
		}
		// W2: the session before the step-up is dead.
		_, err = w.Session(t.Context(), cookie)
		wantErr(t, err, signin.ErrNoSession)
		_, err = w.Begin(t.Context(), signin.Start{StepUp: true, Session: cookie})
		wantErr(t, err, signin.ErrNoSession)
	})
}

// R8: acr, and Entra's acrs, count as the tenant says.
func TestMoreFactors_byACR(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		acr   string
		extra map[string]any
		want  bool
	}{
		"acr":                  {"gold", nil, true},
		"another acr":          {"silver", nil, false},
		"acrs":                 {"", map[string]any{"acrs": []string{"c1"}}, true},
		"acrs alone":           {"", map[string]any{"acrs": "c1"}, true},
		"acrs value in acr":    {"c1", nil, false},
		"acr value in acrs":    {"", map[string]any{"acrs": []string{"gold"}}, false},
		"amr not a list":       {"", map[string]any{"amr": map[string]any{"mfa": true}}, false},
		"amr with a part only": {"", map[string]any{"amr": []string{"mfa2"}}, false},
	} {
		w := quick(t)
		tenant := w.tenant(t)
		s := w.settings()
		s.ACRValues = []string{"gold", "acrs:c1"}
		_, err := w.SetSignIn(t.Context(), operator, tenant, s)
		must(t, err)
		who := ada
		who.AMR, who.ACR, who.Extra = []string{"pwd"}, tt.acr, tt.extra
		if got := w.session(t, w.signIn(t, tenant, who)); got.Fresh != tt.want {
			t.Errorf("%s: fresh is %v", name, got.Fresh)
		}
		if q := w.idp.Request; q.Get("acr_values") != "gold" || !strings.Contains(q.Get("claims"), `"c1"`) {
			t.Errorf("the provider is asked %v", q)
		}
	}
}

// R9: no token of the provider is in an answer, in the database or in the log.
func TestTokens_areDropped(t *testing.T) {
	t.Parallel()
	w := quick(t)
	tenant := w.tenant(t)
	var seen []string
	w.idp.Answer = func(a map[string]any) {
		for _, name := range []string{"access_token", "id_token", "refresh_token"} {
			seen = append(seen, a[name].(string))
		}
	}
	to := w.begin(t, signin.Start{Tenant: tenant})
	q := w.idp.SignIn(t, to.URL, ada)
	welcome, err := w.Complete(t.Context(), answer(to, q))
	must(t, err)
	seen = append(seen, q.Get("code"), welcome.Cookie, to.Cookie, q.Get("state"), w.idp.Request.Get("nonce"), oidctest.ClientSecret)
	if len(seen) != 9 {
		t.Fatalf("%d secrets were seen", len(seen))
	}
	dump := w.dump(t) + w.log.String()
	for _, secret := range seen {
		if strings.Contains(dump, secret) {
			t.Errorf("%.12s… is stored or logged", secret)
		}
	}
	for _, token := range seen[:3] {
		if strings.Contains(welcome.Cookie+welcome.ReturnTo+to.URL, token) {
			t.Errorf("%.12s… went to the browser", token)
		}
	}
}

// R10: after a sign-in the browser goes to a path of ours and nowhere else.
func TestReturn_isAPathOfOurs(t *testing.T) {
	t.Parallel()
	w := quick(t)
	tenant := w.tenant(t)
	for to, want := range map[string]string{
		"/portal/requests":             "/portal/requests",
		"/portal/requests/7?tab=2#end": "/portal/requests/7?tab=2#end",
		"/portal/":                     "/portal/",
		"":                             "/portal/",
		"//evil.example":               "/portal/",
		"/\\evil.example":              "/portal/",
		"\\evil":                       "/portal/",
		"https:evil.example":           "/portal/",
		"https://evil.example":         "/portal/",
		"/portal//evil.example":        "/portal/",
		"/portal/\\evil":               "/portal/",
		"/portal/%2fevil":              "/portal/",
		"/portal/%5Cevil":              "/portal/",
		"/portal/%252fevil":            "/portal/",
		"/portal/../v1/tenant":         "/portal/",
		"/portal/\r\nSet-Cookie: x":    "/portal/",
		"/portal/\tx":                  "/portal/",
		"/v1/tenant":                   "/portal/",
		"javascript:alert(1)":          "/portal/",
		" /portal/":                    "/portal/",
	} {
		welcome, err := w.try(t, signin.Start{Tenant: tenant, ReturnTo: to}, ada)
		must(t, err)
		if welcome.ReturnTo != want {
			t.Errorf("%q leads to %q", to, welcome.ReturnTo)
		}
	}
}
