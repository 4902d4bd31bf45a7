package consent

import (
	"context"
	"fmt"

	"countersign/models"
)

// Acting names who acts in its own name, under no grant: a tenant's client, a
// partner's, or with neither an operator's.
type Acting struct {
	Client  models.ClientID
	Partner models.PartnerID
	Tenant  models.TenantID
}

// acting is what decides whether somebody may act at present, and its epochs, read
// by one statement.
type acting struct {
	ClientEpoch, PartnerEpoch, TenantEpoch int64
	ClientState                            models.ClientState
	PartnerState                           string // empty without a partner
	TenantState                            string // empty without a tenant
}

// Epochs returns a permit without grant and limit for who acts in its own name. It
// takes no gate: nothing is written here under it. The core, which the permit is
// for, refuses it once a fence was raised, and after NotAfter. The refusals are
// those of Check.
func (s *Service) Epochs(ctx context.Context, who Acting) (Permit, error) {
	found, err := s.rows(ctx).acting(who)
	if err != nil {
		return Permit{}, fmt.Errorf("read the epochs of a caller: %w", err)
	}
	switch {
	case found == nil || found.ClientState != models.ClientActive:
		return Permit{}, ErrClientFrozen
	case who.Partner != "" && found.PartnerState != string(models.PartnerActive):
		return Permit{}, ErrPartnerSuspended
	case who.Tenant != "" && found.TenantState != string(models.TenantActive):
		return Permit{}, ErrTenantSuspended
	}
	now, err := s.db.Now(ctx)
	if err != nil {
		return Permit{}, fmt.Errorf("read the database's clock: %w", err)
	}
	return Permit{Now: now, Epochs: found.epochs(who)}, nil
}

func (a *acting) epochs(who Acting) []models.SubjectEpoch {
	var out []models.SubjectEpoch
	for _, e := range []models.SubjectEpoch{
		{Kind: models.SubjectOfPartner, ID: string(who.Partner), Epoch: a.PartnerEpoch},
		{Kind: models.SubjectOfClient, ID: string(who.Client), Epoch: a.ClientEpoch},
		{Kind: models.SubjectOfTenant, ID: string(who.Tenant), Epoch: a.TenantEpoch},
	} {
		if e.ID != "" {
			out = append(out, e)
		}
	}
	return out
}
