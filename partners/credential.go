package partners

import (
	"context"
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
// ErrInvalid, ErrClientNotFound or ErrWrongMethod.
func (r *Registry) RotateSecret(ctx context.Context, id models.ClientID, overlap time.Duration) (string, error) {
	var wrong complaints
	wrong.add(overlap < 0 || overlap > MaxOverlap, "overlap", "must be between 0 and 30 days")
	if err := wrong.err(); err != nil {
		return "", err
	}
	secret, digest := r.deps.Secrets.NewSecret()
	_, err := r.changeClient(ctx, id, func(ctx context.Context, t change, client models.OAuthClient) error {
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
// with ErrClientNotFound, ErrWrongMethod or the key set's own error.
func (r *Registry) SetJWKS(ctx context.Context, id models.ClientID, jwks string) (models.OAuthClient, error) {
	checked, err := r.deps.CheckKeySetFunc(jwks)
	if err != nil {
		return models.OAuthClient{}, err
	}
	return r.changeClient(ctx, id, func(ctx context.Context, t change, client models.OAuthClient) error {
		if client.AuthMethod != models.PrivateKeyJWT {
			return ErrWrongMethod
		}
		if err := t.setJWKS(id, checked); err != nil {
			return err
		}
		return t.noteClient(ctx, ledger.ClientChanged, client, "keys")
	})
}
