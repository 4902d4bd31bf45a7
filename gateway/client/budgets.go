package client

import (
	"context"
	"net/url"

	"countersign/gateway/wire"
)

// Budgets tells where the budgets of the partner that calls stand; with a tenant also
// that of its devices for one customer.
func (c *Client) Budgets(ctx context.Context, tenant string) (wire.Budgets, error) {
	query := url.Values{}
	if tenant != "" {
		query.Set("tenant", tenant)
	}
	var out wire.Budgets
	err := c.getJSON(ctx, call{path: "/v1/partners/me/budgets", query: query}, &out)
	return out, err
}
