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

// heirs are the providers that a yes to a partner lets act under its grant too.
type heirs struct {
	links []models.PartnerLink
	names []string // of the providers, in the order of the links
}

// heirs lists the providers that are linked to a partner, except those the tenant has
// blocked. Under the partner's gate, which every change of a link takes, they stay.
func (r rows) heirs(partner models.PartnerID, tenant models.TenantID) (heirs, error) {
	var out heirs
	links, err := r.linksOf(partner)
	if err != nil || len(links) == 0 {
		return out, err
	}
	ids := make([]models.PartnerID, len(links))
	for i, link := range links {
		ids[i] = link.ProviderID
	}
	byID, err := names(r, ids, func(p models.Partner) (models.PartnerID, string) { return p.ID, p.Name })
	if err != nil {
		return out, fmt.Errorf("read the names of providers: %w", err)
	}
	for _, link := range links {
		blocked, err := r.isBlocked(tenant, link.ProviderID)
		if err != nil {
			return out, fmt.Errorf("look for a block: %w", err)
		}
		if !blocked {
			out.links, out.names = append(out.links, link), append(out.names, byID[link.ProviderID])
		}
	}
	return out, nil
}

// asked is what a yes to a request promises, and to whom. A request to change a grant, or
// to act under one, lets nobody else in.
func (r rows) asked(request models.ConsentRequest, tenant models.TenantID) (Promise, error) {
	if request.Amends != nil || request.Derives != nil {
		return PromiseOf(request), nil
	}
	found, err := r.heirs(request.PartnerID, tenant)
	return PromiseOf(request).With(found.names), err
}

// Asked is what a yes to a request of the actor's tenant promises, as it has to be shown.
func (s *Service) Asked(ctx context.Context, actor Actor, request models.ConsentRequest) (Promise, error) {
	return s.rows(ctx).asked(request, actor.TenantID)
}

// Offered is what the actor's tenant offers a partner that has not asked.
func (s *Service) Offered(ctx context.Context, actor Actor, partner models.PartnerID) (Promise, error) {
	found, err := s.rows(ctx).heirs(partner, actor.TenantID)
	return Offer(found.names), err
}

// derive lets the heirs act under a new grant.
func (s *Service) derive(r rows, grant models.Grant, heirs heirs, c cause) error {
	for _, link := range heirs.links {
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
