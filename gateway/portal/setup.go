package portal

import (
	"net/http"
	"slices"
	"strings"

	"countersign/authz/signin"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/partners"
)

// by is a person who changes how the tenant is spoken for.
func (v *visit) by() signin.By {
	return signin.By{Kind: models.ActorCustomer, ID: string(v.session.Person.ID), RequestID: v.id, Session: v.session}
}

// peopleList is everybody of the tenant who ever signed in.
type peopleList struct {
	People []models.Person
	More   string
}

// Roles are what a person can be given here; the empty one is none.
func (peopleList) Roles() []models.PersonRole {
	return []models.PersonRole{models.PersonAdmin, models.PersonApprover, ""}
}

func (v *visit) listPeople() error {
	people, next, err := v.Setup.People(v.r.Context(), v.session.Person.TenantID, signin.Page{Cursor: v.r.URL.Query().Get("after"), Limit: listPage})
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "people", v.T("people.title"), peopleList{People: people, More: v.more(next)})
	return nil
}

// setRole gives a role or takes it.
func (v *visit) setRole() error {
	role := models.PersonRole(v.field("role"))
	if role != "" && !role.Valid() {
		return errFormKind
	}
	_, err := v.Setup.SetRole(v.r.Context(), v.by(), v.session.Person.TenantID, models.PersonID(v.params["id"]), role)
	return v.setUpChanged("role", peoplePath, err)
}

func (v *visit) disablePerson() error {
	_, err := v.Setup.Disable(v.r.Context(), v.by(), v.session.Person.TenantID, models.PersonID(v.params["id"]))
	return v.setUpChanged("disabled", peoplePath, err)
}

func (v *visit) enablePerson() error {
	_, err := v.Setup.Enable(v.r.Context(), v.by(), v.session.Person.TenantID, models.PersonID(v.params["id"]))
	return v.setUpChanged("enabled", peoplePath, err)
}

// setUpChanged leads back after a change of the set-up. One that needs a fresh sign-in
// says so.
func (v *visit) setUpChanged(word, path string, err error) error {
	if err != nil {
		return fresh(err)
	}
	v.done(word, path)
	return nil
}

// fresh tells a missing step-up of the sign-in in the words of the pages.
func fresh(err error) error {
	if errs.From(err).Is(signin.ErrNotFresh) {
		return errNotFresh.WithCause(err)
	}
	return err
}

// organisationPage is the tenant and how its people sign in.
type organisationPage struct {
	Name, ID string
	DomainList
	Provable bool             // a domain can be proven here
	SignIn   *signin.Settings // nil when nothing is set
	Problem  string           // what is wrong with a domain
}

// RecordName is where the owner of a domain publishes a token.
func (organisationPage) RecordName(domain string) string { return partners.ChallengeLabel + domain }

func (v *visit) showOrganisation() error { return v.organisationPage(http.StatusOK, "") }

func (v *visit) organisationPage(status int, wrong string) error {
	tenant, err := v.Directory.Tenant(v.r.Context(), v.session.Person.TenantID)
	if err != nil {
		return err
	}
	data := organisationPage{Name: tenant.Name, ID: string(tenant.ID), Problem: wrong, Provable: v.Domains != nil}
	if data.DomainList, err = v.domains(tenant); err != nil {
		return err
	}
	settings, err := v.Setup.SignIn(v.r.Context(), tenant.ID)
	switch {
	case err == nil:
		data.SignIn = &settings
	case !errs.From(err).Is(signin.ErrNotSetUp):
		return err
	}
	v.show(status, "organisation", v.T("organisation.title"), data)
	return nil
}

// signInSettings is the form of how people sign in.
type signInSettings struct {
	signin.Settings
	Action   string
	Invited  bool // the holder of an invitation fills it in
	Problems []problem
}

// Methods are the ways to prove ourselves to a provider.
func (signInSettings) Methods() []models.ProviderAuth {
	return []models.ProviderAuth{models.ProviderBasic, models.ProviderPost, models.ProviderKeyJWT}
}

// Lines writes a list for a field with one value a line.
func (signInSettings) Lines(list []string) string { return strings.Join(list, "\n") }

// For returns what is wrong with a field.
func (f signInSettings) For(field string) string { return termsForm{Problems: f.Problems}.For(field) }

func (v *visit) editSignIn() error {
	settings, err := v.Setup.SignIn(v.r.Context(), v.session.Person.TenantID)
	if err != nil && !errs.From(err).Is(signin.ErrNotSetUp) {
		return err
	}
	v.settingsPage(http.StatusOK, signInSettings{Settings: settings, Action: organisationPath + "/sign-in"})
	return nil
}

func (v *visit) settingsPage(status int, form signInSettings) {
	if form.AuthMethod == "" {
		form.AuthMethod, form.RequireMFA = models.ProviderBasic, true
	}
	v.show(status, "sign-in-settings", v.T("settings.title"), form)
}

func (v *visit) saveSignIn() error {
	form := v.readSettings(organisationPath + "/sign-in")
	_, err := v.Setup.SetSignIn(v.r.Context(), v.by(), v.session.Person.TenantID, form.Settings)
	return v.settingsSaved(form, organisationPath, err)
}

// settingsSaved shows the form again with what is wrong, field by field.
func (v *visit) settingsSaved(form signInSettings, path string, err error) error {
	if err == nil {
		v.done("settings", path)
		return nil
	}
	e := errs.From(err)
	if e.Kind != errs.Invalid || len(e.Fields) == 0 {
		return fresh(err)
	}
	for _, f := range e.Fields {
		form.Problems = append(form.Problems, problem{f.Name, v.settingsProblem(f)})
	}
	form.ClientSecret = ""
	v.settingsPage(http.StatusBadRequest, form)
	return nil
}

// settingsProblem says what is wrong with a field, in the reader's language where there
// is a sentence for the field, and with the cause as it was told.
func (v *visit) settingsProblem(f errs.Field) string {
	if !slices.Contains(settingsFields, f.Name) {
		return f.Name + " " + f.Cause
	}
	return v.T("settings.field."+f.Name) + ": " + v.T("settings.wrong")
}

// settingsFields are the fields of the form, by the names the sign-in gives them.
var settingsFields = []string{"issuer", "clientId", "authMethod", "clientSecret", "roleClaim", "adminValues", "approverValues", "acrValues", "amrValues"}

func (v *visit) readSettings(action string) signInSettings {
	lines := func(name string) []string { return linesOf(v.form.Get(name)) }
	return signInSettings{Action: action, Settings: signin.Settings{
		Issuer: v.field("issuer"), ClientID: v.field("clientId"), AuthMethod: models.ProviderAuth(v.field("authMethod")),
		ClientSecret: v.form.Get("clientSecret"), RoleClaim: v.field("roleClaim"),
		AdminValues: lines("adminValues"), ApproverValues: lines("approverValues"), RequireMFA: v.field("requireMfa") == "yes",
		ACRValues: lines("acrValues"), AMRValues: lines("amrValues"),
	}}
}

// openInvitation takes the secret of a set-up invitation out of the address, as openLink
// does.
func (v *visit) openInvitation() error {
	secret := v.params["secret"]
	if !plausibleSecret(secret) {
		secret = "-"
	}
	v.setCookie(invitationCookie, secret, linkLifetime)
	v.redirect(setUpPath)
	return nil
}

// setUpPage is for the holder of an invitation: say how people sign in, then be the first
// who does. What it shows is the same for every secret.
func (v *visit) setUpPage() error {
	if v.cookie(invitationCookie) == "" {
		v.redirect(signInPath)
		return nil
	}
	v.show(http.StatusOK, "set-up", v.T("setup.title"), nil)
	return nil
}

func (v *visit) setUpSettingsPage() error {
	if v.cookie(invitationCookie) == "" {
		v.redirect(signInPath)
		return nil
	}
	v.settingsPage(http.StatusOK, signInSettings{Action: setUpPath + "/sign-in", Invited: true})
	return nil
}

func (v *visit) setUpSettings() error {
	if err := v.try(TrySetUp); err != nil {
		return err
	}
	form := v.readSettings(setUpPath + "/sign-in")
	form.Invited = true
	_, err := v.Setup.SetUp(v.r.Context(), v.cookie(invitationCookie), form.Settings)
	return v.settingsSaved(form, setUpPath, err)
}

// beginSetUp starts the sign-in of the first administrator.
func (v *visit) beginSetUp() error {
	if err := v.try(TrySetUp); err != nil {
		return err
	}
	redirect, err := v.SignIn.Begin(v.r.Context(), signin.Start{Invitation: v.cookie(invitationCookie), ReturnTo: organisationPath})
	if err != nil {
		return err
	}
	return v.handOver(redirect)
}
