package consent

import (
	"context"
	"fmt"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// A derived grant lets a provider act under a reseller's grant: a row of its own with
// its own gate and epoch, which shares limits and counters with the one it rests on
// and ends with it, in the same transaction.

// family is a grant with those that rest on it, all of whose gates are held.
type family struct {
	grant    models.Grant
	children []models.Grant // live ones
	now      time.Time
}

// lockFamily takes the gates of a grant and of what rests on it exclusively, in the
// order of their ids: a grant is older than what rests on it.
func lockFamily(ctx context.Context, tx *db.Tx, id models.GrantID, s scope) (family, error) {
	var f family
	var err error
	if f.grant, f.now, err = lockGrant(ctx, tx, id, s); err != nil {
		return f, err
	}
	r := within(ctx, tx)
	if f.children, err = r.liveChildren(id); err != nil || len(f.children) == 0 {
		return f, err
	}
	// Nobody adds to them any more: that takes the gate of the grant.
	gates := make([]db.Lock, len(f.children))
	for i, child := range f.children {
		gates[i] = exclusive(child.Gate)
	}
	if err := tx.Gate(ctx, gates...); err != nil {
		return f, err
	}
	if f.children, err = r.liveChildren(id); err != nil {
		return f, err
	}
	f.now, err = tx.Now(ctx)
	return f, err
}

// reasonOfParent is why a derived grant ends with what it rests on.
const reasonOfParent = "the permission it rests on has ended"

// end moves the whole family; the new epoch of the grant is at least floor.
func (f family) end(r rows, to models.GrantState, c cause, floor int64) (models.Grant, error) {
	for _, child := range f.children {
		why := c
		why.reason = reasonOfParent
		if _, err := moveGrant(r, child, to, why, 0); err != nil {
			return f.grant, fmt.Errorf("end a derived grant: %w", err)
		}
	}
	return moveGrant(r, f.grant, to, c, floor)
}

// liveChildren lists what rests on a grant and can still let anything through, in the
// order of their gates.
func (r rows) liveChildren(of models.GrantID) ([]models.Grant, error) {
	var found []models.Grant
	err := r.g.Where("derived_from = ? AND state IN ('active', 'suspended')", of).Order("gate, id").Find(&found).Error
	return found, err
}

// derive lets the providers that are linked to the partner act under its new grant,
// except those the tenant has blocked. The caller holds the partner's gate, which
// every change of a link takes.
func (s *Service) derive(r rows, grant models.Grant, c cause) error {
	links, err := r.linksOf(grant.PartnerID)
	if err != nil {
		return fmt.Errorf("read the partner's links: %w", err)
	}
	for _, link := range links {
		blocked, err := r.isBlocked(grant.TenantID, link.ProviderID)
		if err != nil {
			return fmt.Errorf("look for a block: %w", err)
		}
		if blocked {
			continue
		}
		if err := addGrant(r, s.child(grant, link, nil), c); err != nil {
			return fmt.Errorf("add a derived grant: %w", err)
		}
	}
	return nil
}

// child is the grant of a linked provider under the reseller's.
func (s *Service) child(parent models.Grant, link models.PartnerLink, answers *models.RequestID) models.Grant {
	return models.Grant{
		ID: models.GrantID(s.newID()), RequestID: answers, PartnerID: link.ProviderID, TenantID: parent.TenantID,
		State: models.GrantActive, Epoch: 1, Version: 1, RecountVersion: 1, Scopes: parent.Scopes,
		ExpiresAt: parent.ExpiresAt, CreatedAt: parent.CreatedAt, DerivedFrom: &parent.ID, LinkID: &link.ID,
	}
}
