package consent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"countersign/internal/db"
	"countersign/models"
)

// LastReader tells which device was registered last under a grant.
type LastReader interface {
	// LastUnder returns the last device registered under a grant, removed or not; the
	// zero value when there was none. Asked after a fence was acknowledged, the
	// answer never changes again.
	LastUnder(ctx context.Context, grant models.Grant) (models.LastDevice, error)
}

// lastUnder asks for the last device of a grant that the core fences for good. A live
// grant, fenced by a suspension or an amendment, goes on.
func (s *Service) lastUnder(ctx context.Context, fence models.Fence) (models.LastDevice, error) {
	if s.last == nil || fence.Kind != models.SubjectOfGrant {
		return models.LastDevice{}, nil
	}
	grant, err := s.rows(ctx).grant(models.GrantID(fence.SubjectID), scope{})
	if errors.Is(err, ErrNotFound) || err == nil && grant.State != models.GrantRevoking {
		return models.LastDevice{}, nil
	}
	if err != nil {
		return models.LastDevice{}, fmt.Errorf("read the grant of a fence: %w", err)
	}
	call, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	last, err := s.last.LastUnder(call, grant)
	if err != nil {
		return last, fmt.Errorf("ask for the last device: %w", err)
	}
	return last, nil
}

func (r rows) setLast(id models.GrantID, last models.LastDevice) error {
	return r.g.Exec(`UPDATE grants SET last_tracking_id = ?, last_row = ?, last_device_id = ?, last_registered_at = ?
		WHERE id = ?`, last.TrackingID, last.Row, last.DeviceID, last.RegisteredAt, id).Error
}

// Consequences are what the end of a grant would mean now, for a person to read before.
type Consequences struct {
	Grant   models.Grant
	Waiting int64 // devices accepted and not registered yet; they are refused, but for those already on their way to the core
	Stay    int64 // devices registered under it, which stay registered
	Derived []Consent
}

// PreviewEnd says what Revoke would do, and does nothing.
func (s *Service) PreviewEnd(ctx context.Context, actor Actor, id models.GrantID) (Consequences, error) {
	own, err := ownScope(actor)
	if err != nil {
		return Consequences{}, err
	}
	r := s.rows(ctx)
	grant, err := r.grant(id, own)
	if err != nil {
		return Consequences{}, err
	}
	out := Consequences{Grant: grant, Waiting: grant.DevicesReserved, Stay: grant.DevicesUsed}
	children, err := r.liveChildren(id)
	if err != nil {
		return out, fmt.Errorf("list what rests on a grant: %w", err)
	}
	for i := range children {
		out.Derived = append(out.Derived, Consent{Kind: KindGrant, Grant: &children[i]})
	}
	return out, s.complete(r, out.Derived, actor)
}

// RevokeAll ends every grant of the actor's tenant that has not ended, or all of one
// partner and of those that act for it, in one transaction: after it nothing new is
// accepted under any of them. expected is how many the caller has seen; with another
// number nothing ends. The answers are those of Revoke, one for each.
func (s *Service) RevokeAll(ctx context.Context, actor Actor, partner models.PartnerID, expected int, reason string) ([]Revocation, error) {
	if actor.Kind != models.ActorCustomer || actor.TenantID == "" {
		return nil, ErrNotYours
	}
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	var ended []models.Grant
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		ended, err = endAll(ctx, tx, actor, partner, expected, reason)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.awaitAll(ctx, ended)
}

// endAll moves all grants, with their gates taken in the order of their ids. A grant
// made in between would wait for the tenant's gate and makes the count wrong.
func endAll(ctx context.Context, tx *db.Tx, actor Actor, partner models.PartnerID, expected int, reason string) ([]models.Grant, error) {
	r := within(ctx, tx)
	var tenant models.Tenant
	if err := r.g.Where("id = ?", actor.TenantID).Take(&tenant).Error; err != nil {
		return nil, notFound(err)
	}
	if err := tx.Gate(ctx, exclusive(tenant.Gate)); err != nil {
		return nil, err
	}
	found, err := r.liveOf(actor.TenantID, partner)
	if err != nil {
		return nil, fmt.Errorf("list what is to end: %w", err)
	}
	locks := make([]db.Lock, len(found))
	for i, grant := range found {
		locks[i] = exclusive(grant.Gate)
	}
	if err := tx.Gate(ctx, locks...); err != nil {
		return nil, err
	}
	if found, err = r.liveOf(actor.TenantID, partner); err != nil {
		return nil, fmt.Errorf("list what is to end: %w", err)
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the database's clock: %w", err)
	}
	if err := mayDecide(r, actor, now); err != nil {
		return nil, err
	}
	if len(found) != expected {
		return nil, ErrCount.WithDetail("%d permissions would end, and you named %d, so none was ended. Look at the list and repeat it with the number there.", len(found), expected)
	}
	c := cause{actor: actor, reason: reason, at: now}
	for i := range found {
		if found[i], err = moveGrant(r, found[i], models.GrantRevoking, c, 0); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// liveOf lists the live grants of a tenant in the order of their gates; with a partner
// its own and those that rest on them.
func (r rows) liveOf(tenant models.TenantID, partner models.PartnerID) ([]models.Grant, error) {
	g := r.g.Where("tenant_id = ? AND state IN ('active', 'suspended')", tenant)
	if partner != "" {
		g = g.Where("(partner_id = ? OR derived_from IN (SELECT id FROM grants WHERE partner_id = ? AND tenant_id = ?))", partner, partner, tenant)
	}
	var found []models.Grant
	return found, g.Order("gate, id").Find(&found).Error
}

// awaitAll asks the core for each fence while it answers, and says how far it came.
func (s *Service) awaitAll(ctx context.Context, ended []models.Grant) ([]Revocation, error) {
	answers := make([]Revocation, 0, len(ended))
	silent := false
	for _, grant := range ended {
		if !silent {
			if err := s.askOnce(ctx, grant); err != nil {
				silent = true // the others would wait in vain too; RunFences goes on
				s.log.WarnContext(ctx, "the core has not acknowledged a revocation yet",
					slog.String("grant", string(grant.ID)), slog.Any("error", err))
			}
		}
		answer, err := s.revocation(ctx, grant.ID)
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}
