package consent

import (
	"context"
	"fmt"

	"countersign/models"
)

// Customers lists the tenants that have agreed: those with an active, unexpired
// grant to the partner, by tenant id.
func (s *Service) Customers(ctx context.Context, partner models.PartnerID, cursor string, limit int) ([]Customer, string, error) {
	tag := []string{"customers", string(partner)}
	after, err := decodePosition(cursor, tag...)
	if err != nil {
		return nil, "", err
	}
	if after == nil {
		after = &position{}
	}
	limit = pageSize(limit)
	found, err := s.customers(ctx, partner, "", models.TenantID(after.id), limit+1)
	if err != nil || len(found) <= limit {
		return found, "", err
	}
	found = found[:limit]
	return found, position{id: string(found[limit-1].ID)}.encode(tag...), nil
}

// Customer returns one of the partner's customers; ErrNoConsent for every tenant
// that has not agreed, known or not.
func (s *Service) Customer(ctx context.Context, partner models.PartnerID, tenant models.TenantID) (Customer, error) {
	if !models.ValidGUID(string(tenant)) {
		return Customer{}, ErrNoConsent
	}
	found, err := s.customers(ctx, partner, tenant, "", 1)
	if err != nil {
		return Customer{}, err
	}
	if len(found) == 0 {
		return Customer{}, ErrNoConsent
	}
	return found[0], nil
}

func (s *Service) customers(ctx context.Context, partner models.PartnerID, only, after models.TenantID, limit int) ([]Customer, error) {
	now, err := s.db.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the database's clock: %w", err)
	}
	found, err := s.rows(ctx).customers(partner, now, only, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list customers: %w", err)
	}
	tenants := make([]models.TenantID, len(found))
	for i, c := range found {
		tenants[i] = c.ID
	}
	domains, err := s.rows(ctx).firstDomains(tenants)
	if err != nil {
		return nil, fmt.Errorf("read domains: %w", err)
	}
	for i := range found {
		found[i].Domain = domains[found[i].ID]
	}
	return found, nil
}
