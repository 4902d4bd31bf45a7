package consent

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// accept is what an upload does at its end: ask the gate, pause, take devices.
func (w *world) accept(ctx context.Context, paused func()) error {
	return w.d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		permit, err := w.CheckTx(ctx, tx, w.ask)
		if err != nil {
			return err
		}
		paused()
		return w.ReserveTx(ctx, tx, permit, 1)
	})
}

// waiting counts the sessions of this database that wait for a lock of the gate.
func (w *world) waiting(t *testing.T) (n int) {
	t.Helper()
	err := w.d.Read().WithContext(t.Context()).Raw(`SELECT count(*) FROM pg_locks
		WHERE locktype = 'advisory' AND NOT granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&n).Error
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// awaitWaiting returns once n sessions wait for the gate.
func (w *world) awaitWaiting(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); w.waiting(t) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions wait for the gate, want %d", w.waiting(t), n)
		}
	}
}

// pause is a place inside a transaction where it waits for the test. The test's
// end lets it go on whatever happens.
type pause struct {
	inside, goOn chan struct{}
	once         sync.Once
}

func newPause(t *testing.T) *pause {
	t.Helper()
	p := &pause{inside: make(chan struct{}), goOn: make(chan struct{})}
	t.Cleanup(p.release)
	return p
}

func (p *pause) here() { close(p.inside); <-p.goOn }

func (p *pause) release() { p.once.Do(func() { close(p.goOn) }) }

// An acceptance is paused between its check and its commit. The revoke must wait
// for it; who asks after the revoke queues behind it and sees the new state.
func TestRevokeWaitsForTheAcceptanceAndOvertakesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.Postgres)
	grant := w.granted(t, 0)
	stop := newPause(t)
	accepted, revoked, late := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	var answered atomic.Bool
	go func() { accepted <- w.accept(t.Context(), stop.here) }()
	<-stop.inside
	go func() {
		got, err := w.Revoke(t.Context(), w.byCust, grant.ID, "")
		answered.Store(true)
		if err == nil && !got.Done {
			err = errors.New("the core was not fenced")
		}
		revoked <- err
	}()
	w.awaitWaiting(t, 1)
	go func() { late <- w.accept(t.Context(), func() {}) }()
	w.awaitWaiting(t, 2)
	if got := w.readGrant(t, grant.ID); answered.Load() || got.State != models.GrantActive || w.core.called() != 0 {
		t.Fatalf("the revoke did not wait: %+v", got)
	}
	stop.release()
	if err := <-accepted; err != nil {
		t.Errorf("the acceptance that came first: %v", err)
	}
	if err := <-revoked; err != nil {
		t.Errorf("revoke: %v", err)
	}
	wantErr(t, <-late, ErrNoConsent)
	if got := w.readGrant(t, grant.ID); got.DevicesReserved != 1 {
		t.Errorf("%d devices were accepted, want only the first", got.DevicesReserved)
	}
}

// Suspending a partner takes the partner's gate exclusively; whoever is inside
// with a client of that partner is waited for, at each of the four levels.
func TestEachLevelOfTheGateHoldsOffItsChanger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.Postgres)
	w.granted(t, 0)
	found, err := w.rows(t.Context()).look(w.ask, start)
	if err != nil {
		t.Fatal(err)
	}
	for name, gate := range map[string]int64{
		"partner": found.partner.gate, "client": found.client.gate, "tenant": found.tenant.gate, "grant": found.grant.gate,
	} {
		stop := newPause(t)
		accepted, changed := make(chan error, 1), make(chan error, 1)
		go func() { accepted <- w.accept(t.Context(), stop.here) }()
		<-stop.inside
		go func() {
			changed <- w.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				return tx.Gate(ctx, exclusive(gate))
			})
		}()
		w.awaitWaiting(t, 1)
		stop.release()
		if err := errors.Join(<-accepted, <-changed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A grant of the same pair that replaces the first one between the two looks of
// CheckTx must not lend its right to the first one's locks.
func TestCheckUnderTheGateJudgesTheGrantItLocked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.Postgres)
	first := w.granted(t, 0)
	next := w.request(t)
	stop := newPause(t)
	accepted, revoked, late := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() { accepted <- w.accept(t.Context(), stop.here) }()
	<-stop.inside
	go func() {
		_, err := w.Revoke(t.Context(), w.byCust, first.ID, "")
		if err == nil {
			_, err = w.Grant(t.Context(), w.byCust, next.ID, Terms{})
		}
		revoked <- err
	}()
	w.awaitWaiting(t, 1)
	go func() { late <- w.accept(t.Context(), func() {}) }()
	w.awaitWaiting(t, 2)
	stop.release()
	if err := errors.Join(<-accepted, <-revoked); err != nil {
		t.Fatal(err)
	}
	wantErr(t, <-late, ErrNoConsent)
	if err := w.accept(t.Context(), func() {}); err != nil {
		t.Errorf("the new grant: %v", err)
	}
}

// A decision that arrives while an operator suspends the partner, or the tenant,
// waits and is then refused.
func TestGrantWaitsForASuspension(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.Postgres)
	request := w.request(t)
	found, tenant, err := w.rows(t.Context()).parties(w.ask.Tenant, []models.PartnerID{w.ask.Partner})
	if err != nil {
		t.Fatal(err)
	}
	p := found[0]
	for _, c := range []struct {
		table, id string
		gate      int64
		want      *errs.Error
	}{
		{"tenants", string(tenant.ID), tenant.Gate, ErrTenantSuspended},
		{"partners", string(p.ID), p.Gate, ErrPartnerSuspended},
	} {
		stop := newPause(t)
		suspended, decided := make(chan error, 1), make(chan error, 1)
		go func() {
			suspended <- w.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if err := tx.Gate(ctx, exclusive(c.gate)); err != nil {
					return err
				}
				stop.here()
				return tx.Gorm().Exec("UPDATE "+c.table+" SET state = 'suspended' WHERE id = ?", c.id).Error
			})
		}()
		<-stop.inside
		go func() {
			_, err := w.Grant(t.Context(), w.byCust, request.ID, Terms{})
			decided <- err
		}()
		w.awaitWaiting(t, 1)
		stop.release()
		if err := <-suspended; err != nil {
			t.Fatal(err)
		}
		wantErr(t, <-decided, c.want)
	}
}

// Many uploads race with a revoke, on both databases: what is accepted when the
// revoke has answered is all that ever will be.
func TestNothingIsAcceptedAfterARevokeHasAnswered(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		var accepted atomic.Int64
		var atAnswer int64
		begun := make(chan struct{}, 8)
		upload := func() error {
			for i := 0; ; i++ {
				if err := w.accept(t.Context(), func() {}); err != nil {
					return err
				}
				accepted.Add(1)
				if i == 2 {
					begun <- struct{}{}
				}
			}
		}
		revoke := func() error {
			for range cap(begun) {
				<-begun
			}
			if _, err := w.Revoke(t.Context(), w.byCust, grant.ID, ""); err != nil {
				return err
			}
			atAnswer = w.readGrant(t, grant.ID).DevicesReserved
			return nil
		}
		fns := []func() error{revoke}
		for range cap(begun) {
			fns = append(fns, upload)
		}
		failed := together(fns...)
		if failed[0] != nil {
			t.Fatal(failed[0])
		}
		for _, err := range failed[1:] {
			wantErr(t, err, ErrNoConsent)
		}
		if after := w.readGrant(t, grant.ID).DevicesReserved; after != atAnswer || after != accepted.Load() {
			t.Fatalf("%d devices at the answer, %d at the end, %d acknowledged", atAnswer, after, accepted.Load())
		}
	})
}

// Work that was accepted before a revoke and claims its grant while the revoke has
// not committed waits for it, and hears that the grant has ended.
func TestAClaimThatWaitsForARevokeSeesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.Postgres)
	grant := w.granted(t, 0)
	stop := newPause(t)
	changed, claimed := make(chan error, 1), make(chan Standing, 1)
	go func() {
		changed <- w.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			locked, now, err := lockGrant(ctx, tx, grant.ID, scope{})
			if err != nil {
				return err
			}
			stop.here()
			_, err = moveGrant(within(ctx, tx), locked, models.GrantRevoking, cause{actor: w.byCust, at: now}, 0)
			return err
		})
	}()
	<-stop.inside
	go func() {
		var got Standing
		err := w.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
			got, err = w.ClaimTx(ctx, tx, w.ask, grant.ID)
			return err
		})
		if err != nil {
			got.Reason = err.Error()
		}
		claimed <- got
	}()
	w.awaitWaiting(t, 1)
	stop.release()
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
	if got := <-claimed; got.Verdict != VerdictEnded || got.Reason != ReasonRevoked {
		t.Errorf("the claim heard %+v", got)
	}
}
