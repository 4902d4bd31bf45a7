package partners

import (
	"context"
	"slices"
	"strings"
	"time"

	"countersign/internal/errs"
	"countersign/internal/ledger"
	"countersign/models"
)

// scopeClientsManage is the scope by which a partner's client manages the others. It is never
// handed out by a client: whoever stole a manager could otherwise make more of them.
const scopeClientsManage = "clients.manage"

// ErrFrozenByOperator says that a client's owner cannot let it work again.
var ErrFrozenByOperator = errs.New(errs.Conflict, "frozen_by_operator",
	"An operator has frozen this client. Ask the operator of this service; make a new client meanwhile if its credential may have been stolen.")

// ErrWider keeps a client that manages others from getting at more than it may do itself.
var ErrWider = errs.New(errs.Forbidden, "client_wider",
	"The client may do more than the one that manages it, which would so come to do it, too. Use one that may do all of it, or ask the operator of this service.")

// Manager is a client of a partner that manages the others, and what it may do itself: it can
// neither make a client that may do more, nor come to know the credential of one.
type Manager struct {
	Partner models.PartnerID
	Scopes  []string
}

// covers reports whether the manager may do everything of a list.
func (m Manager) covers(scopes []string) bool {
	return !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(m.Scopes, s) })
}

// NewOwnClient is CreateClient by a partner itself. Its scopes are the manager's unless they
// are named, and never clients.manage. ErrWider for more than the manager's.
func (r *Registry) NewOwnClient(ctx context.Context, by Manager, in NewClient) (models.OAuthClient, string, error) {
	if slices.Contains(in.Scopes, scopeClientsManage) {
		return models.OAuthClient{}, "", ErrInvalid.WithFields(errs.Field{Name: "scopes", Cause: scopeClientsManage + " is handed out by the operator of this service alone"})
	}
	if len(in.Scopes) == 0 {
		in.Scopes = slices.DeleteFunc(slices.Clone(by.Scopes), func(s string) bool { return s == scopeClientsManage })
	}
	if known := r.deps.ScopesFunc(models.OwnerPartner); !by.covers(slices.DeleteFunc(slices.Clone(in.Scopes), func(s string) bool { return !slices.Contains(known, s) })) {
		return models.OAuthClient{}, "", ErrWider
	}
	in.Owner, in.PartnerID, in.TenantID = models.OwnerPartner, by.Partner, ""
	return r.CreateClient(ctx, in)
}

// OwnClient is Client for a partner: any other's is ErrClientNotFound.
func (r *Registry) OwnClient(ctx context.Context, partner models.PartnerID, id models.ClientID) (models.OAuthClient, error) {
	client, err := r.Client(ctx, id)
	if err == nil && !ownedBy(client, partner) {
		return models.OAuthClient{}, ErrClientNotFound
	}
	return client, err
}

func ownedBy(c models.OAuthClient, partner models.PartnerID) bool {
	return c.PartnerID != nil && *c.PartnerID == partner
}

// SwitchOwnClient freezes a client of the partner, or lets it work again, which it cannot where
// an operator has frozen it.
func (r *Registry) SwitchOwnClient(ctx context.Context, partner models.PartnerID, id models.ClientID, freeze bool) (models.OAuthClient, error) {
	return r.changeClient(ctx, id, func(ctx context.Context, t change, client models.OAuthClient) error {
		from, to, by := models.ClientActive, models.ClientFrozen, models.OwnerPartner
		if !freeze {
			from, to = to, from
		}
		switch {
		case !ownedBy(client, partner):
			return ErrClientNotFound
		case !freeze && client.State == models.ClientFrozen && (client.FrozenBy == nil || *client.FrozenBy != by):
			return ErrFrozenByOperator
		}
		return r.switchClient(ctx, t, client, from, to, by)
	})
}

// RotateOwnSecret is RotateSecret by the client's partner.
func (r *Registry) RotateOwnSecret(ctx context.Context, by Manager, id models.ClientID, overlap time.Duration) (string, error) {
	if _, err := r.within(ctx, by, id); err != nil {
		return "", err
	}
	return r.RotateSecret(ctx, id, overlap)
}

// within is a client whose credential a manager may change. Scopes of a client never grow, so
// what is seen here holds for the change.
func (r *Registry) within(ctx context.Context, by Manager, id models.ClientID) (models.OAuthClient, error) {
	client, err := r.OwnClient(ctx, by.Partner, id)
	if err == nil && !by.covers(strings.Fields(client.Scopes)) {
		return models.OAuthClient{}, ErrWider
	}
	return client, err
}

// SetOwnKeys replaces the public keys of a client of the partner, or the certificates that it
// may show; the former end now.
func (r *Registry) SetOwnKeys(ctx context.Context, by Manager, id models.ClientID, jwks, certificates string) (models.OAuthClient, error) {
	client, err := r.within(ctx, by, id)
	if err != nil {
		return models.OAuthClient{}, err
	}
	switch {
	case client.JWKSURI != nil && jwks != "" && certificates == "":
		var wrong complaints
		wrong.add(true, "jwks", "are what the client publishes at "+*client.JWKSURI+": change them there, or make a new client")
		return models.OAuthClient{}, wrong.err()
	case client.AuthMethod == models.PrivateKeyJWT && jwks != "" && certificates == "":
		return r.SetJWKS(ctx, id, jwks)
	case client.AuthMethod == models.SelfSignedTLSClientAuth && certificates != "" && jwks == "":
		return r.setCertificates(ctx, id, certificates)
	}
	var wrong complaints
	wrong.add(true, "jwks", "is what a client of private_key_jwt has; one of self_signed_tls_client_auth has certificates, and this one is of "+string(client.AuthMethod))
	return models.OAuthClient{}, wrong.err()
}

func (r *Registry) setCertificates(ctx context.Context, id models.ClientID, text string) (models.OAuthClient, error) {
	checked, err := r.deps.CheckCertificatesFunc(text)
	if err != nil {
		return models.OAuthClient{}, err
	}
	return r.renew(ctx, id, "client.keys", func(ctx context.Context, t change, client models.OAuthClient) error {
		if err := t.setJWKS(id, checked); err != nil {
			return err
		}
		return t.noteClient(ctx, ledger.ClientChanged, client, "keys")
	})
}

// Ending is how many active clients end within a time.
type Ending struct {
	Within time.Duration
	Count  int64
}

// EndingClients counts the active clients that end within each of some times, longest first:
// those of a shorter time are counted in the longer ones, too.
func (r *Registry) EndingClients(ctx context.Context, within ...time.Duration) ([]Ending, error) {
	now := r.deps.Now()
	out := make([]Ending, 0, len(within))
	for _, w := range within {
		n, err := r.read(ctx).endingClients(now, now.Add(w))
		if err != nil {
			return nil, stored(err)
		}
		out = append(out, Ending{w, n})
	}
	return out, nil
}

// SecretOf is one live secret of a client, without what it is.
type SecretOf struct {
	CreatedAt time.Time
	ExpiresAt *time.Time
}

// OwnSecrets lists the live secrets of a client of the partner, the newest first.
func (r *Registry) OwnSecrets(ctx context.Context, partner models.PartnerID, id models.ClientID) ([]SecretOf, error) {
	if _, err := r.OwnClient(ctx, partner, id); err != nil {
		return nil, err
	}
	found, err := r.read(ctx).liveSecrets(id, r.deps.Now())
	return found, stored(err)
}
