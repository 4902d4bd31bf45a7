package consent

import (
	"slices"
	"testing"

	"countersign/internal/errs"
	"countersign/models"
)

// Who acts in its own name acts under its own epochs, and only while it stands.
func TestEpochsOfWhoActsInItsOwnName(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		ops := models.OAuthClient{
			ID: "ops-client", OwnerKind: models.OwnerOperator, Name: "desk", Scopes: "operations.read",
			AuthMethod: models.ClientSecretBasic, Profile: models.ProfileLegacy, State: models.ClientActive, Epoch: 4, CreatedAt: start,
		}
		w.create(t, &ops)
		firm := Acting{Client: models.ClientID(w.byFirm.ID), Partner: w.byFirm.PartnerID}
		cust := Acting{Client: models.ClientID(w.byCust.ID), Tenant: w.byCust.TenantID}
		w.exec(t, "UPDATE partners SET epoch = 7 WHERE id = ?", firm.Partner)
		w.exec(t, "UPDATE tenants SET epoch = 9 WHERE id = ?", cust.Tenant)
		for _, row := range []struct {
			who  Acting
			want []models.SubjectEpoch
		}{
			{firm, []models.SubjectEpoch{{Kind: models.SubjectOfPartner, ID: string(firm.Partner), Epoch: 7}, {Kind: models.SubjectOfClient, ID: string(firm.Client), Epoch: 1}}},
			{cust, []models.SubjectEpoch{{Kind: models.SubjectOfClient, ID: string(cust.Client), Epoch: 1}, {Kind: models.SubjectOfTenant, ID: string(cust.Tenant), Epoch: 9}}},
			{Acting{Client: ops.ID}, []models.SubjectEpoch{{Kind: models.SubjectOfClient, ID: string(ops.ID), Epoch: 4}}},
		} {
			got, err := w.Epochs(t.Context(), row.who)
			if err != nil || !slices.Equal(got.Epochs, row.want) || !got.NotAfter().Equal(start.Add(NotAfterBound)) {
				t.Errorf("%+v: %+v, %v", row.who, got, err)
			}
		}
		refused := func(what string, who Acting, want *errs.Error) {
			t.Helper()
			_, err := w.Epochs(t.Context(), who)
			wantErr(t, err, want)
		}
		refused("another's client", Acting{Client: cust.Client, Partner: firm.Partner}, ErrClientFrozen)
		refused("a client that passes for an operator's", Acting{Client: cust.Client}, ErrClientFrozen)
		w.exec(t, "UPDATE partners SET state = 'suspended' WHERE id = ?", firm.Partner)
		w.exec(t, "UPDATE tenants SET state = 'suspended' WHERE id = ?", cust.Tenant)
		w.exec(t, "UPDATE oauth_clients SET state = 'frozen' WHERE id = ?", ops.ID)
		refused("partner", firm, ErrPartnerSuspended)
		refused("tenant", cust, ErrTenantSuspended)
		refused("client", Acting{Client: ops.ID}, ErrClientFrozen)
	})
}
