package consent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

func (w *world) enqueue(t *testing.T, kind models.SubjectKind, id string, minEpoch int64) {
	t.Helper()
	w.inTx(t, func(ctx context.Context, tx *db.Tx) error { return w.EnqueueFenceTx(ctx, tx, kind, id, minEpoch) })
}

func (w *world) readFence(t *testing.T, kind models.SubjectKind, id string) models.Fence {
	t.Helper()
	fence, err := w.rows(t.Context()).fenceOf(kind, id)
	if err != nil {
		t.Fatal(err)
	}
	return fence
}

func TestFencesOfEveryKindAreDelivered(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		kinds := []models.SubjectKind{models.SubjectOfPartner, models.SubjectOfClient, models.SubjectOfTenant}
		for i, kind := range kinds {
			w.enqueue(t, kind, "x", int64(i+2))
		}
		w.sweepOnce(t)
		for i, kind := range kinds {
			if got := w.core.fence(kind, "x"); got != int64(i+2) {
				t.Errorf("fence of %s is %d", kind, got)
			}
			if fence := w.readFence(t, kind, "x"); fence.AckedAt == nil {
				t.Errorf("fence %+v is not acknowledged", fence)
			}
		}
		w.sweepOnce(t)
		if calls := w.core.called(); calls != len(kinds) {
			t.Errorf("the core was asked %d times", calls)
		}
	})
}

func TestAFenceNeverGoesDown(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.enqueue(t, models.SubjectOfPartner, "x", 5)
		w.sweepOnce(t)
		for _, lower := range []int64{4, 5} {
			w.enqueue(t, models.SubjectOfPartner, "x", lower)
			if fence := w.readFence(t, models.SubjectOfPartner, "x"); fence.MinEpoch != 5 || fence.AckedAt == nil {
				t.Errorf("asking for %d left %+v", lower, fence)
			}
		}
		w.enqueue(t, models.SubjectOfPartner, "x", 6)
		if fence := w.readFence(t, models.SubjectOfPartner, "x"); fence.MinEpoch != 6 || fence.AckedAt != nil {
			t.Errorf("asking for 6 left %+v", fence)
		}
	})
}

// A fence that is raised while the core answers the old one stays open.
func TestAnAcknowledgementCountsForItsOwnEpoch(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.enqueue(t, models.SubjectOfTenant, "x", 2)
		w.core.set(func(ctx context.Context) error {
			return w.d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				return w.EnqueueFenceTx(ctx, tx, models.SubjectOfTenant, "x", 3)
			})
		})
		w.sweepOnce(t)
		if fence := w.readFence(t, models.SubjectOfTenant, "x"); fence.MinEpoch != 3 || fence.AckedAt != nil {
			t.Fatalf("fence %+v", fence)
		}
		w.core.set(nil)
		w.sweepOnce(t)
		if fence := w.readFence(t, models.SubjectOfTenant, "x"); fence.AckedAt == nil || w.core.fence(models.SubjectOfTenant, "x") != 3 {
			t.Fatalf("fence %+v", fence)
		}
	})
}

// The fence of a suspension that is acknowledged late does not complete the
// revocation that came in between.
func TestALateAcknowledgementDoesNotCompleteARevocation(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		if _, err := w.Suspend(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		w.core.set(func(ctx context.Context) error {
			_, err := w.startRevoking(ctx, grant.ID, scope{}, cause{actor: w.byCust}, 0)
			return err
		})
		w.sweepOnce(t)
		if got := w.readGrant(t, grant.ID); got.State != models.GrantRevoking || got.Epoch != 3 {
			t.Fatalf("grant %+v", got)
		}
		w.core.set(nil)
		w.sweepOnce(t)
		if got := w.readGrant(t, grant.ID); got.State != models.GrantRevoked || w.core.fence(models.SubjectOfGrant, string(grant.ID)) != 3 {
			t.Fatalf("grant %+v", got)
		}
	})
}

func TestAFailedFenceWaitsLongerEachTime(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.core.set(func(context.Context) error { return errors.New("down\x00\xff " + strings.Repeat("ä", 500)) })
		w.enqueue(t, models.SubjectOfTenant, "x", 2)
		for i, half := range []float64{0.5, 1, 2, 4, 8, 16, 30, 30} {
			if err := w.RunFencesOnce(t.Context()); err == nil {
				t.Fatal("a failed fence is not reported")
			}
			fence := w.readFence(t, models.SubjectOfTenant, "x")
			wait := time.Duration(half * float64(time.Second))
			if fence.Attempts != i+1 || !fence.NextAt.Equal(w.clock.Now().Add(wait)) || len([]rune(fence.LastError)) != 200 {
				t.Fatalf("attempt %d: %+v, want the next after %v", i+1, fence, wait)
			}
			w.clock.add(wait - time.Microsecond)
			w.sweepOnce(t) // not due yet
			w.clock.add(time.Microsecond)
		}
	})
}

func TestBackoffSpreadsWithinItsBounds(t *testing.T) {
	t.Parallel()
	for attempts := range 200 {
		for _, jitter := range []float64{0, 0.5, 0.999999} {
			s := New(Deps{Jitter: func() float64 { return jitter }})
			if got := s.backoff(attempts); got < firstRetry/2 || got > lastRetry {
				t.Fatalf("attempt %d waits %v", attempts, got)
			}
		}
	}
}

// One fence that hangs ends the pass, and the next pass begins with the others.
func TestOneHangingFenceDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.wait = 20 * time.Millisecond
		for _, id := range []string{"a", "b", "c"} {
			w.enqueue(t, models.SubjectOfTenant, id, 2)
		}
		first := true
		w.core.set(func(ctx context.Context) error {
			if first {
				first = false
				return hang(ctx)
			}
			return nil
		})
		if err := w.RunFencesOnce(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		if calls := w.core.called(); calls != 1 {
			t.Fatalf("the core was asked %d times in one pass", calls)
		}
		w.sweepOnce(t)
		for _, id := range []string{"b", "c"} {
			if fence := w.readFence(t, models.SubjectOfTenant, id); fence.AckedAt == nil {
				t.Errorf("fence %+v", fence)
			}
		}
	})
}

// The sweep writes down what has expired, once, and fences it for certainty.
func TestSweepExpiresByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		request := w.request(t)
		grant, err := w.Grant(t.Context(), w.byCust, request.ID, Terms{ExpiresAt: ptr(start.Add(time.Hour))})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.add(time.Hour - time.Microsecond)
		w.sweepOnce(t)
		if got := w.readGrant(t, grant.ID); got.State != models.GrantActive {
			t.Fatalf("a moment too early: %+v", got)
		}
		w.clock.add(time.Microsecond)
		w.sweepOnce(t)
		w.sweepOnce(t)
		if got := w.readGrant(t, grant.ID); got.State != models.GrantExpired || got.Epoch != 2 || !got.EndedAt.Equal(w.clock.Now()) {
			t.Fatalf("grant %+v", got)
		}
		if fence := w.core.fence(models.SubjectOfGrant, string(grant.ID)); fence != 2 {
			t.Errorf("the core's fence is %d", fence)
		}
		w.wantHistory(t, string(grant.ID), "→active", "active→expired")
	})
}

// RunFences works at once, again at each tick, and stops with its context.
func TestRunFencesFollowsItsTicks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.SQLite)
	passed, ticks, stopped := make(chan struct{}), make(chan time.Time), make(chan struct{})
	w.core.set(func(context.Context) error { passed <- struct{}{}; return nil })
	w.tick = func(every time.Duration) (<-chan time.Time, func()) {
		if every != time.Second {
			t.Errorf("sweeps every %v", every)
		}
		return ticks, func() { close(stopped) }
	}
	w.enqueue(t, models.SubjectOfTenant, "a", 2)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.RunFences(ctx)
	}()
	<-passed
	ticks <- start // only taken once the first pass is over
	w.enqueue(t, models.SubjectOfTenant, "b", 2)
	select {
	case ticks <- start:
		<-passed
	case <-passed: // the second pass saw it already
	}
	cancel()
	<-ended
	<-stopped
}

// A call of the core inside a transaction would hold locks while it waits.
func TestTheCoreIsNeverAskedInsideATransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.SQLite)
	grant := w.granted(t, 0)
	err := w.d.InTx(t.Context(), func(ctx context.Context, _ *db.Tx) error {
		return w.deliver(ctx, models.Fence{Kind: models.SubjectOfGrant, SubjectID: string(grant.ID), MinEpoch: 2})
	})
	if !errors.Is(err, db.ErrInTransaction) || w.core.called() != 0 {
		t.Fatalf("got %v after %d calls", err, w.core.called())
	}
	w.core.set(func(ctx context.Context) error { return db.RefuseInTx(ctx, "the core") })
	if got, err := w.Revoke(t.Context(), w.byCust, grant.ID, ""); err != nil || !got.Done {
		t.Fatalf("revocation %+v, %v", got, err)
	}
}
