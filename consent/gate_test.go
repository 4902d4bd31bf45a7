package consent

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// refusedBoth asks Check and CheckTx and fails unless both refuse the same way.
func (w *world) refusedBoth(t *testing.T, ask Ask, want *errs.Error) {
	t.Helper()
	_, err := w.Check(t.Context(), ask)
	wantErr(t, err, want)
	_, err = w.checkTx(t.Context(), ask)
	wantErr(t, err, want)
}

func TestCheckPermitsUnderTheCurrentEpochs(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.exec(t, "UPDATE partners SET epoch = 7 WHERE id = ?", w.ask.Partner)
		w.exec(t, "UPDATE oauth_clients SET epoch = 8 WHERE id = ?", w.ask.Client)
		w.exec(t, "UPDATE tenants SET epoch = 9 WHERE id = ?", w.ask.Tenant)
		grant := w.granted(t, 10)
		early, err := w.Check(t.Context(), w.ask)
		if err != nil {
			t.Fatal(err)
		}
		sure, err := w.checkTx(t.Context(), w.ask)
		if err != nil {
			t.Fatal(err)
		}
		want := []models.SubjectEpoch{
			{Kind: models.SubjectOfPartner, ID: string(w.ask.Partner), Epoch: 7},
			{Kind: models.SubjectOfClient, ID: string(w.ask.Client), Epoch: 8},
			{Kind: models.SubjectOfTenant, ID: string(w.ask.Tenant), Epoch: 9},
			{Kind: models.SubjectOfGrant, ID: string(grant.ID), Epoch: 1},
		}
		for _, p := range []Permit{early, sure} {
			if p.Grant != grant.ID || p.Epoch != 1 || !p.Now.Equal(start) || !p.ExpiresAt.Equal(grant.ExpiresAt) || *p.Left != 10 {
				t.Errorf("permit %+v", p)
			}
			for i, e := range p.Epochs {
				if e != want[i] {
					t.Errorf("epoch %d is %+v, want %+v", i, e, want[i])
				}
			}
		}
	})
}

func TestNotAfterIsTheExpiryOrTheBound(t *testing.T) {
	t.Parallel()
	p := Permit{Now: start, ExpiresAt: start.Add(time.Hour)}
	if got := p.NotAfter(); !got.Equal(start.Add(30 * time.Second)) {
		t.Errorf("not after %v", got)
	}
	p.ExpiresAt = start.Add(time.Second)
	if got := p.NotAfter(); !got.Equal(p.ExpiresAt) {
		t.Errorf("not after %v", got)
	}
}

// What a partner hears about a tenant that never agreed is, to the letter, what
// it hears about one that does not exist.
func TestUnknownTenantLooksLikeOneWithoutConsent(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		silent, ended := w.addTenant(t, "Silent Ltd", "silent.example"), w.byCust
		suspended := w.addTenant(t, "Gone Ltd")
		w.exec(t, "UPDATE tenants SET state = 'suspended' WHERE id = ?", suspended.TenantID)
		grant := w.granted(t, 0)
		if _, err := w.Revoke(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		nobody := models.TenantID(uuid.NewString())
		for _, tenant := range []models.TenantID{nobody, silent.TenantID, ended.TenantID, suspended.TenantID, "garbage\x00"} {
			ask := w.ask
			ask.Tenant = tenant
			w.refusedBoth(t, ask, ErrNoConsent)
			_, early := w.Check(t.Context(), ask)
			_, late := w.checkTx(t.Context(), ask)
			_, listed := w.Customer(t.Context(), ask.Partner, tenant)
			for _, err := range []error{early, late, listed} {
				if err.Error() != ErrNoConsent.Error() {
					t.Errorf("tenant %q: %v", tenant, err)
				}
			}
		}
	})
}

func TestCheckRefusals(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		other := w.ask
		other.Scope = GrantScopeProfilesAssign
		w.refusedBoth(t, other, ErrScopeMissing)
		if _, err := w.Check(t.Context(), other); !mentions(err, "profiles.assign") {
			t.Errorf("the missing scope is not named: %v", err)
		}
		rival := w.addPartner(t, "Rival")
		w.refusedBoth(t, Ask{Partner: rival.PartnerID, Client: models.ClientID(rival.ID), Tenant: w.ask.Tenant, Scope: w.ask.Scope}, ErrNoConsent)
		w.refusedBoth(t, Ask{Partner: w.ask.Partner, Client: models.ClientID(rival.ID), Tenant: w.ask.Tenant, Scope: w.ask.Scope}, ErrNoConsent)
		for _, c := range []struct {
			table, off, on, id string
			want               *errs.Error
		}{
			{"partners", "suspended", "active", string(w.ask.Partner), ErrPartnerSuspended},
			{"oauth_clients", "frozen", "active", string(w.ask.Client), ErrClientFrozen},
			{"tenants", "suspended", "active", string(w.ask.Tenant), ErrTenantSuspended},
			{"grants", "suspended", "active", string(grant.ID), ErrSuspended},
		} {
			w.exec(t, "UPDATE "+c.table+" SET state = ? WHERE id = ?", c.off, c.id)
			w.refusedBoth(t, w.ask, c.want)
			w.exec(t, "UPDATE "+c.table+" SET state = ? WHERE id = ?", c.on, c.id)
		}
		if _, err := w.checkTx(t.Context(), w.ask); err != nil {
			t.Fatalf("everything is on again, yet: %v", err)
		}
		w.clock.add(defaultGrant - time.Microsecond)
		if _, err := w.checkTx(t.Context(), w.ask); err != nil {
			t.Fatalf("a moment before the expiry: %v", err)
		}
		w.clock.add(time.Microsecond)
		w.refusedBoth(t, w.ask, ErrNoConsent)
	})
}

func TestClaimTellsHowTheGrantStands(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		claim := func(ask Ask, id models.GrantID, verdict Verdict, reason string) Standing {
			t.Helper()
			var got Standing
			w.inTx(t, func(ctx context.Context, tx *db.Tx) (err error) {
				got, err = w.ClaimTx(ctx, tx, ask, id)
				return err
			})
			if got.Verdict != verdict || got.Reason != reason {
				t.Errorf("standing %+v, want %s %q", got, verdict, reason)
			}
			return got
		}
		claim(w.ask, grant.ID, VerdictActive, "")
		claim(w.ask, models.GrantID(uuid.NewString()), VerdictEnded, ReasonUnknown)
		other := w.ask
		other.Scope = GrantScopeProfilesAssign
		claim(other, grant.ID, VerdictEnded, ReasonScope)
		for _, c := range []struct{ table, off, id, reason string }{
			{"partners", "suspended", string(w.ask.Partner), ReasonPartnerSuspended},
			{"oauth_clients", "frozen", string(w.ask.Client), ReasonClientFrozen},
			{"tenants", "suspended", string(w.ask.Tenant), ReasonTenantSuspended},
		} {
			w.exec(t, "UPDATE "+c.table+" SET state = ? WHERE id = ?", c.off, c.id)
			claim(w.ask, grant.ID, VerdictHeld, c.reason)
			w.exec(t, "UPDATE "+c.table+" SET state = 'active' WHERE id = ?", c.id)
		}
		if _, err := w.Suspend(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		if got := claim(w.ask, grant.ID, VerdictHeld, ReasonSuspended); got.Permit.Epoch != 2 || len(got.Permit.Epochs) != 4 {
			t.Errorf("a held claim does not tell the epochs: %+v", got)
		}
		w.core.set(down)
		if _, err := w.Revoke(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		claim(w.ask, grant.ID, VerdictEnded, ReasonRevoked) // revoking
		newer := w.granted(t, 0)
		claim(w.ask, grant.ID, VerdictEnded, ReasonRevoked) // a new yes does not revive old work
		w.clock.add(defaultGrant)
		claim(w.ask, newer.ID, VerdictEnded, ReasonExpired) // before the sweep
		if err := w.RunFencesOnce(t.Context()); !errors.Is(err, errDown) {
			t.Fatal(err)
		}
		claim(w.ask, newer.ID, VerdictEnded, ReasonExpired) // after it
	})
}

func TestReserveAndSettleKeepTheBooks(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 10)
		try := func(fn func(ctx context.Context, tx *db.Tx) error) error { return w.d.InTx(t.Context(), fn) }
		reserve := func(n int64) error {
			return try(func(ctx context.Context, tx *db.Tx) error {
				return w.ReserveTx(ctx, tx, Permit{Grant: grant.ID, Now: start}, n)
			})
		}
		settle := func(used, released int64) error {
			return try(func(ctx context.Context, tx *db.Tx) error {
				return w.SettleTx(ctx, tx, Settlement{Permit: Permit{Grant: grant.ID}, Version: 1, Used: used, Released: released})
			})
		}
		books := func(reserved, used int64) {
			t.Helper()
			got := w.readGrant(t, grant.ID)
			if got.DevicesReserved != reserved || got.DevicesUsed != used {
				t.Fatalf("reserved %d used %d, want %d and %d", got.DevicesReserved, got.DevicesUsed, reserved, used)
			}
		}
		for _, n := range []int64{0, 6, 4} {
			if err := reserve(n); err != nil {
				t.Fatal(err)
			}
		}
		wantErr(t, reserve(1), ErrLimitRaced)
		books(10, 0)
		if err := settle(3, 2); err != nil {
			t.Fatal(err)
		}
		books(5, 3)
		if permit, err := w.checkTx(t.Context(), w.ask); err != nil || *permit.Left != 2 {
			t.Fatalf("left %v, %v", permit.Left, err)
		}
		wantErr(t, reserve(3), ErrLimitRaced)
		for name, err := range map[string]error{
			"negative reserve": reserve(-1), "negative used": settle(-1, 0), "negative released": settle(0, -1), "too much": settle(5, 1),
		} {
			if errs.KindOf(err) != errs.Internal {
				t.Errorf("%s: %v", name, err)
			}
		}
		books(5, 3)
		if _, err := w.Revoke(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		wantErr(t, reserve(1), ErrLimitRaced)
		if err := settle(0, 5); err != nil {
			t.Fatalf("the outcome of old work must be settled after a revoke: %v", err)
		}
		if err := settle(0, 0); err != nil {
			t.Fatal(err)
		}
		books(0, 3)
	})
}

func TestReservationsNeverExceedTheLimit(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 50)
		var fns []func() error
		for range 20 {
			fns = append(fns, func() error {
				return w.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
					permit, err := w.CheckTx(ctx, tx, w.ask)
					if err != nil {
						return err
					}
					return w.ReserveTx(ctx, tx, permit, 4)
				})
			})
		}
		var taken int64
		for _, err := range together(fns...) {
			switch {
			case err == nil:
				taken += 4
			case !errors.Is(err, ErrLimitRaced):
				t.Errorf("got %v", err)
			}
		}
		if got := w.readGrant(t, grant.ID).DevicesReserved; taken != 48 || got != 48 {
			t.Fatalf("%d devices were let through and %d are reserved; 12 uploads of 4 fit into 50", taken, got)
		}
	})
}
