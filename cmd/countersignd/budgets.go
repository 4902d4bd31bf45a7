package main

import (
	"context"
	"net/netip"
	"time"

	"countersign/authz"
	"countersign/gateway/ratelimit"
	"countersign/models"
	"countersign/partners"
)

// budgets answers intake and the edge from a partner's own numbers, or the
// server's where it has none.
type budgets struct {
	defaults partners.Budgets
	tokens   ratelimit.Rate
	secrets  ratelimit.Rate // wrong ones
	links    *ratelimit.LinkGuesses
	registry *partners.Registry
	limiter  *ratelimit.Limiter
}

func newBudgets(c Config, registry *partners.Registry, limiter *ratelimit.Limiter) *budgets {
	return &budgets{
		defaults: partners.Budgets{
			DevicesPerHour: &c.DevicesPerHour, TenantDevicesPerHour: &c.TenantDevicesPerHour, RequestsPerMinute: &c.RequestsPerMinute,
		},
		tokens:   ratelimit.Rate{Count: c.TokensPerMinute, Period: time.Minute},
		secrets:  ratelimit.Rate{Count: c.FailedSecretsPerHour, Period: time.Hour},
		links:    ratelimit.NewLinkGuesses(limiter),
		registry: registry, limiter: limiter,
	}
}

// of returns a partner's budgets with the defaults filled in.
func (b *budgets) of(ctx context.Context, partner models.PartnerID) (partners.Budgets, error) {
	own, err := b.registry.BudgetsOf(ctx, partner)
	if err != nil {
		return own, err
	}
	fill := func(v **int64, def *int64) {
		if *v == nil {
			*v = def
		}
	}
	fill(&own.DevicesPerHour, b.defaults.DevicesPerHour)
	fill(&own.TenantDevicesPerHour, b.defaults.TenantDevicesPerHour)
	fill(&own.RequestsPerMinute, b.defaults.RequestsPerMinute)
	return own, nil
}

// Spend takes devices from the budgets that apply, all or none: a partner's, and for one
// tenant a part of it. What a tenant does itself is under the tenant's number alone, and
// a build report is for no tenant.
func (b *budgets) Spend(ctx context.Context, partner models.PartnerID, tenant models.TenantID, devices int) (func(context.Context) error, error) {
	limits, err := b.limitsOf(ctx, partner)
	if err != nil {
		return nil, err
	}
	spent, err := b.limiter.Spend(ctx, charges(limits, partner, tenant, devices))
	if err != nil {
		return nil, err
	}
	if err := spent.Err(); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return b.limiter.Refund(ctx, spent) }, nil
}

// limitsOf are a partner's numbers, or the server's for everybody else: only partners have
// their own.
func (b *budgets) limitsOf(ctx context.Context, partner models.PartnerID) (partners.Budgets, error) {
	if partner == "" {
		return b.defaults, nil
	}
	return b.of(ctx, partner)
}

// charges are what devices cost.
func charges(limits partners.Budgets, partner models.PartnerID, tenant models.TenantID, devices int) (list []ratelimit.Charge) {
	hourly := func(n *int64) ratelimit.Rate { return ratelimit.Rate{Count: *n, Period: time.Hour} }
	if partner != "" {
		list = append(list, ratelimit.ForDevices(partner, hourly(limits.DevicesPerHour), int64(devices)))
	}
	if tenant != "" {
		list = append(list, ratelimit.ForTenantDevices(partner, tenant, hourly(limits.TenantDevicesPerHour), int64(devices)))
	}
	return list
}

func request(limits partners.Budgets, client models.ClientID) ratelimit.Charge {
	return ratelimit.ForRequest(client, ratelimit.Rate{Count: *limits.RequestsPerMinute, Period: time.Minute})
}

// Request charges one call to the client.
func (b *budgets) Request(ctx context.Context, p authz.Principal) (ratelimit.Decision, error) {
	limits, err := b.limitsOf(ctx, p.PartnerID)
	if err != nil {
		return ratelimit.Decision{}, err
	}
	return b.limiter.Spend(ctx, []ratelimit.Charge{request(limits, p.ClientID)})
}

// Standing tells where a caller's budgets stand.
func (b *budgets) Standing(ctx context.Context, p authz.Principal, tenant models.TenantID) (ratelimit.Decision, error) {
	limits, err := b.limitsOf(ctx, p.PartnerID)
	if err != nil {
		return ratelimit.Decision{}, err
	}
	free := request(limits, p.ClientID)
	free.Cost = 0
	return b.limiter.Peek(ctx, append([]ratelimit.Charge{free}, charges(limits, p.PartnerID, tenant, 0)...))
}

// TokenRequest charges one call of the token endpoint to its source.
func (b *budgets) TokenRequest(ctx context.Context, source netip.Addr) (ratelimit.Decision, error) {
	return b.limiter.Spend(ctx, []ratelimit.Charge{ratelimit.ForTokenRequest(source, b.tokens)})
}

// SecretAttempt charges one look at a client's secret to its source.
func (b *budgets) SecretAttempt(ctx context.Context, client models.ClientID, source netip.Addr) (ratelimit.Decision, error) {
	return b.limiter.Spend(ctx, []ratelimit.Charge{ratelimit.ForFailedAuthentication(client, source, b.secrets)})
}

// SecretProven gives a charge back: nothing was guessed.
func (b *budgets) SecretProven(ctx context.Context, attempt ratelimit.Decision) error {
	return b.limiter.Refund(ctx, attempt)
}
