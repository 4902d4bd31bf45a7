package partners_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/models"
	"countersign/partners"
)

func TestClientStanding_followsEverySwitchAtOnce(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		p, tenant := w.partner(t, "Contoso"), w.tenant(t)
		mine, _ := w.client(t, p.ID)
		theirs, _, err := w.CreateClient(t.Context(), partners.NewClient{
			Owner: models.OwnerTenant, TenantID: tenant.ID, Name: "x", Scopes: []string{"devices.read"}, Method: models.ClientSecretBasic,
		})
		must(t, err)
		expect := func(step string, wantMine, wantTheirs bool) {
			t.Helper()
			for id, want := range map[models.ClientID]bool{mine.ID: wantMine, theirs.ID: wantTheirs} {
				standing, err := w.ClientStanding(t.Context(), id)
				must(t, err)
				if got := standing.MayAct(w.clock.Now()); got != want {
					t.Errorf("%s: %s may act: %v, want %v", step, id, got, want)
				}
			}
		}
		expect("at first", true, true)
		_, err = w.SuspendPartner(t.Context(), p.ID)
		must(t, err)
		expect("partner suspended", false, true)
		_, err = w.SuspendTenant(t.Context(), tenant.ID)
		must(t, err)
		expect("tenant suspended too", false, false)
		_, err = w.ResumePartner(t.Context(), p.ID)
		must(t, err)
		expect("partner resumed", true, false)
		_, err = w.FreezeClient(t.Context(), mine.ID)
		must(t, err)
		_, err = w.ResumeTenant(t.Context(), tenant.ID)
		must(t, err)
		expect("client frozen, tenant resumed", false, true)
	})
}

// What another replica changed counts within a second, and authentication, which asks
// anew, sees it at once; budgets likewise.
func TestClientStanding_isAtMostASecondOld(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		other, err := partners.New(w.deps())
		must(t, err)
		p := w.partner(t, "Contoso")
		mine, _ := w.client(t, p.ID)
		may := func() bool {
			t.Helper()
			standing, err := w.ClientStanding(t.Context(), mine.ID)
			must(t, err)
			return standing.MayAct(w.clock.Now())
		}
		most := func() *int64 {
			t.Helper()
			budgets, err := w.BudgetsOf(t.Context(), p.ID)
			must(t, err)
			return budgets.RequestsPerMinute
		}
		if !may() || most() != nil {
			t.Fatal("the client may not act at first, or has budgets of its own")
		}
		seven := int64(7)
		_, err = other.SetBudgets(t.Context(), p.ID, partners.Budgets{RequestsPerMinute: &seven})
		must(t, err)
		_, err = other.FreezeClient(t.Context(), mine.ID)
		must(t, err)
		if now, _, err := w.ClientForAuth(t.Context(), mine.ID); err != nil || now.MayAct(w.clock.Now()) {
			t.Errorf("a frozen client gets a token: %v", err)
		}
		w.clock.add(time.Second)
		if may() {
			t.Error("a frozen client may act a second later")
		}
		if got := most(); got == nil || *got != seven {
			t.Errorf("the budget is %v a second later", got)
		}
	})
}

// The primary key decides, so it holds over replicas: two registries here.
func TestUseOnce_onceOverAllReplicas(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		other, err := partners.New(w.deps())
		must(t, err)
		replicas := []*partners.Registry{w.Registry, other}
		until := start.Add(time.Minute)
		var fresh atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				ok, err := replicas[i%2].UseOnce(t.Context(), "p-1", []byte("digest"), until)
				if err != nil {
					t.Error(err)
				}
				if ok {
					fresh.Add(1)
				}
			})
		}
		wg.Wait()
		if fresh.Load() != 1 {
			t.Errorf("one assertion was fresh %d times", fresh.Load())
		}
		if ok, err := w.UseOnce(t.Context(), "p-2", []byte("digest"), until); !ok || err != nil {
			t.Errorf("the same jti of another client: %v, %v", ok, err)
		}
	})
}

func TestSweepAssertions_forgetsOnlyWhatHasExpired(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for name, life := range map[string]time.Duration{"a": time.Minute, "b": time.Minute, "c": time.Hour} {
			_, err := w.UseOnce(t.Context(), "p-1", []byte(name), start.Add(life))
			must(t, err)
		}
		if n, err := w.SweepAssertions(t.Context()); n != 0 || err != nil {
			t.Errorf("forgot %d of none, %v", n, err)
		}
		w.clock.add(2 * time.Minute)
		if n, err := w.SweepAssertions(t.Context()); n != 2 || err != nil {
			t.Errorf("forgot %d, %v; want 2", n, err)
		}
		for n := range 2500 { // more than are deleted at a time
			_, err := w.UseOnce(t.Context(), "p-2", fmt.Append(nil, n), start)
			must(t, err)
		}
		if n, err := w.SweepAssertions(t.Context()); n != 2500 || err != nil {
			t.Errorf("forgot %d of 2,500, %v", n, err)
		}
		if fresh, err := w.UseOnce(t.Context(), "p-1", []byte("c"), start.Add(time.Hour)); fresh || err != nil {
			t.Errorf("a live one was forgotten: %v, %v", fresh, err)
		}
	})
}

// Row F11: a token that was revoked on one replica is known as such there at once and on
// another a second later, until it has expired.
func TestRevokeToken_isKnownEverywhere(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		other, err := partners.New(w.deps())
		must(t, err)
		mine, _ := w.client(t, w.partner(t, "Contoso").ID)
		digest := []byte("digest")
		revoked := func(r *partners.Registry) bool {
			t.Helper()
			standing, err := r.ClientStanding(t.Context(), mine.ID)
			must(t, err)
			return standing.Revoked(digest)
		}
		if revoked(w.Registry) || revoked(other) {
			t.Fatal("revoked from the beginning")
		}
		for range 2 { // the second time changes nothing
			must(t, other.RevokeToken(t.Context(), mine.ID, digest, w.clock.Now().Add(time.Minute)))
		}
		if !revoked(other) {
			t.Error("not known where it was revoked")
		}
		w.clock.add(time.Second)
		if !revoked(w.Registry) {
			t.Error("not known on the other replica a second later")
		}
		w.clock.add(time.Minute)
		if revoked(w.Registry) {
			t.Error("still there after the token has expired")
		}
		w.clock.add(time.Second)
		if n, err := w.SweepAssertions(t.Context()); n != 1 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
	})
}

func TestMarkUsed_writesOnceAMinute(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		p := w.partner(t, "Contoso")
		a, _ := w.client(t, p.ID)
		b, _ := w.client(t, p.ID)
		usedAt := func(id models.ClientID) time.Time {
			c, err := w.Client(t.Context(), id)
			must(t, err)
			if c.LastUsedAt == nil {
				return time.Time{}
			}
			return *c.LastUsedAt
		}
		must(t, w.MarkUsed(t.Context(), a.ID))
		w.clock.add(59 * time.Second)
		must(t, w.MarkUsed(t.Context(), a.ID))
		if got := usedAt(a.ID); !got.Equal(start) {
			t.Errorf("used at %v, want the first use to stand for its minute", got)
		}
		if !usedAt(b.ID).IsZero() {
			t.Error("another client was marked")
		}
		w.clock.add(time.Second)
		must(t, w.MarkUsed(t.Context(), a.ID))
		if got := usedAt(a.ID); !got.Equal(start.Add(time.Minute)) {
			t.Errorf("used at %v, want a new mark after a minute", got)
		}
		// A replica whose clock is behind never sets the time back.
		w.clock.add(-30 * time.Second)
		behind, err := partners.New(w.deps())
		must(t, err)
		must(t, behind.MarkUsed(t.Context(), a.ID))
		if got := usedAt(a.ID); !got.Equal(start.Add(time.Minute)) {
			t.Errorf("used at %v: set back", got)
		}
	})
}
