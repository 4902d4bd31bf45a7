package consent

import (
	"context"
	"fmt"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// enterParties takes the gates of partners and tenant shared and refuses when any of
// them is suspended: nobody becomes a partner's customer while the partner is stopped.
// It returns the database's clock, read under the gate.
func enterParties(ctx context.Context, tx *db.Tx, tenant models.TenantID, partners ...models.PartnerID) (time.Time, error) {
	r := within(ctx, tx)
	found, t, err := r.parties(tenant, partners)
	if err != nil {
		return time.Time{}, err
	}
	var locks []db.Lock
	for _, p := range found {
		locks = append(locks, shared(p.Gate))
	}
	if err := tx.Gate(ctx, append(locks, shared(t.Gate))...); err != nil {
		return time.Time{}, err
	}
	if found, t, err = r.parties(tenant, partners); err != nil {
		return time.Time{}, err
	}
	for _, p := range found {
		if p.State != models.PartnerActive {
			return time.Time{}, errPartnerStopped
		}
	}
	if t.State != models.TenantActive {
		return time.Time{}, ErrTenantSuspended
	}
	return tx.Now(ctx)
}

// parties reads the switches of partners, in the order of their locks, and of a tenant.
func (r rows) parties(tenant models.TenantID, partners []models.PartnerID) ([]models.Partner, models.Tenant, error) {
	var found []models.Partner
	var t models.Tenant
	err := r.g.Where("id IN ?", partners).Order("gate, id").Find(&found).Error
	if err == nil && len(found) != len(partners) {
		err = ErrNotFound
	}
	if err == nil {
		err = r.g.Where("id = ?", tenant).Take(&t).Error
	}
	return found, t, notFound(err)
}

// sidesOf are the partners that a yes to a request is about: the one that asks, and the
// one whose grant it asks to act under.
func (r rows) sidesOf(request models.ConsentRequest) ([]models.PartnerID, error) {
	if request.Derives == nil {
		return []models.PartnerID{request.PartnerID}, nil
	}
	parent, err := r.grant(*request.Derives, scope{})
	if err != nil {
		return nil, fmt.Errorf("read the grant to act under: %w", err)
	}
	return []models.PartnerID{request.PartnerID, parent.PartnerID}, nil
}
