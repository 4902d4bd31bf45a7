package partners

import (
	"context"
	"errors"
	"strings"
	"time"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/models"
)

// MaxOverlap is the longest a replaced secret may stay valid.
const MaxOverlap = 30 * 24 * time.Hour

// RotateSecret gives a client a new secret, returned this once. The newest of
// the former ones stays valid for overlap, at most to its own expiry, so that the
// partner can change over without a gap; older ones end now. An overlap of zero
// ends all of them now, which is what a leaked secret needs. It fails with
// ErrInvalid, ErrClientNotFound, ErrWrongMethod or ErrTenantClaimed.
func (r *Registry) RotateSecret(ctx context.Context, id models.ClientID, overlap time.Duration) (string, error) {
	var wrong complaints
	wrong.add(overlap < 0 || overlap > MaxOverlap, "overlap", "must be between 0 and 30 days")
	if err := wrong.err(); err != nil {
		return "", err
	}
	secret, digest := r.deps.Secrets.NewSecret()
	_, err := r.renew(ctx, id, "client.rotate", func(ctx context.Context, t change, client models.OAuthClient) error {
		if client.AuthMethod != models.ClientSecretBasic {
			return ErrWrongMethod
		}
		// Two rotations at once would each spare the other's secret.
		if err := t.tx.Gate(ctx, db.Lock{Class: models.GateClass, ID: client.Gate, Exclusive: true}); err != nil {
			return err
		}
		if err := t.retireSecrets(id, t.now, t.now.Add(overlap)); err != nil {
			return err
		}
		if err := t.add(&models.ClientSecret{ID: r.deps.NewID(), ClientID: id, Digest: digest, CreatedAt: t.now}); err != nil {
			return err
		}
		return t.noteClient(ctx, ledger.ClientChanged, client, "secret")
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// SetJWKS replaces a client's public keys; the former ones end now. It fails
// with ErrClientNotFound, ErrWrongMethod, ErrTenantClaimed or the key set's own error.
func (r *Registry) SetJWKS(ctx context.Context, id models.ClientID, jwks string) (models.OAuthClient, error) {
	checked, err := r.deps.CheckKeySetFunc(jwks)
	if err != nil {
		return models.OAuthClient{}, err
	}
	return r.renew(ctx, id, "client.keys", func(ctx context.Context, t change, client models.OAuthClient) error {
		if client.AuthMethod != models.PrivateKeyJWT {
			return ErrWrongMethod
		}
		if err := t.setJWKS(id, checked); err != nil {
			return err
		}
		return t.noteClient(ctx, ledger.ClientChanged, client, "keys")
	})
}

// renew changes a client's credential for an operator, who comes to know the new one. A
// client that speaks for a tenant with an admin of its own is the tenant's to renew.
func (r *Registry) renew(ctx context.Context, id models.ClientID, what string, fn func(context.Context, change, models.OAuthClient) error) (models.OAuthClient, error) {
	var seen models.OAuthClient
	client, err := r.changeClient(ctx, id, func(ctx context.Context, t change, client models.OAuthClient) error {
		seen = client
		if err := t.mayHandOut(ctx, client, strings.Fields(client.Scopes)); err != nil {
			return err
		}
		return fn(ctx, t, client)
	})
	if errors.Is(err, ErrTenantClaimed) {
		err = errors.Join(err, r.noteRefusal(ctx, seen, what))
	}
	return client, err
}
