package signin

import (
	"context"
	"errors"
	"strings"

	"countersign/internal/errs"
	"countersign/internal/ledger"
	"countersign/models"
)

// Limits of the settings.
const (
	maxURL    = 500
	maxSecret = 1000
	maxClaim  = 200
	maxValues = 50
)

// SignIn returns how people of a tenant sign in, or ErrNotSetUp. The caller has checked
// that the reader is the tenant or an operator.
func (s *Service) SignIn(ctx context.Context, tenant models.TenantID) (Settings, error) {
	found, set, err := s.read(ctx).settings(tenant)
	if err != nil || !set {
		return Settings{}, errors.Join(stored(err), missing(set, ErrNotSetUp))
	}
	return shown(found), nil
}

func shown(t models.TenantSignIn) Settings {
	return Settings{
		Issuer: t.Issuer, ClientID: t.ClientID, AuthMethod: t.AuthMethod, RoleClaim: t.RoleClaim,
		AdminValues: splitList(t.AdminValues), ApproverValues: splitList(t.ApproverValues), RequireMFA: t.RequireMFA,
		ACRValues: splitList(t.ACRValues), AMRValues: splitList(t.AMRValues), Version: t.Version,
		SetBy: t.SetBy, SetByID: t.SetByID, SetAt: t.SetAt,
	}
}

// SetSignIn replaces how people of a tenant sign in, after the provider was asked for
// its description. An operator may do it until the first admin has signed in. Whoever a
// former provider vouched for is signed out. It fails with ErrInvalid, ErrTenantUnknown,
// ErrTenantClaimed, ErrOutdated, and for a person ErrNotAdmin or ErrNotFresh.
func (s *Service) SetSignIn(ctx context.Context, by By, tenant models.TenantID, in Settings) (Settings, error) {
	if err := s.check(in); err != nil {
		return Settings{}, err
	}
	var saved models.TenantSignIn
	err := s.manage(ctx, by, tenant, "signIn.set", func(ctx context.Context, t change, found models.Tenant) error {
		var err error
		saved, err = s.replace(ctx, t, by, found, in)
		return err
	}, s.probe(in.Issuer))
	return shown(saved), err
}

// SetUp is SetSignIn for the holder of the set-up invitation, who needs nothing else.
func (s *Service) SetUp(ctx context.Context, invitation string, in Settings) (Settings, error) {
	found, err := s.openInvitation(ctx, invitation)
	if err != nil {
		return Settings{}, err
	}
	return s.SetSignIn(ctx, By{Kind: models.ActorCustomer, ID: "invitation " + found.ID, invitation: found.ID}, found.TenantID, in)
}

// probe asks the provider for its description. It runs before the transaction. What the
// provider answered is never shown: it could be an answer of somebody else's server.
func (s *Service) probe(issuer string) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, err := s.providers.ask(ctx, issuer); err != nil {
			s.log.WarnContext(ctx, "a provider that was to be set cannot be used", "error", err)
			var wrong faults
			wrong.add(true, "issuer", "does not answer with the description of an OpenID provider of this very issuer, with https addresses and the code flow (OpenID Connect Discovery 1.0)")
			return wrong.err()
		}
		return nil
	}
}

// check looks at everything that needs no database and no provider.
func (s *Service) check(in Settings) error {
	var wrong faults
	if err := s.deps.Outside.CheckURL(in.Issuer); err != nil || len(in.Issuer) > maxURL || strings.Contains(in.Issuer, "?") {
		wrong.add(true, "issuer", "must be the https address that the provider names as its issuer, without query and fragment")
	}
	wrong.add(!short(in.ClientID, maxURL), "clientId", "must be the id that the provider gave to this service")
	wrong.add(!in.AuthMethod.Valid(), "authMethod", "must be client_secret_basic, client_secret_post or private_key_jwt")
	keyed := in.AuthMethod == models.ProviderKeyJWT
	wrong.add(keyed && in.ClientSecret != "", "clientSecret", "belongs to the other methods: with private_key_jwt this server signs with its own key")
	wrong.add(in.ClientSecret != "" && !short(in.ClientSecret, maxSecret), "clientSecret", "must be at most 1000 printable characters")
	wrong.add(in.RoleClaim != "" && !short(in.RoleClaim, maxClaim), "roleClaim", "must be the name of a claim, at most 200 characters")
	values := len(in.AdminValues) + len(in.ApproverValues)
	wrong.add((in.RoleClaim == "") != (values == 0), "roleClaim", "goes together with adminValues or approverValues")
	for name, list := range map[string][]string{
		"adminValues": in.AdminValues, "approverValues": in.ApproverValues, "acrValues": in.ACRValues, "amrValues": in.AMRValues,
	} {
		wrong.values(name, list)
	}
	wrong.add(in.RequireMFA && len(in.ACRValues)+len(in.AMRValues) == 0, "requireMfa", "needs acrValues or amrValues: what the provider says when there was more than one factor")
	return wrong.err()
}

func short(text string, longest int) bool {
	return text != "" && len(text) <= longest && printable(text) && strings.TrimSpace(text) == text
}

func (f *faults) values(name string, list []string) {
	bad := len(list) > maxValues
	for _, value := range list {
		bad = bad || !short(value, maxClaim)
	}
	f.add(bad, name, "must be at most 50 values of at most 200 printable characters")
}

// replace writes the settings in the caller's transaction, under the tenant's gate.
func (s *Service) replace(ctx context.Context, t change, by By, tenant models.Tenant, in Settings) (models.TenantSignIn, error) {
	had, set, err := t.settings(tenant.ID)
	if err != nil {
		return models.TenantSignIn{}, err
	}
	if in.Version != 0 && in.Version != had.Version {
		return models.TenantSignIn{}, ErrOutdated
	}
	if err := s.fits(tenant, had, set, in); err != nil {
		return models.TenantSignIn{}, err
	}
	saved := models.TenantSignIn{
		TenantID: tenant.ID, Issuer: in.Issuer, ClientID: in.ClientID, AuthMethod: in.AuthMethod, SealedSecret: had.SealedSecret,
		RoleClaim: in.RoleClaim, AdminValues: joinList(in.AdminValues), ApproverValues: joinList(in.ApproverValues),
		RequireMFA: in.RequireMFA, ACRValues: joinList(in.ACRValues), AMRValues: joinList(in.AMRValues),
		Version: had.Version + 1, SetBy: by.Kind, SetByID: by.ID, SetAt: t.now,
	}
	switch {
	case in.AuthMethod == models.ProviderKeyJWT:
		saved.SealedSecret = nil
	case in.ClientSecret != "":
		saved.SealedSecret = s.deps.Sealer.Seal(in.ClientSecret, sealPlace(tenant.ID))
	}
	if err := t.save(saved, set); err != nil {
		return models.TenantSignIn{}, err
	}
	if err := t.endSessionsBut(tenant.ID, saved.Issuer); err != nil {
		return models.TenantSignIn{}, err
	}
	return saved, t.note(ctx, ofTenant(ledger.TenantChanged, tenant.ID, by, map[string]any{
		"change": "signIn", "issuer": saved.Issuer, "clientId": saved.ClientID, "authMethod": saved.AuthMethod,
		"roleClaim": saved.RoleClaim, "adminValues": in.AdminValues, "approverValues": in.ApproverValues,
		"requireMfa": saved.RequireMFA, "acrValues": in.ACRValues, "amrValues": in.AMRValues, "version": saved.Version,
	}))
}

func (t change) save(settings models.TenantSignIn, set bool) error {
	if !set {
		return t.add(&settings)
	}
	done, err := t.replaceSettings(settings)
	return errors.Join(err, missing(done, ErrOutdated))
}

// fits judges the new settings beside those before.
func (s *Service) fits(tenant models.Tenant, had models.TenantSignIn, set bool, in Settings) error {
	var wrong faults
	wrong.add(tenant.IDProof == models.IDNamed && !s.provesID(tenant.ID, in.Issuer), "issuer",
		"must be the provider that gave out this tenant's id, because the id is not proven yet")
	// A stored secret is for the provider it was stored for; another one must not get it.
	same := set && had.SealedSecret != nil && had.Issuer == in.Issuer && had.ClientID == in.ClientID
	wrong.add(in.AuthMethod != models.ProviderKeyJWT && in.ClientSecret == "" && !same, "clientSecret",
		"is needed: the stored one belongs to the issuer and client id it came with")
	// Roles given here belong to people of the former provider. Without a mapping nobody could come in.
	wrong.add(tenant.ClaimedAt != nil && set && had.Issuer != in.Issuer && len(in.AdminValues) == 0, "adminValues",
		"must say who is an administrator at the new issuer: roles given here belong to people of the former one")
	return wrong.err()
}

// manage runs a change of a tenant under its gate, after who asks was judged there, and
// notes an operator's attempt that came too late. before, if given, is what is slow, and
// runs outside the transaction for those alone who are let through.
func (s *Service) manage(ctx context.Context, by By, id models.TenantID, what string, fn func(context.Context, change, models.Tenant) error, before ...func(context.Context) error) error {
	id = models.TenantID(strings.ToLower(string(id)))
	if !models.ValidGUID(string(id)) {
		return ErrTenantUnknown
	}
	run := func(work func(context.Context, change, models.Tenant) error) error {
		return s.inTx(ctx, func(ctx context.Context, t change) error {
			tenant, err := t.hold(ctx, id)
			if err != nil {
				return err
			}
			if err := t.mayManage(by, tenant); err != nil {
				return err
			}
			return work(ctx, t, tenant)
		})
	}
	var err error
	if len(before) > 0 {
		err = run(func(context.Context, change, models.Tenant) error { return nil })
	}
	for _, slow := range before {
		if err == nil {
			err = slow(ctx)
		}
	}
	if err == nil {
		err = run(fn)
	}
	if errors.Is(err, ErrTenantClaimed) {
		return errors.Join(err, s.noteRefusal(ctx, id, by, what))
	}
	return err
}

// mayManage says who may change how a tenant is spoken for.
func (t change) mayManage(by By, tenant models.Tenant) error {
	switch {
	case by.Kind == models.ActorOperator:
		if tenant.ClaimedAt != nil {
			return ErrTenantClaimed
		}
		return nil
	case by.invitation != "":
		return t.stillInvited(by.invitation, tenant)
	case by.Kind != models.ActorCustomer:
		return ErrNotAdmin
	case by.Session == nil:
		return nil // a client of the tenant; the edge has checked scope and tenant
	case by.Session.Tenant.ID != tenant.ID:
		return ErrNotAdmin
	}
	person, found, err := t.person(tenant.ID, by.Session.Person.ID)
	switch {
	case err != nil:
		return err
	case !found || !person.MayDecide() || person.Role != models.PersonAdmin:
		return ErrNotAdmin
	case !by.Session.Fresh:
		return ErrNotFresh
	}
	return nil
}

// noteRefusal keeps for the tenant to read what an operator tried. Its transaction is its
// own: that of the attempt was rolled back.
func (s *Service) noteRefusal(ctx context.Context, tenant models.TenantID, by By, what string) error {
	err := s.inTx(ctx, func(ctx context.Context, t change) error {
		return t.note(ctx, ofTenant(ledger.TenantRefused, tenant, by, map[string]any{"attempt": what}))
	})
	if err != nil {
		s.log.ErrorContext(ctx, "an operator's refused attempt could not be recorded", "tenant", tenant, "attempt", what, "error", err)
	}
	return err
}

// Rename changes the name by which a tenant is shown.
func (s *Service) Rename(ctx context.Context, by By, tenant models.TenantID, name string) error {
	name = strings.TrimSpace(name)
	if name == "" || cut(name, maxText) != name {
		return ErrInvalid.WithDetail("The input is not acceptable. name: must be 1 to 200 printable characters.").
			WithFields(errs.Field{Name: "name", Cause: "must be 1 to 200 printable characters"})
	}
	return s.manage(ctx, by, tenant, "tenant.rename", func(ctx context.Context, t change, found models.Tenant) error {
		if err := t.rename(found.ID, name); err != nil {
			return err
		}
		return t.note(ctx, ofTenant(ledger.TenantChanged, found.ID, by, map[string]any{"change": "name", "name": name}))
	})
}
