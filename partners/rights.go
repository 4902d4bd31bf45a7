package partners

import (
	"context"
	"slices"
	"strings"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/models"
)

func speaks(scopes []string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(models.SpeakingScopes(), s) })
}

// without returns a client's scopes less some.
func without(scopes string, less ...string) string {
	kept := slices.DeleteFunc(strings.Fields(scopes), func(s string) bool { return slices.Contains(less, s) })
	return strings.Join(kept, " ")
}

// EndRightsTx takes from every client of a tenant what lets it speak for the tenant, and
// returns whose it was. The caller holds the tenant's gate exclusively. Access tokens that
// are out lose it with the next call, because each call asks what is still assigned.
func (r *Registry) EndRightsTx(ctx context.Context, tx *db.Tx, tenant models.TenantID) ([]models.ClientID, error) {
	t := rows{tx.Gorm().WithContext(ctx)}
	clients, err := t.clientsOf(tenant)
	if err != nil {
		return nil, err
	}
	ended := []models.ClientID{}
	for _, client := range clients {
		if !speaks(strings.Fields(client.Scopes)) {
			continue
		}
		if err := t.setScopes(client.ID, without(client.Scopes, models.SpeakingScopes()...)); err != nil {
			return nil, err
		}
		ended = append(ended, client.ID)
	}
	return ended, nil
}

// CheckFederation looks at whose tokens a tenant's client is to prove itself by, and at where
// the issuer publishes its keys. It is called outside of transactions.
func (r *Registry) CheckFederation(ctx context.Context, f models.Federation) error {
	return r.deps.CheckFederationFunc(ctx, f)
}

// NewClientTx makes a client of a tenant in the tenant's own name and returns its secret,
// this once; one that comes with tokens of the tenant's issuer has none. Who may ask for
// which scopes, and whether the issuer can be used, the caller has decided.
func (r *Registry) NewClientTx(ctx context.Context, tx *db.Tx, tenant models.TenantID, in models.NewTenantClient) (models.OAuthClient, string, error) {
	client, err := r.prepareClient(ctx, NewClient{
		Owner: models.OwnerTenant, TenantID: tenant, Name: in.Name, Scopes: in.Scopes, Method: models.ClientSecretBasic,
	})
	if err != nil {
		return models.OAuthClient{}, "", err
	}
	if client.CreatedAt, err = tx.Now(ctx); err != nil {
		return models.OAuthClient{}, "", err
	}
	if f := in.Federation; f != nil {
		client.AuthMethod, client.Profile = models.PrivateKeyJWT, models.ProfileStandard
		client.Issuer, client.IssuerSubject, client.JWKSURI = &f.Issuer, &f.Subject, &f.JWKSURI
	}
	t := rows{tx.Gorm().WithContext(ctx)}
	if err := t.add(&client); err != nil || in.Federation != nil {
		return client, "", err
	}
	secret, digest := r.deps.Secrets.NewSecret()
	err = t.add(&models.ClientSecret{ID: r.deps.NewID(), ClientID: client.ID, Digest: digest, CreatedAt: client.CreatedAt})
	return client, secret, err
}

// TakeRightTx takes one scope from a client of the tenant; ErrClientNotFound for any other
// client.
func (r *Registry) TakeRightTx(ctx context.Context, tx *db.Tx, tenant models.TenantID, id models.ClientID, scope string) error {
	if !validClientID(id) {
		return ErrClientNotFound
	}
	t := rows{tx.Gorm().WithContext(ctx)}
	client, err := t.client(id)
	if err != nil {
		return err
	}
	if client.TenantID == nil || *client.TenantID != tenant {
		return ErrClientNotFound
	}
	return t.setScopes(id, without(client.Scopes, scope))
}

// mayHandOut refuses an operator who would come to hold a credential that speaks for a
// tenant with an admin of its own. The gate orders it with the first admin's sign-in.
func (t change) mayHandOut(ctx context.Context, client models.OAuthClient, scopes []string) error {
	if client.TenantID == nil || !speaks(scopes) {
		return nil
	}
	tenant, err := t.tenant(*client.TenantID)
	if err != nil {
		return err
	}
	if err := t.tx.Gate(ctx, db.Lock{Class: models.GateClass, ID: tenant.Gate}); err != nil {
		return err
	}
	if tenant, err = t.tenant(tenant.ID); err != nil {
		return err
	}
	if tenant.ClaimedAt != nil {
		return ErrTenantClaimed
	}
	return nil
}

// noteRefusal keeps for a tenant to read what an operator tried, in a transaction of its
// own: that of the attempt was rolled back.
func (r *Registry) noteRefusal(ctx context.Context, client models.OAuthClient, attempt string) error {
	return r.inTx(ctx, func(ctx context.Context, t change) error {
		return t.note(ctx, ledger.Entry{
			Kind: ledger.TenantRefused, Subject: ledger.OfTenant, SubjectID: string(*client.TenantID), TenantID: *client.TenantID,
			Body: map[string]any{"attempt": attempt, "scopes": client.Scopes},
		})
	})
}
