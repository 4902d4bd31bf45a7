package consent

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"countersign/models"
)

func TestRevokeIsDoneWhenTheCoreHasAcknowledged(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		w.core.set(func(context.Context) error { w.clock.add(time.Second); return nil })
		got, err := w.Revoke(t.Context(), w.byCust, grant.ID, "contract ended")
		if err != nil {
			t.Fatal(err)
		}
		if !got.Done || got.Grant.State != models.GrantRevoked || got.Grant.Epoch != 2 {
			t.Fatalf("revocation %+v", got)
		}
		if !got.Grant.EndedAt.Equal(start) || *got.Grant.EndedBy != models.ActorCustomer || *got.Grant.EndReason != "contract ended" {
			t.Errorf("the end is recorded as %v %v %v", got.Grant.EndedAt, *got.Grant.EndedBy, *got.Grant.EndReason)
		}
		if !got.Moment.Equal(start.Add(time.Second)) || !got.NothingAfter.Equal(start.Add(35*time.Second)) {
			t.Errorf("moment %v, nothing after %v", got.Moment, got.NothingAfter)
		}
		if fence := w.core.fence(models.SubjectOfGrant, string(grant.ID)); fence != 2 {
			t.Errorf("the core's fence is %d", fence)
		}
		w.clock.add(time.Hour)
		again, err := w.Revoke(t.Context(), w.byOps, grant.ID, "twice")
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("a repeated revoke answers %+v, %v\nwant %+v", again, err, got)
		}
		if calls := w.core.called(); calls != 1 {
			t.Errorf("the core was asked %d times", calls)
		}
	})
}

// The core is down, then hangs, then answers. Nothing is accepted from the first
// moment on, and the answer gets better as soon as it is true.
func TestRevokeWithACoreThatFailsThenHangsThenAnswers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.wait = 20 * time.Millisecond
		grant := w.granted(t, 0)
		revoke := func(done bool) Revocation {
			t.Helper()
			got, err := w.Revoke(t.Context(), w.byCust, grant.ID, "")
			if err != nil || got.Done != done || !got.NothingAfter.Equal(start.Add(35*time.Second)) {
				t.Fatalf("revocation %+v, %v", got, err)
			}
			return got
		}
		w.core.set(down)
		first := revoke(false)
		if first.Grant.State != models.GrantRevoking || !first.Moment.IsZero() {
			t.Errorf("revocation %+v", first)
		}
		w.refusedBoth(t, w.ask, ErrNoConsent)
		w.clock.add(time.Minute)
		w.core.set(hang)
		if second := revoke(false); !reflect.DeepEqual(second, first) {
			t.Errorf("repeated revoke answers %+v\nwant %+v", second, first)
		}
		if err := w.RunFencesOnce(t.Context()); err != nil {
			t.Errorf("the fence was postponed a moment ago, yet: %v", err)
		}
		w.clock.add(time.Minute)
		if err := w.RunFencesOnce(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("sweep over a core that hangs: %v", err)
		}
		fence, err := w.rows(t.Context()).fenceOf(models.SubjectOfGrant, string(grant.ID))
		if err != nil || fence.Attempts != 3 || fence.LastError == "" || fence.AckedAt != nil {
			t.Errorf("fence %+v, %v", fence, err)
		}
		w.core.set(nil)
		w.clock.add(time.Minute)
		w.sweepOnce(t)
		last := revoke(true)
		if !last.Moment.Equal(w.clock.Now()) || !last.Grant.EndedAt.Equal(start) {
			t.Errorf("moment %v, ended %v", last.Moment, last.Grant.EndedAt)
		}
		w.wantHistory(t, string(grant.ID), "→active", "active→revoking", "revoking→revoked")
	})
}

func TestWhoMayRevoke(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		_, err := w.Revoke(t.Context(), w.addPartner(t, "Rival"), grant.ID, "")
		wantErr(t, err, ErrNotFound)
		_, err = w.Revoke(t.Context(), w.addTenant(t, "Stranger"), grant.ID, "")
		wantErr(t, err, ErrNotFound)
		_, err = w.Revoke(t.Context(), w.byCust, models.GrantID(uuid.NewString()), "")
		wantErr(t, err, ErrNotFound)
		_, err = w.Revoke(t.Context(), w.byCust, grant.ID, "\x00")
		wantFault(t, err, "reason")
		if got := w.readGrant(t, grant.ID); got.State != models.GrantActive {
			t.Fatalf("a refused revoke left %+v", got)
		}
		if _, err := w.Suspend(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		got, err := w.Revoke(t.Context(), w.byOps, grant.ID, "abuse")
		if err != nil || !got.Done || *got.Grant.EndedBy != models.ActorOperator || got.Grant.Epoch != 3 {
			t.Fatalf("an operator ends a suspended grant: %+v, %v", got, err)
		}
	})
}

// Whatever the replicas do at once, the grant ends once.
func TestManyRevokesAtOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		replica := New(Deps{DB: w.d, Sink: w.core})
		grant := w.granted(t, 0)
		var fns []func() error
		for i := range 12 {
			s := []*Service{w.Service, replica}[i%2]
			fns = append(fns, func() error {
				if i%3 == 2 {
					return s.RunFencesOnce(t.Context())
				}
				_, err := s.Revoke(t.Context(), w.byCust, grant.ID, "")
				return err
			})
		}
		for i, err := range together(fns...) {
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
		got, err := w.Revoke(t.Context(), w.byCust, grant.ID, "")
		if err != nil || !got.Done || got.Grant.Epoch != 2 {
			t.Fatalf("revocation %+v, %v", got, err)
		}
		w.wantHistory(t, string(grant.ID), "→active", "active→revoking", "revoking→revoked")
	})
}

func TestForceRevokedFollowsACoreThatIsAhead(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		force := func(minEpoch int64) models.Grant {
			t.Helper()
			if err := w.ForceRevoked(t.Context(), grant.ID, minEpoch, "the core's fence is ahead"); err != nil {
				t.Fatal(err)
			}
			return w.readGrant(t, grant.ID)
		}
		if got := force(1); got.State != models.GrantActive {
			t.Fatalf("a fence that is not ahead ended the grant: %+v", got)
		}
		got := force(5)
		if got.State != models.GrantRevoking || got.Epoch != 6 || *got.EndedBy != models.ActorSystem {
			t.Fatalf("grant %+v", got)
		}
		w.refusedBoth(t, w.ask, ErrNoConsent)
		w.sweepOnce(t)
		if got := force(9); got.State != models.GrantRevoked || got.Epoch != 6 {
			t.Fatalf("grant %+v", got)
		}
		if fence := w.core.fence(models.SubjectOfGrant, string(grant.ID)); fence != 6 {
			t.Errorf("the core's fence is %d", fence)
		}
		wantErr(t, w.ForceRevoked(t.Context(), models.GrantID(uuid.NewString()), 5, ""), ErrNotFound)
	})
}
