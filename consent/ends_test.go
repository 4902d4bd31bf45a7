package consent

import (
	"context"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// lastOf is a LastReader.
type lastOf func(models.Grant) (models.LastDevice, error)

func (f lastOf) LastUnder(_ context.Context, g models.Grant) (models.LastDevice, error) { return f(g) }

// The answer to a revoke names the last device let through, read after the core
// acknowledged the fence and for good.
func TestRevokeNamesTheLastDevice(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		want := models.LastDevice{
			TrackingID: ptr(models.TrackingID("upload-1")), Row: ptr(7), DeviceID: ptr(models.DeviceID("device-9")), RegisteredAt: ptr(start.Add(-time.Minute)),
		}
		w.last = lastOf(func(g models.Grant) (models.LastDevice, error) {
			if w.core.fence(models.SubjectOfGrant, string(g.ID)) != 2 {
				t.Error("read before the core acknowledged")
			}
			return want, nil
		})
		got, err := w.Revoke(t.Context(), w.byCust, grant.ID, "")
		if err != nil || !got.Done || got.Last.Row == nil || *got.Last.Row != 7 || *got.Last.TrackingID != "upload-1" ||
			*got.Last.DeviceID != "device-9" || !got.Last.RegisteredAt.Equal(*want.RegisteredAt) {
			t.Fatalf("revocation %+v, %v", got, err)
		}
		w.last = nil
		again, err := w.Revoke(t.Context(), w.byCust, grant.ID, "")
		if err != nil || again.Last.Row == nil || *again.Last.Row != 7 {
			t.Errorf("asked again: %+v, %v", again, err)
		}
	})
}

func TestALastDeviceThatCannotBeReadLeavesTheRevocationOpen(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		w.last = lastOf(func(models.Grant) (models.LastDevice, error) { return models.LastDevice{}, errDown })
		if got, err := w.Revoke(t.Context(), w.byCust, grant.ID, ""); err != nil || got.Done || got.Grant.State != models.GrantRevoking {
			t.Fatalf("revocation %+v, %v", got, err)
		}
		w.last = lastOf(func(models.Grant) (models.LastDevice, error) { return models.LastDevice{}, nil })
		w.clock.add(time.Hour)
		w.sweepOnce(t)
		if got, err := w.Revoke(t.Context(), w.byCust, grant.ID, ""); err != nil || !got.Done || got.Last.Row != nil {
			t.Errorf("revocation %+v, %v", got, err)
		}
	})
}

func TestTheConsequencesAreShownFirst(t *testing.T) {
	eachChain(t, 10, func(t *testing.T, c *chain) {
		c.inTx(t, func(ctx context.Context, tx *db.Tx) error {
			permit, err := c.CheckTx(ctx, tx, c.asks())
			if err != nil {
				return err
			}
			return c.ReserveTx(ctx, tx, permit, 5)
		})
		c.inTx(t, func(ctx context.Context, tx *db.Tx) error {
			permit := Permit{Grant: c.child.ID, Root: c.parent.ID}
			return c.SettleTx(ctx, tx, Settlement{Permit: permit, Version: 1, Used: 2})
		})
		for _, actor := range []Actor{c.byCust, c.reseller, c.byOps} {
			got, err := c.PreviewEnd(t.Context(), actor, c.parent.ID)
			if err != nil || got.Waiting != 3 || got.Stay != 2 || len(got.Derived) != 1 || got.Derived[0].PartnerName != "Distributor" {
				t.Errorf("%s: %+v, %v", actor.Kind, got, err)
			}
		}
		if got, err := c.PreviewEnd(t.Context(), c.provider, c.child.ID); err != nil || got.Waiting != 3 || len(got.Derived) != 0 {
			t.Errorf("of the derived grant: %+v, %v", got, err)
		}
		for _, actor := range []Actor{c.provider, c.addTenant(t, "Stranger")} {
			_, err := c.PreviewEnd(t.Context(), actor, c.parent.ID)
			wantErr(t, err, ErrNotFound)
		}
		if got := c.readGrant(t, c.parent.ID); got.State != models.GrantActive {
			t.Error("looking ended it")
		}
	})
}

// E9: everything now, in one call and one transaction, and of one partner.
func TestEverythingEndsAtOnce(t *testing.T) {
	eachChain(t, 0, func(t *testing.T, c *chain) {
		rival := c.addPartner(t, "Rival")
		request, err := c.Request(t.Context(), rival, c.newRequest())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Grant(t.Context(), c.byCust, request.ID, Terms{}); err != nil {
			t.Fatal(err)
		}
		other := c.addTenant(t, "Other")
		ask := c.newRequest()
		ask.Tenant = string(other.TenantID)
		abroad, err := c.Request(t.Context(), rival, ask)
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := c.Grant(t.Context(), other, abroad.ID, Terms{})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 2, 4} {
			_, err := c.RevokeAll(t.Context(), c.byCust, "", n, "")
			wantErr(t, err, ErrCount)
		}
		for _, actor := range []Actor{c.reseller, c.byOps} {
			_, err := c.RevokeAll(t.Context(), actor, "", 3, "")
			wantErr(t, err, ErrNotYours)
		}
		got, err := c.RevokeAll(t.Context(), c.byCust, c.reseller.PartnerID, 2, "enough")
		if err != nil || len(got) != 2 || !got[0].Done || !got[1].Done {
			t.Fatalf("of one partner: %+v, %v", got, err)
		}
		c.refusedBoth(t, c.asks(), ErrNoConsent)
		if _, err := c.checkTx(t.Context(), c.askOf(rival)); err != nil {
			t.Errorf("another partner: %v", err)
		}
		c.core.set(down)
		got, err = c.RevokeAll(t.Context(), c.byCust, "", 1, "")
		if err != nil || len(got) != 1 || got[0].Done || got[0].NothingAfter.IsZero() {
			t.Fatalf("the rest: %+v, %v", got, err)
		}
		c.refusedBoth(t, c.askOf(rival), ErrNoConsent)
		if g := c.readGrant(t, foreign.ID); g.State != models.GrantActive {
			t.Errorf("another tenant's grant is %s", g.State)
		}
	})
}

func TestAPartnerGivesItsGrantBack(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		got, err := w.Revoke(t.Context(), w.byFirm, grant.ID, "order done")
		if err != nil || !got.Done || *got.Grant.EndedBy != models.ActorPartner || got.Grant.State != models.GrantRevoked {
			t.Fatalf("given back %+v, %v", got, err)
		}
		w.refusedBoth(t, w.ask, ErrNoConsent)
		w.wantHistory(t, string(grant.ID), "→active", "active→revoking", "revoking→revoked")
	})
}
