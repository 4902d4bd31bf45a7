package partners_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/models"
	"countersign/partners"
)

// subject is one of the three things that can be stopped.
type subject struct {
	kind         models.SubjectKind
	table, id    string
	gate         int64
	stop, resume func(context.Context) (epoch int64, err error)
}

// subjects makes one of each in a fresh database.
func subjects(t *testing.T, w *world) []subject {
	t.Helper()
	p, tenant := w.partner(t, "Contoso"), w.tenant(t)
	c, _ := w.client(t, p.ID)
	return []subject{
		{
			models.SubjectOfPartner, "partners", string(p.ID), p.Gate,
			func(ctx context.Context) (int64, error) { p, err := w.SuspendPartner(ctx, p.ID); return p.Epoch, err },
			func(ctx context.Context) (int64, error) { p, err := w.ResumePartner(ctx, p.ID); return p.Epoch, err },
		},
		{
			models.SubjectOfTenant, "tenants", string(tenant.ID), tenant.Gate,
			func(ctx context.Context) (int64, error) {
				t, err := w.SuspendTenant(ctx, tenant.ID)
				return t.Epoch, err
			},
			func(ctx context.Context) (int64, error) {
				t, err := w.ResumeTenant(ctx, tenant.ID)
				return t.Epoch, err
			},
		},
		{
			models.SubjectOfClient, "oauth_clients", string(c.ID), c.Gate,
			func(ctx context.Context) (int64, error) { c, err := w.FreezeClient(ctx, c.ID); return c.Epoch, err },
			func(ctx context.Context) (int64, error) { c, err := w.UnfreezeClient(ctx, c.ID); return c.Epoch, err },
		},
	}
}

func (w *world) fenceOf(t *testing.T, s subject) int64 {
	t.Helper()
	return w.count(t, "SELECT coalesce(max(min_epoch), 0) FROM fences WHERE kind = ? AND subject_id = ?", string(s.kind), s.id)
}

func TestStop_raisesTheEpochAndFencesIt(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for _, s := range subjects(t, w) {
			_, err := s.resume(t.Context())
			wantErr(t, err, partners.ErrWrongState)
			epoch, err := s.stop(t.Context())
			must(t, err)
			if epoch != 2 || w.fenceOf(t, s) != 2 {
				t.Errorf("%s: epoch %d, fence %d; want 2 and 2", s.kind, epoch, w.fenceOf(t, s))
			}
			_, err = s.stop(t.Context())
			wantErr(t, err, partners.ErrWrongState)
			epoch, err = s.resume(t.Context())
			must(t, err)
			if epoch != 2 || w.fenceOf(t, s) != 2 {
				t.Errorf("%s: after resuming epoch %d, fence %d; want 2 and 2", s.kind, epoch, w.fenceOf(t, s))
			}
			epoch, err = s.stop(t.Context())
			must(t, err)
			if epoch != 3 || w.fenceOf(t, s) != 3 {
				t.Errorf("%s: second stop: epoch %d, fence %d; want 3 and 3", s.kind, epoch, w.fenceOf(t, s))
			}
		}
		if n := w.count(t, "SELECT count(*) FROM fences"); n != 3 {
			t.Errorf("%d fences, want one for each subject", n)
		}
	})
}

func TestStop_withoutItsFenceDoesNotHappen(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.fences.fail = errors.New("queue is broken")
		for _, s := range subjects(t, w) {
			if _, err := s.stop(t.Context()); !errors.Is(err, w.fences.fail) {
				t.Errorf("%s: got %v", s.kind, err)
			}
			if n := w.count(t, "SELECT count(*) FROM "+s.table+" WHERE id = ? AND state = 'active' AND epoch = 1", s.id); n != 1 {
				t.Errorf("%s: the stop was committed without its fence", s.kind)
			}
		}
	})
}

func TestStop_atOnceHappensOnce(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for _, s := range subjects(t, w) {
			wins := race(t, 5, partners.ErrWrongState, func() error {
				_, err := s.stop(t.Context())
				return err
			})
			if wins != 1 || w.fenceOf(t, s) != 2 {
				t.Errorf("%s: %d stops, fence %d; want 1 and 2", s.kind, wins, w.fenceOf(t, s))
			}
		}
	})
}

// Whoever relies on the subject holds its gate shared: the stop waits for it and
// does not return before. On SQLite a write transaction excludes every other one
// by itself, so this is about PostgreSQL.
func TestStop_waitsForWhoeverWasLetThrough(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.Postgres)
	for _, s := range subjects(t, w) {
		stopped := make(chan error, 1)
		err := w.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if err := tx.Gate(ctx, db.Lock{Class: models.GateClass, ID: s.gate}); err != nil {
				return err
			}
			go func() {
				_, err := s.stop(context.Background())
				stopped <- err
			}()
			return w.awaitWaiting(tx, stopped)
		})
		must(t, err)
		must(t, <-stopped)
	}
}

// awaitWaiting returns once somebody waits for an advisory lock of this database,
// with an error if the stop ended instead.
func (w *world) awaitWaiting(tx *db.Tx, stopped chan error) error {
	for {
		select {
		case err := <-stopped:
			stopped <- err
			return errors.New("the stop did not wait for the gate")
		case <-time.After(time.Millisecond):
		}
		var waiting int64
		err := tx.Gorm().Raw(`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waiting).Error
		if err != nil || waiting > 0 {
			return err
		}
	}
}
