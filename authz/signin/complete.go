package signin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"countersign/internal/db"
	"countersign/models"
)

// Complete takes what the browser brought back from the provider and opens a session.
// Every check that fails is ErrSignInRefused, and the sign-in is used up; a person
// without a role is ErrNotAllowed, one without the factors that a step-up needs
// ErrMoreFactors.
func (s *Service) Complete(ctx context.Context, back Return) (Welcome, error) {
	attempt, err := s.take(ctx, back)
	if err != nil {
		return Welcome{}, err
	}
	to, err := s.settingsOf(ctx, attempt.TenantID)
	if err != nil {
		return Welcome{}, err
	}
	if to.settings.Version != attempt.Version {
		return Welcome{}, s.refused(ctx, attempt.TenantID, errors.New("the tenant's settings were changed in the meantime"))
	}
	who, err := s.askProvider(ctx, attempt, to.settings, back)
	if err != nil {
		return Welcome{}, err
	}
	cookie, err := s.admit(ctx, attempt, to.settings, who, back.Session)
	return Welcome{Cookie: cookie, ReturnTo: attempt.ReturnTo}, err
}

// take uses up the attempt that the state names, if this browser began it.
func (s *Service) take(ctx context.Context, back Return) (models.SignInAttempt, error) {
	state, browser := digest(back.State), digest(back.Cookie)
	if state == nil || browser == nil {
		return models.SignInAttempt{}, s.refused(ctx, "", errors.New("state or cookie is missing"))
	}
	var attempt models.SignInAttempt
	var known, late bool
	err := s.inTx(ctx, func(_ context.Context, t change) (err error) {
		attempt, known, err = t.takeAttempt(state, browser)
		late = !attempt.ExpiresAt.After(t.now)
		return err
	})
	switch {
	case err != nil:
		return attempt, err
	case !known:
		return attempt, s.refused(ctx, "", errors.New("no sign-in of this browser has this state, or it was used"))
	case late:
		return attempt, s.refused(ctx, attempt.TenantID, errors.New("the sign-in took too long"))
	}
	return attempt, nil
}

// askProvider checks where the answer came from, exchanges the code and reads the ID
// token. The provider's tokens end here.
func (s *Service) askProvider(ctx context.Context, attempt models.SignInAttempt, settings models.TenantSignIn, back Return) (identity, error) {
	p, err := s.providers.find(ctx, settings.Issuer)
	if err != nil {
		return identity{}, ErrProvider.WithCause(err)
	}
	// RFC 9207 section 2.4: compared before anything of the answer is used, errors too.
	if back.Issuer != "" && back.Issuer != settings.Issuer || back.Issuer == "" && p.sendsIssuer {
		return identity{}, s.refused(ctx, attempt.TenantID, errors.New("iss of the answer is not the tenant's issuer"))
	}
	if back.Error != "" || back.Code == "" || len(back.Code) > 4096 {
		return identity{}, s.refused(ctx, attempt.TenantID, fmt.Errorf("the provider answered %q instead of a code", cut(back.Error, 60)))
	}
	token, err := s.exchange(ctx, p, settings, back.Code, s.deps.Sealer.Derive(forPKCE, back.Cookie))
	if err != nil {
		return identity{}, s.refused(ctx, attempt.TenantID, err)
	}
	now, err := s.deps.DB.Now(ctx)
	if err != nil {
		return identity{}, stored(err)
	}
	who, err := s.readIDToken(ctx, p, token, expectation{
		settings: settings, nonce: s.deps.Sealer.Derive(forNonce, back.Cookie), begun: attempt.CreatedAt, now: now,
		stepUp: attempt.Purpose == models.AttemptStepUp,
	})
	if err != nil {
		return identity{}, s.refused(ctx, attempt.TenantID, err)
	}
	return who, nil
}

// admit makes a session for somebody whom the provider vouched for, in one transaction
// with everything that follows from it. A refusal by role keeps the person on the list.
func (s *Service) admit(ctx context.Context, attempt models.SignInAttempt, settings models.TenantSignIn, who identity, older string) (string, error) {
	cookie := newSecret()
	var refusal error
	err := s.inTx(ctx, func(ctx context.Context, t change) error {
		refusal = nil // the function may run again
		tenant, err := s.tenantFor(ctx, t, attempt, settings, who)
		if err != nil {
			return err
		}
		person, err := s.meet(ctx, t, tenant, who)
		if err != nil {
			return err
		}
		if refusal, err = split(s.judge(ctx, t, tenant, person, attempt)); err != nil || refusal != nil {
			return err
		}
		if refusal, err = split(t.supersede(attempt, settings, person, who, older)); err != nil || refusal != nil {
			return err
		}
		return t.add(&models.PersonSession{
			Digest: digest(cookie), PersonID: person.ID, TenantID: tenant.ID, ACR: who.acr, AMR: strings.Join(who.amr, " "),
			AuthTime: who.authTime, MFA: who.mfa, CreatedAt: t.now, SeenAt: t.now, ExpiresAt: t.now.Add(SessionLife),
		})
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return "", err
	}
	return cookie, nil
}

// notNow is a refusal that keeps what the sign-in has taught: the transaction commits.
type notNow struct{ error }

// split parts such a refusal from a failure.
func split(err error) (refusal, failure error) {
	var kept notNow
	if errors.As(err, &kept) {
		return kept.error, nil
	}
	return nil, err
}

// tenantFor returns the tenant under its gate, with its id proven where that was open. A
// tenant that is not here yet is made when an admin of it signs in by the shared provider.
func (s *Service) tenantFor(ctx context.Context, t change, attempt models.SignInAttempt, settings models.TenantSignIn, who identity) (models.Tenant, error) {
	id := attempt.TenantID
	proven := s.provesID(id, who.issuer) && who.tenant == id
	_, here, err := t.tenant(id)
	if err != nil {
		return models.Tenant{}, err
	}
	if !here {
		if err := s.register(ctx, t, id, proven, who); err != nil {
			return models.Tenant{}, err
		}
	}
	tenant, err := t.hold(ctx, id)
	switch {
	case err != nil:
		return models.Tenant{}, err
	case tenant.State != models.TenantActive:
		return models.Tenant{}, ErrCannotSignIn
	case settings.Version == 0 && !proven:
		return models.Tenant{}, s.refused(ctx, id, errors.New("tid is not the tenant's id"))
	case tenant.IDProof == models.IDNamed && !proven:
		return models.Tenant{}, s.refused(ctx, id, errors.New("the tenant's id was never proven, and this token does not prove it"))
	case tenant.IDProof == models.IDNamed:
		if err := t.proveID(id); err != nil {
			return models.Tenant{}, err
		}
		return tenant, t.note(ctx, tenantProven(tenant, who))
	}
	return tenant, nil
}

// register makes the tenant of an admin whom the shared provider vouched for.
func (s *Service) register(ctx context.Context, t change, id models.TenantID, proven bool, who identity) error {
	if !proven || who.role != models.PersonAdmin {
		return errNoCustomerYet
	}
	tenant := models.Tenant{
		ID: id, Name: string(id), State: models.TenantActive, Epoch: 1, IDProof: models.IDProven, CreatedAt: t.now,
	}
	err := t.add(&tenant)
	if db.IsDuplicate(err) {
		return s.refused(ctx, id, errors.New("somebody else registered the tenant at this moment"))
	}
	if err != nil {
		return err
	}
	return t.note(ctx, tenantRegistered(tenant, who))
}

var errNoCustomerYet = ErrNotAllowed.WithDetail("Your organisation is not a customer here yet. An administrator of it has to sign in first.")

// meet finds or adds the person, by issuer and subject alone, with what the provider said
// this time.
func (s *Service) meet(ctx context.Context, t change, tenant models.Tenant, who identity) (models.Person, error) {
	person, known, err := t.personNamed(tenant.ID, who.issuer, who.subject)
	if err != nil {
		return models.Person{}, err
	}
	before := person
	person.Name, person.Email, person.ClaimRole, person.LastSignIn = who.name, who.email, nil, &t.now
	if who.role != "" {
		person.ClaimRole = &who.role
	}
	if !known {
		person.ID, person.TenantID, person.Issuer, person.Subject = models.PersonID(s.deps.NewID()), tenant.ID, who.issuer, who.subject
		person.State, person.CreatedAt = models.PersonActive, t.now
		if err := t.add(&person); err != nil {
			return models.Person{}, err
		}
		person = withRole(person)
		return person, t.note(ctx, personAdded(person))
	}
	if err := t.savePerson(person); err != nil {
		return models.Person{}, err
	}
	if person = withRole(person); person.Role != before.Role {
		return person, t.note(ctx, personChanged(person, byProvider(person)))
	}
	return person, nil
}

// judge decides whether the person may come in, and makes the first admin. Until there is
// one nobody else speaks for the tenant.
func (s *Service) judge(ctx context.Context, t change, tenant models.Tenant, person models.Person, attempt models.SignInAttempt) error {
	if person.State != models.PersonActive {
		return notNow{ErrNotAllowed.WithDetail("Your access was ended by an administrator of your organisation.")}
	}
	if tenant.ClaimedAt != nil {
		if person.Role == "" {
			return notNow{ErrNotAllowed}
		}
		return nil
	}
	invited, err := t.invited(attempt, tenant)
	if err != nil {
		return err
	}
	if invited {
		admin := models.PersonAdmin
		person.GivenRole = &admin
		person = withRole(person)
		if err := t.changePerson(person); err != nil {
			return err
		}
		if err := t.useInvitation(*attempt.InvitationID, person.ID, t.now); err != nil {
			return err
		}
	}
	if person.Role != models.PersonAdmin {
		return notNow{errNoAdminYet}
	}
	return s.claim(ctx, t, tenant, person, invited)
}

var errNoAdminYet = ErrNotAllowed.WithDetail(
	"Your organisation has no administrator here yet. The first one signs in with the invitation, or with the role that its sign-in was set up with.")

// invited reports whether the attempt carries an invitation that is still open.
func (t change) invited(attempt models.SignInAttempt, tenant models.Tenant) (bool, error) {
	if attempt.InvitationID == nil {
		return false, nil
	}
	invitation, found, err := t.invitationByID(*attempt.InvitationID)
	open := found && invitation.TenantID == tenant.ID && invitation.EndedAt == nil && invitation.ExpiresAt.After(t.now)
	return open, err
}

// claim is the moment from which the tenant speaks for itself: what operators gave to its
// clients ends, what those clients gave to people, and all invitations.
func (s *Service) claim(ctx context.Context, t change, tenant models.Tenant, person models.Person, invited bool) error {
	if _, err := t.claim(tenant.ID, t.now); err != nil {
		return err
	}
	if err := t.endInvitations(tenant.ID, t.now); err != nil {
		return err
	}
	if err := t.endRolesBut(ctx, person); err != nil {
		return err
	}
	ended, err := s.deps.Rights.EndRightsTx(ctx, t.tx, tenant.ID)
	if err != nil {
		return err
	}
	return t.note(ctx, tenantClaimed(person, invited, ended))
}

// endRolesBut takes the roles that somebody gave in the tenant's name before its first
// admin could: only roles of its provider's claims, and those it gives itself, stay.
func (t change) endRolesBut(ctx context.Context, admin models.Person) error {
	given, err := t.givenRoles(admin.TenantID)
	if err != nil {
		return err
	}
	for _, person := range given {
		if person.ID == admin.ID {
			continue
		}
		person.GivenRole = nil
		person = withRole(person)
		if err := t.changePerson(person); err != nil {
			return err
		}
		if err := t.note(ctx, personChanged(person, byProvider(admin))); err != nil {
			return err
		}
	}
	return nil
}

// supersede ends the session that a step-up began in, which must be alive and the same
// person's, and any other one of this browser: no reference outlives a change of rights.
func (t change) supersede(attempt models.SignInAttempt, settings models.TenantSignIn, person models.Person, who identity, older string) error {
	if attempt.Purpose == models.AttemptStepUp {
		row, found, err := t.session(attempt.SessionDigest)
		if err != nil {
			return err
		}
		if !found || !row.alive(t.now) || row.PersonID != person.ID {
			return notNow{ErrSignInRefused.WithCause(errors.New("the step-up belongs to another person, or its session has ended"))}
		}
		if settings.RequireMFA && !who.mfa {
			return notNow{ErrMoreFactors}
		}
		if err := t.endSession(attempt.SessionDigest); err != nil {
			return err
		}
	}
	if old := digest(older); old != nil {
		return t.endSession(old)
	}
	return nil
}
