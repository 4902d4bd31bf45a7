package signin

import (
	"context"
	"errors"

	"countersign/internal/ledger"
	"countersign/models"
)

// Invite makes the set-up invitation of a tenant's first admin and ends older ones. Its
// holder may set how the tenant signs in, and whoever signs in with it there becomes the
// first admin. It is for operators, and over with the first admin: ErrTenantClaimed.
func (s *Service) Invite(ctx context.Context, by By, tenant models.TenantID) (Invitation, error) {
	if by.Kind != models.ActorOperator {
		return Invitation{}, ErrNotAdmin.WithDetail("Set-up invitations come from the operator of this service.")
	}
	var made Invitation
	err := s.manage(ctx, by, tenant, "tenant.invite", func(ctx context.Context, t change, found models.Tenant) error {
		if err := t.endInvitations(found.ID, t.now); err != nil {
			return err
		}
		made = Invitation{ID: s.deps.NewID(), TenantID: found.ID, Secret: newSecret(), ExpiresAt: t.now.Add(InvitationLife)}
		err := t.add(&models.TenantInvitation{
			ID: made.ID, TenantID: found.ID, Digest: digest(made.Secret), CreatedBy: by.ID, CreatedAt: t.now, ExpiresAt: made.ExpiresAt,
		})
		if err != nil {
			return err
		}
		return t.note(ctx, ofTenant(ledger.TenantInvited, found.ID, by, map[string]any{"invitation": made.ID, "expiresAt": made.ExpiresAt}))
	})
	if err != nil {
		return Invitation{}, err
	}
	return made, nil
}

// openInvitation finds an invitation that can still be used. Opening changes nothing.
func (s *Service) openInvitation(ctx context.Context, secret string) (models.TenantInvitation, error) {
	reference := digest(secret)
	if reference == nil {
		return models.TenantInvitation{}, ErrInvitation
	}
	found, known, err := s.read(ctx).invitation(reference)
	if err != nil {
		return models.TenantInvitation{}, stored(err)
	}
	now, err := s.deps.DB.Now(ctx)
	if err != nil {
		return models.TenantInvitation{}, stored(err)
	}
	if !known || found.EndedAt != nil || !found.ExpiresAt.After(now) {
		return models.TenantInvitation{}, ErrInvitation
	}
	return found, nil
}

// stillInvited judges an invitation under the tenant's gate.
func (t change) stillInvited(id string, tenant models.Tenant) error {
	found, known, err := t.invitationByID(id)
	open := known && found.TenantID == tenant.ID && found.EndedAt == nil && found.ExpiresAt.After(t.now) && tenant.ClaimedAt == nil
	return errors.Join(err, missing(open, ErrInvitation))
}
