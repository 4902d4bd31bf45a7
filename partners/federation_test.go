package partners_test

import (
	"context"
	"testing"

	"countersign/internal/db"
	"countersign/models"
)

// A tenant's client that comes with tokens of the tenant's issuer has no secret, and is read with
// whose they are.
func TestNewClientTx_federated(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant := w.tenant(t)
		want := models.Federation{Issuer: "https://login.fabrikam.example", Subject: "inventory", JWKSURI: "https://login.fabrikam.example/keys"}
		var made models.OAuthClient
		var secret string
		must(t, w.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
			made, secret, err = w.NewClientTx(ctx, tx, tenant.ID, models.NewTenantClient{Name: "inventory", Scopes: []string{"devices.read"}, Federation: &want})
			return err
		}))
		standing, err := w.ClientStanding(t.Context(), made.ID)
		must(t, err)
		c := standing.Client
		if got := (models.Federation{Issuer: text(c.Issuer), Subject: text(c.IssuerSubject), JWKSURI: text(c.JWKSURI)}); got != want || secret != "" {
			t.Errorf("got %+v and secret %q", got, secret)
		}
		if c.AuthMethod != models.PrivateKeyJWT || c.Profile != models.ProfileStandard || c.JWKS != nil {
			t.Errorf("made %+v", c)
		}
		if _, digests, err := w.ClientForAuth(t.Context(), made.ID); err != nil || len(digests) != 0 {
			t.Errorf("%d secrets, %v", len(digests), err)
		}
	})
}
