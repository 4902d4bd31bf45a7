package consent

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// A factory's report needs nothing from a tenant, and still only partner and client
// that stand are let through.
func TestFactoryAskNeedsNoGrantButAStandingPartner(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		ask := Ask{Partner: w.ask.Partner, Client: w.ask.Client, Scope: ScopeFactoryReport}
		w.exec(t, "UPDATE partners SET epoch = 7 WHERE id = ?", ask.Partner)
		w.exec(t, "UPDATE oauth_clients SET epoch = 8 WHERE id = ?", ask.Client)
		want := []models.SubjectEpoch{
			{Kind: models.SubjectOfPartner, ID: string(ask.Partner), Epoch: 7},
			{Kind: models.SubjectOfClient, ID: string(ask.Client), Epoch: 8},
		}
		early, err := w.Check(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		sure, err := w.checkTx(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		standing := w.claimFactory(t, ask)
		if standing.Verdict != VerdictActive {
			t.Errorf("standing %+v", standing)
		}
		for _, p := range []Permit{early, sure, standing.Permit} {
			if p.Grant != "" || p.Left != nil || len(p.Epochs) != 2 || p.Epochs[0] != want[0] || p.Epochs[1] != want[1] {
				t.Errorf("permit %+v", p)
			}
			if got := p.NotAfter(); !got.Equal(start.Add(NotAfterBound)) {
				t.Errorf("not after %v", got)
			}
		}
		for _, c := range []struct {
			table, off, on, id, reason string
			want                       *errs.Error
		}{
			{"partners", "suspended", "active", string(ask.Partner), ReasonPartnerSuspended, ErrPartnerSuspended},
			{"oauth_clients", "frozen", "active", string(ask.Client), ReasonClientFrozen, ErrClientFrozen},
		} {
			w.exec(t, "UPDATE "+c.table+" SET state = ? WHERE id = ?", c.off, c.id)
			w.refusedBoth(t, ask, c.want)
			if got := w.claimFactory(t, ask); got.Verdict != VerdictHeld || got.Reason != c.reason {
				t.Errorf("standing %+v", got)
			}
			w.exec(t, "UPDATE "+c.table+" SET state = ? WHERE id = ?", c.on, c.id)
		}
		w.clock.add(100 * 365 * 24 * time.Hour)
		if _, err := w.checkTx(t.Context(), ask); err != nil {
			t.Errorf("a factory's ask ended by the clock: %v", err)
		}
	})
}

// The scope of factory reports opens no tenant's door, and no other scope opens the
// factory's.
func TestFactoryScopeIsNoGrantScope(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.granted(t, 0)
		inTenant := w.ask
		inTenant.Scope = ScopeFactoryReport
		w.refusedBoth(t, inTenant, ErrScopeMissing)
		ofNobody := w.ask
		ofNobody.Tenant = ""
		w.refusedBoth(t, ofNobody, ErrNoConsent)
		rival := w.addPartner(t, "Rival")
		w.refusedBoth(t, Ask{Partner: rival.PartnerID, Client: w.ask.Client, Scope: ScopeFactoryReport}, ErrNoConsent)
	})
}

func (w *world) claimFactory(t *testing.T, ask Ask) (standing Standing) {
	t.Helper()
	w.inTx(t, func(ctx context.Context, tx *db.Tx) (err error) {
		standing, err = w.ClaimTx(ctx, tx, ask, "")
		return err
	})
	return standing
}

// A tenant needs nobody's consent for its own devices, only a client of its own; and
// both can be stopped.
func TestOwnerAskNeedsNoGrantButAStandingTenant(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		tenant := w.byCust.TenantID
		client := models.ClientID("t-" + uuid.NewString())
		w.create(t, &models.OAuthClient{
			ID: client, OwnerKind: models.OwnerTenant, TenantID: &tenant, Name: "MDM",
			AuthMethod: models.ClientSecretBasic, Profile: models.ProfileLegacy, State: models.ClientActive, Epoch: 8, CreatedAt: start,
		})
		ask := Ask{Client: client, Tenant: tenant, Scope: ScopeOwnDevices}
		w.exec(t, "UPDATE tenants SET epoch = 9 WHERE id = ?", tenant)
		want := []models.SubjectEpoch{
			{Kind: models.SubjectOfClient, ID: string(client), Epoch: 8},
			{Kind: models.SubjectOfTenant, ID: string(tenant), Epoch: 9},
		}
		early, err := w.Check(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		sure, err := w.checkTx(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []Permit{early, sure, w.claimFactory(t, ask).Permit} {
			if p.Grant != "" || p.Left != nil || !slices.Equal(p.Epochs, want) || !p.NotAfter().Equal(start.Add(NotAfterBound)) {
				t.Errorf("permit %+v", p)
			}
		}
		for _, c := range []struct {
			table, off, on, id string
			want               *errs.Error
		}{
			{"tenants", "suspended", "active", string(tenant), ErrTenantSuspended},
			{"oauth_clients", "frozen", "active", string(client), ErrClientFrozen},
		} {
			w.exec(t, "UPDATE "+c.table+" SET state = ? WHERE id = ?", c.off, c.id)
			w.refusedBoth(t, ask, c.want)
			if got := w.claimFactory(t, ask); got.Verdict != VerdictHeld {
				t.Errorf("standing %+v", got)
			}
			w.exec(t, "UPDATE "+c.table+" SET state = ? WHERE id = ?", c.on, c.id)
		}
		other := w.addTenant(t, "Other Ltd")
		for name, ask := range map[string]Ask{
			"another tenant":     {Client: client, Tenant: other.TenantID, Scope: ScopeOwnDevices},
			"a partner's client": {Client: w.ask.Client, Tenant: tenant, Scope: ScopeOwnDevices},
			"a grant's scope":    {Client: client, Tenant: tenant, Scope: GrantScopeDevicesRegister},
			"a partner":          {Partner: w.ask.Partner, Client: w.ask.Client, Tenant: tenant, Scope: ScopeOwnDevices},
		} {
			if _, err := w.checkTx(t.Context(), ask); !errors.Is(err, ErrNoConsent) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
