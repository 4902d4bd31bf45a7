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
	Profile   models.ClientProfile // empty: legacy for a secret, standard for keys
	JWKS      string               // public keys (RFC 7517); for private_key_jwt alone
	// JWKSURI is where the client publishes its public keys, in place of JWKS.
	JWKSURI string
	// Certificates are what the client may show, in PEM; for self_signed_tls_client_auth alone.
	Certificates string
	// TLSSubject is the one name of its certificate, such as dns:line3.plant.example; for
	// tls_client_auth alone.
	TLSSubject string
	ExpiresAt  *time.Time // nil: never
	// LegacyUntil lets the client do as older clients do until then: its secret in the body,
	// the token endpoint as aud of assertions; nil never.
	LegacyUntil *time.Time
}

// CreateClient registers an active OAuth client. The secret is returned this
// once, and only for client_secret_basic; a caller can never choose it. It
// fails with ErrInvalid, ErrPartnerNotFound, ErrTenantNotFound, the key set's own
// error, or ErrTenantClaimed for one that would speak for a tenant with an admin.
func (r *Registry) CreateClient(ctx context.Context, in NewClient) (models.OAuthClient, string, error) {
	client, err := r.prepareClient(ctx, in)
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
		if err := errors.Join(expiryAhead("expiresAt", in.ExpiresAt, t.now), expiryAhead("legacyUntil", in.LegacyUntil, t.now)); err != nil {
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

// prepareClient checks everything that needs no database. Keys that the client publishes are
// fetched to see that they can be used.
func (r *Registry) prepareClient(ctx context.Context, in NewClient) (models.OAuthClient, error) {
	var wrong complaints
	wrong.name(in.Name)
	wrong.owner(in)
	profile := in.profile()
	wrong.means(in, profile)
	allowed := r.deps.ScopesFunc(in.Owner)
	foreign := slices.ContainsFunc(in.Scopes, func(s string) bool { return !slices.Contains(allowed, s) })
	wrong.add(len(in.Scopes) == 0 || foreign, "scopes", "must be one or more of "+strings.Join(allowed, ", "))
	if err := wrong.err(); err != nil {
		return models.OAuthClient{}, err
	}
	client := models.OAuthClient{
		ID: models.ClientID(clientPrefixes[in.Owner] + r.deps.NewID()), OwnerKind: in.Owner, Name: strings.TrimSpace(in.Name),
		Scopes: joinScopes(allowed, in.Scopes), AuthMethod: in.Method, Profile: profile, State: models.ClientActive, Epoch: 1,
	}
	if in.ExpiresAt != nil {
		expires := in.ExpiresAt.UTC().Truncate(time.Microsecond)
		client.ExpiresAt = &expires
	}
	if in.LegacyUntil != nil {
		until := in.LegacyUntil.UTC().Truncate(time.Microsecond)
		client.LegacyUntil = &until
	}
	if id, ok := foldGUID(in.PartnerID); ok {
		client.PartnerID = &id
	}
	if id, ok := foldGUID(in.TenantID); ok {
		client.TenantID = &id
	}
	return client, r.addMeans(ctx, &client, in)
}

// addMeans adds what a client proves itself by, if that is not a secret.
func (r *Registry) addMeans(ctx context.Context, client *models.OAuthClient, in NewClient) error {
	var jwks string
	var err error
	switch {
	case in.JWKSURI != "":
		client.JWKSURI = &in.JWKSURI
		return r.deps.CheckKeyAddressFunc(ctx, in.JWKSURI)
	case in.Method == models.PrivateKeyJWT:
		jwks, err = r.deps.CheckKeySetFunc(in.JWKS)
	case in.Method == models.SelfSignedTLSClientAuth:
		jwks, err = r.deps.CheckCertificatesFunc(in.Certificates)
	case in.Method == models.TLSClientAuth:
		subject, err := r.deps.CheckSubjectFunc(in.TLSSubject)
		var wrong complaints
		if err != nil {
			wrong.add(true, "tlsSubject", err.Error())
		}
		client.TLSSubject = &subject
		return wrong.err()
	default:
		return nil
	}
	client.JWKS = &jwks
	return err
}

// means checks that what was sent belongs to the method of authentication.
func (c *complaints) means(in NewClient, profile models.ClientProfile) {
	c.add(!in.Method.Valid(), "authMethod", "must be client_secret_basic, private_key_jwt, tls_client_auth or self_signed_tls_client_auth")
	secret := in.Method == models.ClientSecretBasic
	c.add(!profile.Valid() || secret != (profile == models.ProfileLegacy), "profile",
		"must be legacy for client_secret_basic, and strict or standard for every other method")
	keyed := in.Method == models.PrivateKeyJWT
	c.add(in.JWKSURI != "" && (!keyed || in.JWKS != ""), "jwksUri", "belongs to private_key_jwt only, in place of jwks")
	c.belongs(in.JWKS, keyed && in.JWKSURI == "", "jwks", "private_key_jwt without jwksUri", "the client's public keys")
	c.belongs(in.Certificates, in.Method == models.SelfSignedTLSClientAuth, "certificates", "self_signed_tls_client_auth", "the client's certificates in PEM")
	c.belongs(in.TLSSubject, in.Method == models.TLSClientAuth, "tlsSubject", "tls_client_auth", "the name in the client's certificate")
	tolerates := secret || in.Method == models.PrivateKeyJWT && profile == models.ProfileStandard
	c.add(!tolerates && in.LegacyUntil != nil, "legacyUntil", "belongs to client_secret_basic, and to private_key_jwt of the profile standard")
}

func (c *complaints) belongs(value string, here bool, field, method, what string) {
	c.add(here && value == "", field, "is needed for "+method+": send "+what)
	c.add(!here && value != "", field, "belongs to "+method+" only")
}

// MethodOf is the way of authenticating that belongs to what was sent of a client's keys and
// certificates: a secret when there is nothing.
func MethodOf(in NewClient) models.ClientAuthMethod {
	switch {
	case in.JWKS != "" || in.JWKSURI != "":
		return models.PrivateKeyJWT
	case in.Certificates != "":
		return models.SelfSignedTLSClientAuth
	case in.TLSSubject != "":
		return models.TLSClientAuth
	}
	return models.ClientSecretBasic
}

func (in NewClient) profile() models.ClientProfile {
	switch {
	case in.Profile != "":
		return in.Profile
	case in.Method == models.ClientSecretBasic:
		return models.ProfileLegacy
	}
	return models.ProfileStandard
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

func expiryAhead(name string, expires *time.Time, now time.Time) error {
	var wrong complaints
	wrong.add(expires != nil && !expires.After(now), name, "must lie in the future")
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
		return r.switchClient(ctx, t, client, from, to, models.OwnerOperator)
	})
}

// switchClient freezes a client or lets it work again, and remembers who froze it.
func (r *Registry) switchClient(ctx context.Context, t change, client models.OAuthClient, from, to models.ClientState, by models.OwnerKind) error {
	err := r.turn(ctx, t, switchOf{
		kind: models.SubjectOfClient, gate: client.Gate,
		table: "oauth_clients", id: string(client.ID), from: string(from), to: string(to), stop: to == models.ClientFrozen,
	})
	if err != nil {
		return err
	}
	if to == models.ClientFrozen {
		return t.setFrozenBy(client.ID, &by)
	}
	return t.setFrozenBy(client.ID, nil)
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
