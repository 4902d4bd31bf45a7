package partners

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"countersign/internal/ledger"
	"countersign/models"
)

// NewClient describes an OAuth client to be created. Exactly the owner's id is
// given: PartnerID for a partner's, TenantID for a tenant's, none for an
// operator's.
type NewClient struct {
	Owner     models.OwnerKind
	PartnerID models.PartnerID
	TenantID  models.TenantID
	Name      string
	Scopes    []string
	Method    models.ClientAuthMethod
	JWKS      string     // public keys (RFC 7517); for private_key_jwt alone
	ExpiresAt *time.Time // nil: never
}

// CreateClient registers an active OAuth client. The secret is returned this
// once, and only for client_secret_basic; a caller can never choose it. It
// fails with ErrInvalid, ErrPartnerNotFound, ErrTenantNotFound, the key set's own
// error, or ErrTenantClaimed for one that would speak for a tenant with an admin.
func (r *Registry) CreateClient(ctx context.Context, in NewClient) (models.OAuthClient, string, error) {
	client, err := r.prepareClient(in)
	if err != nil {
		return models.OAuthClient{}, "", err
	}
	var secret string
	var digest []byte
	if in.Method == models.ClientSecretBasic {
		secret, digest = r.deps.Secrets.NewSecret()
	}
	err = r.inTx(ctx, func(ctx context.Context, t change) error {
		if err := t.ownerExists(client); err != nil {
			return err
		}
		if err := t.mayHandOut(ctx, client, in.Scopes); err != nil {
			return err
		}
		if err := expiryAhead(in.ExpiresAt, t.now); err != nil {
			return err
		}
		client.CreatedAt = t.now
		if err := t.add(&client); err != nil {
			return err
		}
		if err := t.noteClient(ctx, ledger.ClientCreated, client, ""); err != nil || digest == nil {
			return err
		}
		return t.add(&models.ClientSecret{ID: r.deps.NewID(), ClientID: client.ID, Digest: digest, CreatedAt: t.now})
	})
	if errors.Is(err, ErrTenantClaimed) {
		err = errors.Join(err, r.noteRefusal(ctx, client, "client.create"))
	}
	if err != nil {
		return models.OAuthClient{}, "", err
	}
	return client, secret, nil
}

// prepareClient checks everything that needs no database.
func (r *Registry) prepareClient(in NewClient) (models.OAuthClient, error) {
	var wrong complaints
	wrong.name(in.Name)
	wrong.owner(in)
	wrong.add(!in.Method.Valid(), "authMethod", "must be client_secret_basic or private_key_jwt")
	keyed := in.Method == models.PrivateKeyJWT
	wrong.add(keyed && in.JWKS == "", "jwks", "is needed for private_key_jwt: send the client's public keys")
	wrong.add(!keyed && in.JWKS != "", "jwks", "belongs to private_key_jwt only")
	allowed := r.deps.ScopesFunc(in.Owner)
	foreign := slices.ContainsFunc(in.Scopes, func(s string) bool { return !slices.Contains(allowed, s) })
	wrong.add(len(in.Scopes) == 0 || foreign, "scopes", "must be one or more of "+strings.Join(allowed, ", "))
	if err := wrong.err(); err != nil {
		return models.OAuthClient{}, err
	}
	client := models.OAuthClient{
		ID: models.ClientID(clientPrefixes[in.Owner] + r.deps.NewID()), OwnerKind: in.Owner, Name: strings.TrimSpace(in.Name),
		Scopes: joinScopes(allowed, in.Scopes), AuthMethod: in.Method, State: models.ClientActive, Epoch: 1,
	}
	if in.ExpiresAt != nil {
		expires := in.ExpiresAt.UTC().Truncate(time.Microsecond)
		client.ExpiresAt = &expires
	}
	if id, ok := foldGUID(in.PartnerID); ok {
		client.PartnerID = &id
	}
	if id, ok := foldGUID(in.TenantID); ok {
		client.TenantID = &id
	}
	if !keyed {
		return client, nil
	}
	jwks, err := r.deps.CheckKeySetFunc(in.JWKS)
	client.JWKS = &jwks
	return client, err
}

// joinScopes writes each scope once, in the order of the list they come from.
func joinScopes(allowed, chosen []string) string {
	kept := slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return !slices.Contains(chosen, s) })
	return strings.Join(kept, " ")
}

func (c *complaints) owner(in NewClient) {
	_, partner := foldGUID(in.PartnerID)
	_, tenant := foldGUID(in.TenantID)
	c.add(!in.Owner.Valid(), "owner", "must be partner, tenant or operator")
	c.add((in.Owner == models.OwnerPartner) != partner || in.PartnerID != "" && !partner,
		"partnerId", "must be the partner's id for a partner's client, and absent for any other")
	c.add((in.Owner == models.OwnerTenant) != tenant || in.TenantID != "" && !tenant,
		"tenantId", "must be the tenant's id for a tenant's client, and absent for any other")
}

func expiryAhead(expires *time.Time, now time.Time) error {
	var wrong complaints
	wrong.add(expires != nil && !expires.After(now), "expiresAt", "must lie in the future")
	return wrong.err()
}

// ClientFilter narrows a list of clients; zero values do not.
type ClientFilter struct {
	Owner     models.OwnerKind
	PartnerID models.PartnerID
	TenantID  models.TenantID
	Page
}

// Client returns one client, or ErrClientNotFound.
func (r *Registry) Client(ctx context.Context, id models.ClientID) (models.OAuthClient, error) {
	if !validClientID(id) {
		return models.OAuthClient{}, ErrClientNotFound
	}
	client, err := r.read(ctx).client(id)
	return client, stored(err)
}

// Clients lists clients with the cursor of the next page.
func (r *Registry) Clients(ctx context.Context, filter ClientFilter) ([]models.OAuthClient, string, error) {
	after, err := filter.after()
	if err != nil {
		return nil, "", err
	}
	found, err := r.read(ctx).clients(filter, after, filter.size()+1)
	if err != nil {
		return nil, "", stored(err)
	}
	items, next := cut(found, filter.size(), func(c models.OAuthClient) string { return string(c.ID) })
	return items, next, nil
}

// FreezeClient stops one credential holder: it is refused at once and the core
// gets a fence. ErrWrongState when it is frozen already.
func (r *Registry) FreezeClient(ctx context.Context, id models.ClientID) (models.OAuthClient, error) {
	return r.moveClient(ctx, id, models.ClientActive, models.ClientFrozen)
}

// UnfreezeClient lets a client act again. Work let through before the freeze
// stays refused.
func (r *Registry) UnfreezeClient(ctx context.Context, id models.ClientID) (models.OAuthClient, error) {
	return r.moveClient(ctx, id, models.ClientFrozen, models.ClientActive)
}

func (r *Registry) moveClient(ctx context.Context, id models.ClientID, from, to models.ClientState) (models.OAuthClient, error) {
	return r.changeClient(ctx, id, func(ctx context.Context, t change, client models.OAuthClient) error {
		return r.turn(ctx, t, switchOf{
			kind: models.SubjectOfClient, gate: client.Gate,
			table: "oauth_clients", id: string(id), from: string(from), to: string(to), stop: to == models.ClientFrozen,
		})
	})
}

// changeClient runs fn on a client in a transaction and returns it as it is then.
func (r *Registry) changeClient(ctx context.Context, id models.ClientID, fn func(context.Context, change, models.OAuthClient) error) (models.OAuthClient, error) {
	if !validClientID(id) {
		return models.OAuthClient{}, ErrClientNotFound
	}
	var client models.OAuthClient
	err := r.inTx(ctx, func(ctx context.Context, t change) (err error) {
		if client, err = t.client(id); err != nil {
			return err
		}
		if err := fn(ctx, t, client); err != nil {
			return err
		}
		client, err = t.client(id)
		return err
	})
	return client, err
}
