package consent

import (
	"sync"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
)

func TestGrantTakesTheRequestOrNarrowsIt(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		ask := w.newRequest()
		ask.Limits.Devices = ptr(int64(500))
		whole, err := w.Request(t.Context(), w.byFirm, ask)
		if err != nil {
			t.Fatal(err)
		}
		grant, err := w.Grant(t.Context(), w.byCust, whole.ID, Terms{})
		if err != nil {
			t.Fatal(err)
		}
		if grant.State != models.GrantActive || grant.Epoch != 1 || *grant.RequestID != whole.ID || *grant.DeviceLimit != 500 ||
			grant.Scopes != "devices.register devices.remove" || !grant.ExpiresAt.Equal(start.Add(defaultGrant)) {
			t.Errorf("grant %+v", grant)
		}
		other := w.addTenant(t, "Other")
		ask.Tenant = string(other.TenantID)
		narrow, err := w.Request(t.Context(), w.byFirm, ask)
		if err != nil {
			t.Fatal(err)
		}
		until := start.Add(time.Hour)
		grant, err = w.Grant(t.Context(), other, narrow.ID,
			Terms{Scopes: []string{GrantScopeDevicesRegister}, Limits: Limits{Devices: ptr(int64(10))}, ExpiresAt: &until})
		if err != nil {
			t.Fatal(err)
		}
		if *grant.DeviceLimit != 10 || grant.Scopes != GrantScopeDevicesRegister || !grant.ExpiresAt.Equal(until) {
			t.Errorf("narrowed grant %+v", grant)
		}
		stored, err := w.rows(t.Context()).request(narrow.ID, scope{})
		if err != nil || stored.State != models.RequestGranted || *stored.GrantID != grant.ID {
			t.Errorf("request %+v, %v", stored, err)
		}
	})
}

func TestTermsNeverWiden(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	ask := w.newRequest()
	ask.Limits.Devices = ptr(int64(5))
	request, err := w.Request(t.Context(), w.byFirm, ask)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		terms Terms
		field string
	}{
		"other scope":  {Terms{Scopes: []string{GrantScopeDevicesRegister, GrantScopeDevicesRead}}, "scopes"},
		"no scope":     {Terms{Scopes: []string{}}, "scopes"},
		"more devices": {Terms{Limits: Limits{Devices: ptr(int64(6))}}, "deviceLimit"},
		"no devices":   {Terms{Limits: Limits{Devices: ptr(int64(0))}}, "deviceLimit"},
		"longer":       {Terms{ExpiresAt: ptr(start.Add(defaultGrant + time.Second))}, "expiresAt"},
		"over at once": {Terms{ExpiresAt: ptr(start)}, "expiresAt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := w.Grant(t.Context(), w.byCust, request.ID, c.terms)
			wantFault(t, err, c.field)
		})
	}
}

func TestOnlyTheTenantGrants(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		request, stranger := w.request(t), w.addTenant(t, "Stranger")
		for _, actor := range []Actor{w.byFirm, w.byOps, system} {
			_, err := w.Grant(t.Context(), actor, request.ID, Terms{})
			wantErr(t, err, ErrNotYours)
		}
		_, err := w.Grant(t.Context(), stranger, request.ID, Terms{})
		wantErr(t, err, ErrNotFound)
		_, err = w.Grant(t.Context(), Actor{Kind: models.ActorCustomer, ID: "t-nobody"}, request.ID, Terms{})
		wantErr(t, err, ErrNotYours)
	})
}

func TestOneLiveGrantPerPair(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		first, second := w.granted(t, 0), w.request(t)
		_, err := w.Grant(t.Context(), w.byCust, second.ID, Terms{})
		wantErr(t, err, ErrExists)
		stored, err := w.rows(t.Context()).request(second.ID, scope{})
		if err != nil || stored.State != models.RequestPending {
			t.Fatalf("the refused decision left %+v, %v", stored, err)
		}
		if _, err := w.Suspend(t.Context(), w.byCust, first.ID, ""); err != nil {
			t.Fatal(err)
		}
		_, err = w.Grant(t.Context(), w.byCust, second.ID, Terms{})
		wantErr(t, err, ErrExists)
		if _, err := w.Revoke(t.Context(), w.byCust, first.ID, ""); err != nil {
			t.Fatal(err)
		}
		again, err := w.Grant(t.Context(), w.byCust, second.ID, Terms{})
		if err != nil || again.ID == first.ID || again.Epoch != 1 {
			t.Fatalf("a new yes is a new grant: %+v, %v", again, err)
		}
	})
}

// A grant past its time does not stand in the way, also before the sweep.
func TestOverdueGrantGivesWay(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		request := w.request(t)
		first, err := w.Grant(t.Context(), w.byCust, request.ID, Terms{ExpiresAt: ptr(start.Add(time.Hour))})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.add(time.Hour)
		_, err = w.Resume(t.Context(), w.byCust, first.ID, "")
		wantErr(t, err, ErrWrongState)
		_, err = w.Suspend(t.Context(), w.byCust, first.ID, "")
		wantErr(t, err, ErrWrongState)
		second := w.granted(t, 0)
		if got := w.readGrant(t, first.ID); got.State != models.GrantExpired || got.Epoch != 2 || *got.EndedBy != models.ActorSystem {
			t.Fatalf("first grant %+v", got)
		}
		if second.State != models.GrantActive {
			t.Fatalf("second grant %+v", second)
		}
		_, err = w.Revoke(t.Context(), w.byCust, first.ID, "")
		wantErr(t, err, ErrWrongState)
	})
}

func TestNobodyJoinsASuspendedPartner(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		request := w.request(t)
		w.exec(t, "UPDATE partners SET state = 'suspended' WHERE id = ?", w.ask.Partner)
		_, err := w.Grant(t.Context(), w.byCust, request.ID, Terms{})
		wantErr(t, err, ErrPartnerSuspended)
		w.exec(t, "UPDATE partners SET state = 'active' WHERE id = ?", w.ask.Partner)
		w.exec(t, "UPDATE tenants SET state = 'suspended' WHERE id = ?", w.ask.Tenant)
		_, err = w.Grant(t.Context(), w.byCust, request.ID, Terms{})
		wantErr(t, err, ErrTenantSuspended)
	})
}

func TestSuspendAndResumeRaiseTheEpochAndFence(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		for _, actor := range []Actor{w.byFirm, w.byOps, system} {
			_, err := w.Suspend(t.Context(), actor, grant.ID, "")
			wantErr(t, err, ErrNotYours)
		}
		_, err := w.Suspend(t.Context(), w.addTenant(t, "Stranger"), grant.ID, "")
		wantErr(t, err, ErrNotFound)
		last := grant.Epoch
		for i, step := range []func() (models.Grant, error){
			func() (models.Grant, error) { return w.Suspend(t.Context(), w.byCust, grant.ID, "holiday") },
			func() (models.Grant, error) { return w.Resume(t.Context(), w.byCust, grant.ID, "") },
			func() (models.Grant, error) { return w.Suspend(t.Context(), w.byCust, grant.ID, "") },
		} {
			got, err := step()
			if err != nil || got.Epoch != last+1 || got.EndedAt != nil {
				t.Fatalf("step %d: %+v, %v", i, got, err)
			}
			last = got.Epoch
			w.sweepOnce(t)
			if fence := w.core.fence(models.SubjectOfGrant, string(grant.ID)); fence != last {
				t.Fatalf("step %d: the core's fence is %d, want %d", i, fence, last)
			}
		}
		_, err = w.Suspend(t.Context(), w.byCust, grant.ID, "")
		wantErr(t, err, ErrWrongState)
	})
}

// Two deciders at once: one decides, the other learns that it was too late.
func TestTwoDeciders(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		for range 5 {
			request := w.request(t)
			grant := func() error { _, err := w.Grant(t.Context(), w.byCust, request.ID, Terms{}); return err }
			decline := func() error { _, err := w.Decline(t.Context(), w.byCust, request.ID, ""); return err }
			withdraw := func() error { _, err := w.Withdraw(t.Context(), w.byFirm, request.ID, ""); return err }
			var won int
			for _, err := range together(grant, decline, withdraw, grant, decline) {
				if err == nil {
					won++
				} else if errs.KindOf(err) != errs.Conflict {
					t.Errorf("a loser got %v", err)
				}
			}
			events, err := w.rows(t.Context()).events(string(request.ID))
			if err != nil || won != 1 || len(events) != 2 {
				t.Fatalf("%d deciders won, history %+v, %v", won, events, err)
			}
			if live, err := w.rows(t.Context()).liveGrant(w.ask.Partner, w.ask.Tenant); err == nil {
				if _, err := w.Revoke(t.Context(), w.byCust, live.ID, ""); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// together runs all functions at once and returns their errors in order.
func together(fns ...func() error) []error {
	failed := make([]error, len(fns))
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i, fn := range fns {
		wg.Go(func() {
			<-begin
			failed[i] = fn()
		})
	}
	close(begin)
	wg.Wait()
	return failed
}
