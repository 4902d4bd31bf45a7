package consent

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// Fences tells what the fake core keeps, at most a page at once.
func (c *core) Fences(ctx context.Context, subjects []models.SubjectEpoch) ([]models.SubjectEpoch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(subjects) > sweepSize {
		return nil, fmt.Errorf("%d subjects at once", len(subjects))
	}
	if c.answer != nil {
		if err := c.answer(ctx); err != nil {
			return nil, err
		}
	}
	var found []models.SubjectEpoch
	for _, s := range subjects {
		if epoch, ok := c.fences[string(s.Kind)+" "+s.ID]; ok {
			found = append(found, models.SubjectEpoch{Kind: s.Kind, ID: s.ID, Epoch: epoch})
		}
	}
	return found, nil
}

// forget makes the core what it was when it had these fences alone.
func (c *core) forget(keep map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fences, c.calls = keep, 0
}

func TestARestoredCoreGetsItsFencesAgain(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.reader = w.core
		const many = sweepSize + 20 // more than a page
		for i := range many {
			w.create(t, &models.Fence{
				Kind: models.SubjectOfGrant, SubjectID: fmt.Sprintf("g%04d", i), MinEpoch: 5, AckedAt: &start, NextAt: start, CreatedAt: start,
			})
		}
		w.enqueue(t, models.SubjectOfTenant, "x", 3)
		w.enqueue(t, models.SubjectOfPartner, "x", 2)
		w.sweepOnce(t)
		w.enqueue(t, models.SubjectOfClient, "not acknowledged", 9)

		w.core.forget(map[string]int64{"grant g0001": 4, "grant g0002": 5, "grant g0003": 6, "tenant x": 3})
		if err := w.RestoreFences(t.Context()); err != nil {
			t.Fatal(err)
		}
		for subject, want := range map[string]int64{
			"g0000": 5, "g0001": 5, "g0002": 5, "g0003": 6, fmt.Sprintf("g%04d", many-1): 5,
		} {
			if got := w.core.fence(models.SubjectOfGrant, subject); got != want {
				t.Errorf("the fence of grant %s is %d, want %d", subject, got, want)
			}
		}
		if got := w.core.fence(models.SubjectOfPartner, "x"); got != 2 {
			t.Errorf("the fence of the partner is %d", got)
		}
		// All grants but the two that stand, and the partner; what was never acknowledged
		// is delivered by the sweep.
		if calls := w.core.called(); calls != many-2+1 {
			t.Errorf("the core was asked for %d fences", calls)
		}
		before := w.core.called()
		if err := w.RestoreFences(t.Context()); err != nil || w.core.called() != before {
			t.Errorf("the second time: %v, %d calls more", err, w.core.called()-before)
		}
	})
}

// A core that does not answer is a failure, so that nobody sends it work.
func TestRestoringFencesFailsWithTheCore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.SQLite)
	w.enqueue(t, models.SubjectOfPartner, "x", 2)
	w.sweepOnce(t)
	w.core.set(down)
	if err := w.RestoreFences(t.Context()); err != nil {
		t.Errorf("nobody to compare with: %v", err)
	}
	w.reader = w.core
	if err := w.RestoreFences(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("got %v", err)
	}
	err := w.d.InTx(t.Context(), func(ctx context.Context, _ *db.Tx) error { return w.RestoreFences(ctx) })
	if !errors.Is(err, db.ErrInTransaction) {
		t.Errorf("inside a transaction: %v", err)
	}
}

// The comparison is made at the start, again after it failed, and then every minute.
func TestRunFencesComparesFromTimeToTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.SQLite)
	w.enqueue(t, models.SubjectOfPartner, "x", 2)
	w.sweepOnce(t)
	looks := make(chan error, 100)
	looked := 0
	w.reader = readerFunc(func() error { looked++; return <-looks })
	ticks := make(chan time.Time)
	w.tick = func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.RunFences(ctx)
	}()
	looks <- errDown
	ticks <- start // taken when the first sweep is over; the second begins
	looks <- nil
	for range compareEvery {
		ticks <- start // the last of these begins the sweep that compares again
	}
	looks <- nil
	ticks <- start
	cancel()
	<-ended
	if looked != 3 {
		t.Errorf("compared %d times, want 3", looked)
	}
}

// readerFunc counts comparisons of a core that keeps everything.
type readerFunc func() error

func (f readerFunc) Fences(_ context.Context, subjects []models.SubjectEpoch) ([]models.SubjectEpoch, error) {
	return subjects, f()
}

// G5: a database that is older than the core's, as after a restored backup, brings no
// ended grant back: the comparison finds the core's fence ahead and ends it here too.
func TestARestoredGatewayEndsWhatTheCoreHasFenced(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.reader = w.core
		lost := w.granted(t, 0)
		other := w.newRequest()
		tenant := w.addTenant(t, "Other")
		other.Tenant = string(tenant.TenantID)
		asked, err := w.Request(t.Context(), w.byFirm, other)
		if err != nil {
			t.Fatal(err)
		}
		sound, err := w.Grant(t.Context(), tenant, asked.ID, Terms{})
		if err != nil {
			t.Fatal(err)
		}
		w.core.forget(map[string]int64{"grant " + string(lost.ID): 2, "grant " + string(sound.ID): 1})
		if err := w.RestoreFences(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.refusedBoth(t, w.ask, ErrNoConsent)
		w.sweepOnce(t)
		got := w.readGrant(t, lost.ID)
		if got.State != models.GrantRevoked || got.Epoch != 3 || *got.EndedBy != models.ActorSystem {
			t.Errorf("the grant that ended in what was lost: %+v", got)
		}
		if got := w.readGrant(t, sound.ID); got.State != models.GrantActive || got.Epoch != 1 {
			t.Errorf("a sound grant: %+v", got)
		}
	})
}
