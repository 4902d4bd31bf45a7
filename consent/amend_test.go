package consent

import (
	"context"
	"slices"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// amended changes the world's grant as its tenant's client.
func (w *world) amended(t *testing.T, id models.GrantID, a Amendment) models.Grant {
	t.Helper()
	grant, err := w.Amend(t.Context(), w.byCust, id, a)
	if err != nil {
		t.Fatalf("amend: %v", err)
	}
	return grant
}

func (w *world) versions(t *testing.T, id models.GrantID) (changes []models.GrantChange) {
	t.Helper()
	versions, err := w.Versions(t.Context(), w.byCust, id)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range versions {
		if v.Version != int64(i+1) {
			t.Errorf("version %d stands at place %d", v.Version, i+1)
		}
		changes = append(changes, v.Change)
	}
	return changes
}

func TestNarrowingHoldsAtOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 500)
		sooner := start.Add(24 * time.Hour)
		got := w.amended(t, grant.ID, Amendment{
			Scopes: []string{GrantScopeDevicesRegister}, Limits: Limits{Devices: ptr(int64(100)), GroupTags: []string{"Sales"}},
			ExpiresAt: &sooner, Reason: "less will do",
		})
		stored := w.readGrant(t, grant.ID)
		for _, g := range []models.Grant{got, stored} {
			if g.State != models.GrantActive || g.Epoch != 2 || g.Version != 2 || g.Scopes != GrantScopeDevicesRegister || *g.DeviceLimit != 100 ||
				!slices.Equal(g.GroupTags, []string{"Sales"}) || !g.ExpiresAt.Equal(sooner) || g.RecountVersion != 2 {
				t.Errorf("grant %+v", g)
			}
		}
		if fence := w.readFence(t, models.SubjectOfGrant, string(grant.ID)); fence.MinEpoch != 2 {
			t.Errorf("fence %+v", fence)
		}
		permit, err := w.checkTx(t.Context(), w.ask)
		if err != nil || permit.Version != 2 || *permit.Left != 100 || !slices.Equal(permit.Limits.GroupTags, []string{"Sales"}) {
			t.Errorf("permit %+v, %v", permit, err)
		}
		if got := w.versions(t, grant.ID); !slices.Equal(got, []models.GrantChange{models.GrantGiven, models.GrantNarrowed}) {
			t.Errorf("versions %v", got)
		}
		w.wantHistory(t, string(grant.ID), "→active", "active→active")
	})
}

// E4, E5: what becomes wider is decided by a person of the tenant who signed in just
// now; nobody else does it, by whatever way.
func TestOnlyAFreshPersonWidens(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 500)
		ada := w.person(t, w.byCust.TenantID, models.PersonApprover)
		stale := ada
		old := *ada.Person
		old.AuthTime = start.Add(-time.Hour)
		stale.Person = &old
		weak := ada // R8: just now, with fewer factors than the tenant wants
		single := *ada.Person
		single.Stale = true
		weak.Person = &single
		later := grant.ExpiresAt.Add(24 * time.Hour)
		for name, a := range map[string]Amendment{
			"more devices":            {Limits: Limits{Devices: ptr(int64(501))}},
			"no limit":                {Limits: Limits{Devices: ptr(int64(0))}},
			"another scope":           {Scopes: []string{GrantScopeDevicesRegister, GrantScopeDevicesRemove, GrantScopeProfilesAssign}},
			"later":                   {ExpiresAt: &later},
			"less of one, more other": {Scopes: []string{GrantScopeDevicesRegister}, ExpiresAt: &later},
		} {
			_, err := w.Amend(t.Context(), w.byCust, grant.ID, a)
			wantErr(t, err, ErrNeedsPerson)
			for _, actor := range []Actor{stale, weak} {
				_, err = w.Amend(t.Context(), actor, grant.ID, a)
				wantErr(t, err, ErrSignInAgain)
			}
			for _, actor := range []Actor{w.byFirm, w.byOps} {
				if _, err := w.Amend(t.Context(), actor, grant.ID, a); err == nil {
					t.Errorf("%s: %s widened", name, actor.Kind)
				}
			}
		}
		if _, err := w.Renew(t.Context(), w.byCust, grant.ID, &later, Reading{}); err == nil {
			t.Error("a client renewed")
		}
		if got := w.readGrant(t, grant.ID); got.Version != 1 || got.Epoch != 1 {
			t.Fatalf("a refusal left %+v", got)
		}
		wide, err := w.Amend(t.Context(), ada, grant.ID, Amendment{Limits: Limits{Devices: ptr(int64(501))}})
		if err != nil || wide.Version != 2 || wide.Epoch != 1 || *wide.DeviceLimit != 501 || wide.RecountVersion != 1 {
			t.Errorf("widened %+v, %v", wide, err)
		}
		renewed, err := w.Renew(t.Context(), ada, grant.ID, &later, Reading{})
		if err != nil || renewed.Version != 3 || renewed.Epoch != 1 || !renewed.ExpiresAt.Equal(later) {
			t.Errorf("renewed %+v, %v", renewed, err)
		}
		_, err = w.Renew(t.Context(), ada, grant.ID, ptr(start.Add(longestGrant+time.Second)), Reading{})
		wantFault(t, err, "expiresAt")
		_, err = w.Renew(t.Context(), ada, grant.ID, ptr(later.Add(-time.Hour)), Reading{})
		wantErr(t, err, ErrInvalid)
		want := []models.GrantChange{models.GrantGiven, models.GrantWidened, models.GrantRenewed}
		if got := w.versions(t, grant.ID); !slices.Equal(got, want) {
			t.Errorf("versions %v", got)
		}
		versions, err := w.Versions(t.Context(), w.byCust, grant.ID)
		if err != nil || versions[1].EvidenceID == nil || versions[2].EvidenceID == nil {
			t.Errorf("versions %+v, %v: each names the record of its decision", versions, err)
		}
		hidden, err := w.Versions(t.Context(), w.byFirm, grant.ID)
		if err != nil || hidden[1].ActorID != "" || hidden[1].EvidenceID != nil {
			t.Errorf("the partner sees who decided: %+v, %v", hidden, err)
		}
	})
}

func TestAPartnerAsksForOtherTerms(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 500)
		asked, err := w.Request(t.Context(), w.byFirm, NewRequest{
			Amends: grant.ID, Purpose: "The order has grown.", Limits: Limits{Devices: ptr(int64(800))},
		})
		if err != nil || *asked.Amends != grant.ID || asked.Scopes != grant.Scopes || *asked.DeviceLimit != 800 || !asked.GrantUntil.Equal(grant.ExpiresAt) {
			t.Fatalf("asked %+v, %v", asked, err)
		}
		if got := w.readGrant(t, grant.ID); *got.DeviceLimit != 500 {
			t.Fatal("asking widened the grant")
		}
		_, err = w.Grant(t.Context(), w.byCust, asked.ID, Terms{})
		wantErr(t, err, ErrNeedsPerson) // as for Amend; a client may say yes to what is no wider
		ada := w.person(t, w.byCust.TenantID, models.PersonApprover)
		got, err := w.Grant(t.Context(), ada, asked.ID, Terms{Limits: Limits{Devices: ptr(int64(700))}})
		if err != nil || got.ID != grant.ID || got.Version != 2 || *got.DeviceLimit != 700 || got.Epoch != 1 {
			t.Fatalf("granted %+v, %v", got, err)
		}
		stored, err := w.rows(t.Context()).request(asked.ID, scope{})
		if err != nil || stored.State != models.RequestGranted || *stored.GrantID != grant.ID {
			t.Errorf("request %+v, %v", stored, err)
		}
		rival := w.addPartner(t, "Rival")
		_, err = w.Request(t.Context(), rival, NewRequest{Amends: grant.ID, Purpose: "Let me in."})
		wantErr(t, err, ErrNotFound)

		again, err := w.Request(t.Context(), w.byFirm, NewRequest{Amends: grant.ID, Purpose: "More.", Limits: Limits{Devices: ptr(int64(0))}})
		if err != nil || again.DeviceLimit != nil {
			t.Fatalf("asked to lift the limit: %+v, %v", again, err)
		}
		if _, err := w.Revoke(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		_, err = w.Grant(t.Context(), w.byCust, again.ID, Terms{})
		wantErr(t, err, ErrWrongState) // a grant never leaves revoked
	})
}

func TestAmendmentsThatAreRefused(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 500)
		_, err := w.Amend(t.Context(), w.byCust, grant.ID, Amendment{})
		wantErr(t, err, ErrInvalid)
		_, err = w.Amend(t.Context(), w.addTenant(t, "Stranger"), grant.ID, Amendment{Scopes: []string{GrantScopeDevicesRegister}})
		wantErr(t, err, ErrNotFound)
		_, err = w.Amend(t.Context(), w.byCust, grant.ID, Amendment{ExpiresAt: &start})
		wantFault(t, err, "expiresAt")
		w.clock.add(defaultGrant)
		_, err = w.Amend(t.Context(), w.byCust, grant.ID, Amendment{Scopes: []string{GrantScopeDevicesRegister}})
		wantErr(t, err, ErrWrongState)
	})
}

// A lowered limit counts what is reserved anew, each device once, whatever was settled
// in between.
func TestALoweredLimitCountsReservedDevicesAnew(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 100)
		old, err := w.checkTx(t.Context(), w.ask)
		if err != nil {
			t.Fatal(err)
		}
		in := func(fn func(ctx context.Context, tx *db.Tx) error) error { return w.d.InTx(t.Context(), fn) }
		reserve := func(p Permit, n int64) {
			t.Helper()
			if err := in(func(ctx context.Context, tx *db.Tx) error { return w.ReserveTx(ctx, tx, p, n) }); err != nil {
				t.Fatal(err)
			}
		}
		settle := func(version, used, released int64) {
			t.Helper()
			err := in(func(ctx context.Context, tx *db.Tx) error {
				return w.SettleTx(ctx, tx, Settlement{Permit: old, Version: version, Used: used, Released: released})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		recount := func(p Permit, n int64) (ok bool) {
			t.Helper()
			err := in(func(ctx context.Context, tx *db.Tx) (err error) {
				ok, err = w.RecountTx(ctx, tx, p, n)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		reserve(old, 60)
		w.amended(t, grant.ID, Amendment{Limits: Limits{Devices: ptr(int64(40))}})
		settle(1, 10, 0) // was on its way to the core and got through
		permit, err := w.checkTx(t.Context(), w.ask)
		if err != nil || *permit.Left != 0 || permit.Recount != 2 {
			t.Fatalf("permit %+v, %v", permit, err)
		}
		if room, err := w.Room(t.Context(), permit, 50); err != nil || room != 30 {
			t.Fatalf("room %d, %v; 10 of 40 are used", room, err)
		}
		if recount(permit, 31) || !recount(permit, 20) {
			t.Fatal("31 do not fit and 20 do")
		}
		settle(1, 0, 20) // refused, uncounted
		settle(2, 20, 0) // counted before
		if room, err := w.Room(t.Context(), permit, 50); err != nil || room != 10 {
			t.Errorf("room %d, %v; 30 of 40 are used", room, err)
		}
		if recount(old, 1) {
			t.Error("counted against a limit of before")
		}
		got := w.readGrant(t, grant.ID)
		if got.DevicesUsed != 30 || got.DevicesReserved != 10 || got.DevicesRecount != 10 || got.LastUsedAt == nil {
			t.Errorf("grant %+v", got)
		}
	})
}

// I7: a tenant's person may give a grant that nobody asked for; nobody else can.
func TestAGrantWithoutARequest(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		gift := Gift{Partner: w.ask.Partner, Scopes: []string{GrantScopeDevicesRegister}, Limits: Limits{Devices: ptr(int64(5))}}
		for _, actor := range []Actor{w.byFirm, w.byOps} {
			_, err := w.Give(t.Context(), actor, gift)
			wantErr(t, err, ErrNotYours)
		}
		_, err := w.Give(t.Context(), w.byCust, gift)
		wantErr(t, err, ErrNeedsPerson)
		ada := w.person(t, w.byCust.TenantID, models.PersonApprover)
		w.exec(t, "UPDATE partners SET state = 'suspended' WHERE id = ?", w.ask.Partner) // E2
		_, err = w.Give(t.Context(), ada, gift)
		wantErr(t, err, ErrPartnerSuspended)
		w.exec(t, "UPDATE partners SET state = 'active' WHERE id = ?", w.ask.Partner)
		grant, err := w.Give(t.Context(), ada, gift)
		if err != nil || grant.RequestID != nil || grant.State != models.GrantActive || *grant.DeviceLimit != 5 || !grant.ExpiresAt.Equal(start.Add(defaultGrant)) {
			t.Fatalf("grant %+v, %v", grant, err)
		}
		if _, err := w.checkTx(t.Context(), w.ask); err != nil {
			t.Error(err)
		}
		_, err = w.Give(t.Context(), ada, gift)
		wantErr(t, err, ErrExists)
		gift.Partner = "nobody"
		_, err = w.Give(t.Context(), ada, gift)
		wantFault(t, err, "partner")
	})
}
