package portal_test

import (
	"context"
	"fmt"
	"strings"

	"countersign/authz/signin"
	"countersign/consent"
	"countersign/gateway/portal"
	"countersign/internal/errs"
	"countersign/internal/ledger"
	"countersign/models"
	"countersign/partners"
	"countersign/registration"
)

// setup is the tenant's people and how they sign in.
type setup struct{ *world }

func (s setup) People(_ context.Context, tenant models.TenantID, _ signin.Page) ([]models.Person, string, error) {
	if tenant != fabrikam {
		return nil, "", nil
	}
	admin, approver, at := models.PersonAdmin, models.PersonApprover, now.AddDate(0, 0, -3)
	return []models.Person{
		{ID: "0190ffff-0000-7000-8000-000000000001", TenantID: fabrikam, Name: "Adele Vance", Email: "adele@fabrikam.example", State: models.PersonActive, GivenRole: &admin, LastSignIn: &at},
		{ID: "0190ffff-0000-7000-8000-000000000002", TenantID: fabrikam, Name: "Lidia Holloway", Email: "lidia@fabrikam.example", State: models.PersonActive, ClaimRole: &approver, LastSignIn: &at},
		{ID: "0190ffff-0000-7000-8000-000000000003", TenantID: fabrikam, Name: "Patti Fernandez", Email: "patti@fabrikam.example", State: models.PersonDisabled},
	}, "", nil
}

func (s setup) by(what string, by signin.By, id models.PersonID) (models.Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if by.Kind != models.ActorCustomer || by.Session == nil || by.ID != string(by.Session.Person.ID) {
		return models.Person{}, signin.ErrNotAdmin
	}
	if !by.Session.Fresh {
		return models.Person{}, signin.ErrNotFresh
	}
	s.change("%s %s", what, id[len(id)-1:])
	return models.Person{}, nil
}

func (s setup) SetRole(_ context.Context, by signin.By, _ models.TenantID, id models.PersonID, role models.PersonRole) (models.Person, error) {
	return s.by("role "+string(role), by, id)
}

func (s setup) Disable(_ context.Context, by signin.By, _ models.TenantID, id models.PersonID) (models.Person, error) {
	return s.by("disable", by, id)
}

func (s setup) Enable(_ context.Context, by signin.By, _ models.TenantID, id models.PersonID) (models.Person, error) {
	return s.by("enable", by, id)
}

func (s setup) SignIn(_ context.Context, tenant models.TenantID) (signin.Settings, error) {
	if tenant != fabrikam {
		return signin.Settings{}, signin.ErrNotSetUp
	}
	return signin.Settings{
		Issuer: "https://login.fabrikam.example", ClientID: "countersign", AuthMethod: models.ProviderBasic, RequireMFA: true,
		RoleClaim: "roles", AdminValues: []string{"Countersign.Admin"}, AMRValues: []string{"mfa"}, SetBy: models.ActorOperator, SetAt: now,
	}, nil
}

func (s setup) SetSignIn(_ context.Context, by signin.By, _ models.TenantID, in signin.Settings) (signin.Settings, error) {
	if !strings.HasPrefix(in.Issuer, "https://") {
		return in, signin.ErrInvalid.WithFields(errs.Field{Name: "issuer", Cause: "must be https"})
	}
	_, err := s.by("sign-in "+in.Issuer+" "+strings.Join(in.AdminValues, "+"), by, "-")
	return in, err
}

func (s setup) SetUp(_ context.Context, invitation string, in signin.Settings) (signin.Settings, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if invitation != secret {
		return in, signin.ErrInvitation
	}
	s.change("set up %s", in.Issuer)
	return in, nil
}

// domains is what the tenant has proven.
type domains struct{ *world }

func (d domains) DomainsOf(_ context.Context, tenant models.TenantID) (portal.DomainList, error) {
	if tenant != fabrikam {
		return portal.DomainList{}, nil
	}
	return portal.DomainList{
		Domains:    []models.TenantDomain{{Domain: "fabrikam.example", TenantID: fabrikam, VerifiedAt: now.AddDate(0, -1, 0)}},
		Challenges: []models.DomainChallenge{{Domain: "fabrikam.test", TenantID: fabrikam, Token: "countersign=abc", ExpiresAt: now.AddDate(0, 0, 14)}},
	}, nil
}

func (d domains) ChallengeDomain(ctx context.Context, _ models.TenantID, domain string) (models.DomainChallenge, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if domain == "taken.example" {
		return models.DomainChallenge{}, partners.ErrDomainTaken
	}
	d.change("challenge %s by %s", domain, partners.ActingOf(ctx).Kind)
	return models.DomainChallenge{}, nil
}

func (d domains) VerifyDomain(ctx context.Context, _ models.TenantID, domain string) (models.TenantDomain, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if domain != "fabrikam.test" {
		return models.TenantDomain{}, errs.New(errs.Conflict, "domain_not_proven", "")
	}
	d.change("prove %s by %s", domain, partners.ActingOf(ctx).Kind)
	return models.TenantDomain{}, nil
}

func (d domains) ReleaseDomain(ctx context.Context, _ models.TenantID, domain string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.change("release %s by %s", domain, partners.ActingOf(ctx).Kind)
	return nil
}

// The directory and the devices.

func (w *world) Tenant(_ context.Context, id models.TenantID) (partners.Tenant, error) {
	if id == fabrikam {
		return partners.Tenant{Tenant: models.Tenant{ID: id, Name: "Fabrikam", State: models.TenantActive}, Domains: []string{"fabrikam.example"}}, nil
	}
	return partners.Tenant{Tenant: models.Tenant{ID: id, Name: "Contoso"}}, nil
}

func (w *world) Partner(context.Context, models.PartnerID) (models.Partner, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.partner, nil
}

func (w *world) PartnerNamed(_ context.Context, ref string) (models.PartnerID, bool, error) {
	return northwind, ref == w.partner.MPNID || ref == string(northwind), nil
}

func (w *world) Devices(_ context.Context, scope registration.Scope, f registration.Filter, page registration.Page) (found []registration.Device, next string, err error) {
	for i, d := range w.devices {
		if scope.Tenant == d.TenantID && (f.Serial == "" || f.Serial == d.Identity.SerialNumber) && page.Cursor < fmt.Sprint(i) {
			found = append(found, d)
		}
	}
	return found, "", nil
}

func (w *world) Device(_ context.Context, scope registration.Scope, id models.DeviceID) (registration.Device, error) {
	for _, d := range w.devices {
		if scope.Tenant == d.TenantID && d.ID == id {
			return d, nil
		}
	}
	return registration.Device{}, registration.ErrNoDevice
}

func (w *world) RemoveDevice(_ context.Context, actor consent.Actor, d registration.Device) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change("remove %s by %s", d.Identity.SerialNumber, actor.Person.Name)
	return nil
}

// chains is the ledger: 120 entries of the tenant.
type chains struct{}

func (chains) End(_ context.Context, chain string) (int64, error) {
	if chain != ledger.ChainOfTenant(fabrikam) {
		return 0, nil
	}
	return 120, nil
}

func (chains) Page(_ context.Context, chain string, after int64, limit int) (items []ledger.Item, _ error) {
	if chain != ledger.ChainOfTenant(fabrikam) {
		return nil, nil
	}
	kinds := []string{"consent.requested", "consent.granted", "consent.suspended", "consent.revoking", "consent.revoked", "partner.blocked", "person.signedin"}
	for seq := after + 1; seq <= min(120, after+int64(limit)); seq++ {
		items = append(items, ledger.Item{Seq: seq, Line: fmt.Appendf(nil,
			`{"v":1,"seq":%d,"kind":%q,"subject":"grant","subjectId":%q,"actor":"customer","at":"2026-11-20T08:00:00.000000Z","body":{"reason":"<b>why</b>"}}`,
			seq, kinds[seq%int64(len(kinds))], live)})
	}
	return items, nil
}

// The sign-in.

func (w *world) Begin(_ context.Context, start signin.Start) (signin.Redirect, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if start.Invitation != "" && start.Invitation != secret {
		return signin.Redirect{}, signin.ErrInvitation
	}
	if start.Invitation == "" && start.Tenant != fabrikam && start.Domain != "fabrikam.example" {
		return signin.Redirect{}, signin.ErrCannotSignIn
	}
	w.change("begin %s step-up %v", start.ReturnTo, start.StepUp)
	to := w.provider
	if to == "" {
		to = "https://login.fabrikam.example/authorize"
	}
	return signin.Redirect{URL: to + "?state=s", Cookie: "attempt|" + start.ReturnTo}, nil
}

func (w *world) Complete(_ context.Context, back signin.Return) (signin.Welcome, error) {
	if back.State != "s" || back.Cookie == "" {
		return signin.Welcome{}, signin.ErrSignInRefused
	}
	_, to, _ := strings.Cut(back.Cookie, "|")
	return signin.Welcome{Cookie: w.person(fabrikam, models.PersonAdmin, true), ReturnTo: to}, nil
}

func (w *world) Session(_ context.Context, cookie string) (signin.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, ok := w.sessions[cookie]; ok {
		return *s, nil
	}
	return signin.Session{}, signin.ErrNoSession
}

func (w *world) End(_ context.Context, cookie string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change("end session")
	delete(w.sessions, cookie)
	return nil
}

// The clients of the tenant.

const machine models.ClientID = "tenant-0190abab-0000-7000-8000-000000000001"

func (s setup) Clients(_ context.Context, f partners.ClientFilter) ([]models.OAuthClient, string, error) {
	if f.TenantID != fabrikam || f.Owner != models.OwnerTenant {
		return nil, "", nil
	}
	at, end := now.AddDate(0, 0, -3), now.AddDate(1, 0, 0)
	return []models.OAuthClient{
		{ID: machine, Name: "Asset management", Scopes: "devices.read consents.decide tenant.manage", State: models.ClientActive, LastUsedAt: &at, ExpiresAt: &end},
		{ID: machine + "2", Name: "Old script", State: models.ClientFrozen},
	}, "", nil
}

func (s setup) NewClient(_ context.Context, by signin.By, tenant models.TenantID, in models.NewTenantClient) (models.OAuthClient, string, error) {
	name, scopes := in.Name, in.Scopes
	if name == "" || len(scopes) == 0 {
		return models.OAuthClient{}, "", signin.ErrInvalid.WithFields(errs.Field{Name: "name", Cause: "is empty"}, errs.Field{Name: "scopes", Cause: "is empty"})
	}
	if _, err := s.by("client "+name+" "+strings.Join(scopes, "+"), by, "-"); err != nil {
		return models.OAuthClient{}, "", err
	}
	return models.OAuthClient{ID: machine, TenantID: &tenant, Name: name, Scopes: strings.Join(scopes, " ")}, "the-secret-shown-once", nil
}

func (s setup) TakeRight(_ context.Context, by signin.By, _ models.TenantID, client models.ClientID, scope string) error {
	if client != machine {
		return partners.ErrClientNotFound
	}
	_, err := s.by("take "+scope, by, "-")
	return err
}

func (w *world) RevokeAll(_ context.Context, actor consent.Actor, partner models.PartnerID, expected int, reason string) (ended []consent.Revocation, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []*models.Grant
	for _, g := range w.grants {
		if actor.TenantID == g.TenantID && (g.State == models.GrantActive || g.State == models.GrantSuspended) && (partner == "" || partner == g.PartnerID) {
			found = append(found, g)
		}
	}
	if len(found) != expected {
		return nil, consent.ErrCount
	}
	for _, g := range found {
		g.State = models.GrantRevoking
		ended = append(ended, consent.Revocation{Grant: *g})
	}
	w.change("end %d of %q: %s", len(found), partner, reason)
	return ended, nil
}
