package signin

import (
	"context"
	"errors"
	"slices"

	"countersign/internal/errs"
	"countersign/internal/ledger"
	"countersign/models"
)

// Sizes of a page.
const (
	defaultPage = 100
	maxPage     = 1000
)

// People lists everybody of a tenant who ever signed in, with the cursor of the next
// page: those who wait for a role and those who were disabled too.
func (s *Service) People(ctx context.Context, tenant models.TenantID, page Page) ([]models.Person, string, error) {
	if page.Cursor != "" && !models.ValidGUID(page.Cursor) {
		return nil, "", ErrCursor
	}
	size := page.Limit
	if size <= 0 {
		size = defaultPage
	}
	size = min(size, maxPage)
	found, err := s.read(ctx).people(tenant, page.Cursor, size+1)
	if err != nil {
		return nil, "", stored(err)
	}
	if len(found) <= size {
		return found, "", nil
	}
	return found[:size], string(found[size-1].ID), nil
}

// SetRole gives a person a role here, or takes it with the empty one. A role that the
// provider's claim gives is the provider's to take.
func (s *Service) SetRole(ctx context.Context, by By, tenant models.TenantID, id models.PersonID, role models.PersonRole) (models.Person, error) {
	if role != "" && !role.Valid() {
		return models.Person{}, ErrInvalid.WithDetail("The input is not acceptable. role: must be admin, approver or empty.").
			WithFields(errs.Field{Name: "role", Cause: "must be admin, approver or empty"})
	}
	return s.changePersonBy(ctx, by, tenant, id, "person.role", func(p *models.Person) {
		p.GivenRole = nil
		if role != "" {
			p.GivenRole = &role
		}
	})
}

// Disable keeps a person out from now on, whatever its provider says, and ends its
// sessions.
func (s *Service) Disable(ctx context.Context, by By, tenant models.TenantID, id models.PersonID) (models.Person, error) {
	return s.changePersonBy(ctx, by, tenant, id, "person.disable", func(p *models.Person) { p.State = models.PersonDisabled })
}

// Enable lets a disabled person sign in again.
func (s *Service) Enable(ctx context.Context, by By, tenant models.TenantID, id models.PersonID) (models.Person, error) {
	return s.changePersonBy(ctx, by, tenant, id, "person.enable", func(p *models.Person) { p.State = models.PersonActive })
}

// changePersonBy changes a person in the name of an admin. Operators never do: not even
// before there is one, because then there is nobody to change.
func (s *Service) changePersonBy(ctx context.Context, by By, tenant models.TenantID, id models.PersonID, what string, fn func(*models.Person)) (models.Person, error) {
	if by.Kind == models.ActorOperator {
		return models.Person{}, errors.Join(ErrNotAdmin, s.noteRefusal(ctx, tenant, by, what))
	}
	var person models.Person
	err := s.manage(ctx, by, tenant, what, func(ctx context.Context, t change, found models.Tenant) error {
		var known bool
		var err error
		if person, known, err = t.person(found.ID, id); err != nil || !known {
			return errors.Join(err, missing(known, ErrPersonNotFound))
		}
		fn(&person)
		person = withRole(person)
		if err := t.keepsAdmin(person); err != nil {
			return err
		}
		if err := t.changePerson(person); err != nil {
			return err
		}
		if !person.MayDecide() {
			if err := t.endSessionsOf(found.ID, person.ID); err != nil {
				return err
			}
		}
		return t.note(ctx, personChanged(person, by))
	})
	return person, err
}

// keepsAdmin refuses to leave a tenant without anybody who can give roles.
func (t change) keepsAdmin(changed models.Person) error {
	if changed.MayDecide() && changed.Role == models.PersonAdmin {
		return nil
	}
	others, err := t.otherAdmins(changed.TenantID, changed.ID)
	return errors.Join(err, missing(others > 0, ErrLastAdmin))
}

// NewClient makes a client of the tenant and returns its secret, shown this once. The
// rights to decide over consent, to manage the tenant and to change its devices come from a person alone: an
// admin in a fresh session. They are never added to a client that exists, because its
// maker may know its secret.
func (s *Service) NewClient(ctx context.Context, by By, tenant models.TenantID, in models.NewTenantClient) (models.OAuthClient, string, error) {
	if by.Kind == models.ActorOperator {
		return models.OAuthClient{}, "", ErrNotAdmin
	}
	speaks := slices.ContainsFunc(in.Scopes, func(scope string) bool { return slices.Contains(models.SpeakingScopes(), scope) })
	if speaks && by.Session == nil {
		return models.OAuthClient{}, "", ErrNotAdmin.WithDetail("Only a person gives a client the right to speak for the customer: an administrator who is signed in.")
	}
	if in.Federation != nil {
		if err := s.deps.Rights.CheckFederation(ctx, *in.Federation); err != nil {
			return models.OAuthClient{}, "", err
		}
	}
	var made models.OAuthClient
	var secret string
	err := s.manage(ctx, by, tenant, "client.create", func(ctx context.Context, t change, found models.Tenant) (err error) {
		if made, secret, err = s.deps.Rights.NewClientTx(ctx, t.tx, found.ID, in); err != nil {
			return err
		}
		e := ofClient(found.ID, made.ID, by, "created", made.Scopes)
		e.Kind = ledger.ClientCreated
		return t.note(ctx, e)
	})
	if err != nil {
		return models.OAuthClient{}, "", err
	}
	return made, secret, nil
}

// TakeRight takes such a right away. A client that manages the tenant may do that too.
func (s *Service) TakeRight(ctx context.Context, by By, tenant models.TenantID, client models.ClientID, scope string) error {
	if !slices.Contains(models.SpeakingScopes(), scope) {
		return errNoSuchRight
	}
	return s.manage(ctx, by, tenant, "client.right", func(ctx context.Context, t change, found models.Tenant) error {
		if err := s.deps.Rights.TakeRightTx(ctx, t.tx, found.ID, client, scope); err != nil {
			return err
		}
		return t.note(ctx, ofClient(found.ID, client, by, "rightTaken", scope))
	})
}

var errNoSuchRight = ErrInvalid.WithDetail("The input is not acceptable. scope: must be consents.decide, tenant.manage or devices.write.").
	WithFields(errs.Field{Name: "scope", Cause: "must be consents.decide, tenant.manage or devices.write"})

func ofClient(tenant models.TenantID, client models.ClientID, by By, change, scope string) ledger.Entry {
	e := ofTenant(ledger.ClientChanged, tenant, by, map[string]any{"change": change, "scope": scope})
	e.Subject, e.SubjectID = ledger.OfClient, string(client)
	return e
}
