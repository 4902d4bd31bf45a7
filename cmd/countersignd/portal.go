package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"countersign/authz"
	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/gateway/portal"
	"countersign/gateway/ratelimit"
	"countersign/models"
	"countersign/partners"
	"countersign/registration"
)

// pages makes the portal over the joined services; nil without an address for it.
func pages(c Config, s *services, log *slog.Logger) (http.Handler, error) {
	if c.PortalURL == "" {
		return nil, nil
	}
	return portal.New(portal.Deps{
		SignIn: s.signin, Setup: s.signin, Clients: s.registry, Consents: s.consent, Decider: s.consent, Changer: s.consent, Receipts: s.proofs, Directory: s.registry, Domains: domains{s.registry},
		Devices: s.far, Remover: &remover{registry: s.registry, uploads: s.uploads}, Ledger: s.chains, Links: s.consent, Blocks: s.consent,
		URL: c.PortalURL, Guesses: s.budgets, NewID: newID, Logger: log,
	})
}

// domains is the register's proof of domains, as the pages show it.
type domains struct{ *partners.Registry }

// DomainsOf lists what a tenant has proven, and what is under way.
func (d domains) DomainsOf(ctx context.Context, tenant models.TenantID) (portal.DomainList, error) {
	list, err := d.Registry.DomainsOf(ctx, tenant)
	return portal.DomainList(list), err
}

// What one source, and all of them together, may try per minute: more than people do and
// far less than guessing needs. A secret of 256 bits needs no such limit; the database and
// the providers behind it do.
const (
	triesOfOne = 30
	triesOfAll = 3000
)

// Guess charges an attempt at something that can be guessed to its source.
func (b *budgets) Guess(ctx context.Context, what string, source netip.Addr) error {
	if what == portal.TryLink {
		return b.links.Guess(ctx, source)
	}
	spent, err := b.limiter.Spend(ctx, []ratelimit.Charge{
		ratelimit.ForFailedAuthentication(models.ClientID("portal:"+what), source, ratelimit.Rate{Count: triesOfOne, Period: time.Minute}),
		ratelimit.ForFailedAuthentication(models.ClientID("portal:"+what+":all"), netip.Addr{}, ratelimit.Rate{Count: triesOfAll, Period: time.Minute}),
	})
	if err != nil {
		return err
	}
	return spent.Err()
}

// portalClient is the name of the client through which people of a tenant remove devices.
// It may only read and its secret is kept by nobody. Freezing it stops removals by pages.
const portalClient = "portal: removals by people"

// remover removes devices in a person's name. An upload belongs to a client, so each
// tenant that removes something gets one of its own for that.
type remover struct {
	registry *partners.Registry
	uploads  *intake.Service
	making   sync.Mutex
}

// RemoveDevice hands the removal in; the core does it within moments.
func (r *remover) RemoveDevice(ctx context.Context, actor consent.Actor, device registration.Device) error {
	client, err := r.clientOf(ctx, actor.TenantID)
	if err != nil {
		return err
	}
	_, err = r.uploads.RemoveDevice(ctx, intake.Call{
		Caller: intake.Caller{ClientID: client}, Tenant: actor.TenantID,
		Method: http.MethodPost, Path: "/portal/devices/" + string(device.ID) + "/remove", CorrelationID: actor.HTTPRequest,
	}, intake.Registered{ID: device.ID, Upload: device.TrackingID})
	return err
}

// clientOf finds the client, or makes it. Two replicas may make one each, which does no
// harm.
func (r *remover) clientOf(ctx context.Context, tenant models.TenantID) (models.ClientID, error) {
	r.making.Lock()
	defer r.making.Unlock()
	filter := partners.ClientFilter{Owner: models.OwnerTenant, TenantID: tenant}
	for {
		found, next, err := r.registry.Clients(ctx, filter)
		if err != nil {
			return "", err
		}
		for _, client := range found {
			if client.Name == portalClient {
				return client.ID, nil
			}
		}
		if next == "" {
			break
		}
		filter.Cursor = next
	}
	// A client has to have a scope; nobody ever learns this one's secret.
	made, _, err := r.registry.CreateClient(ctx, partners.NewClient{
		Owner: models.OwnerTenant, TenantID: tenant, Name: portalClient, Scopes: []string{authz.ScopeDevicesRead}, Method: models.ClientSecretBasic,
	})
	return made.ID, err
}
