package consent

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/linear"
	"countersign/models"
)

// acceptances are uploads that take nothing of a limit, such as removals, so that
// only the gate stands between them and a revoke.
type acceptances struct {
	*world
	h     linear.History
	steps atomic.Int64
}

// accept asks the gate, pauses, and leaves a batch behind, as one operation.
func (a *acceptances) accept(ctx context.Context, grant models.GrantID, name string, paused func()) {
	call := a.steps.Add(1)
	err := a.d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := a.CheckTx(ctx, tx, a.ask); err != nil {
			return err
		}
		paused()
		return tx.Gorm().WithContext(ctx).Exec(`INSERT INTO batches (partner_id, tenant_id, name, folded_name, created_at)
			VALUES (?, ?, ?, ?, now())`, a.ask.Partner, a.ask.Tenant, name, name).Error
	})
	kind := linear.Accept
	if err != nil {
		kind = linear.Refuse
	}
	a.h.Add(linear.Op{Kind: kind, Grant: string(grant), Call: call, Return: a.steps.Add(1), Note: name})
}

// list counts what was accepted.
func (a *acceptances) list(t *testing.T, grant models.GrantID) {
	t.Helper()
	op := linear.Op{Kind: linear.List, Grant: string(grant), Call: a.steps.Add(1)}
	if err := a.d.Read().WithContext(t.Context()).Raw("SELECT count(*) FROM batches").Scan(&op.N).Error; err != nil {
		t.Fatal(err)
	}
	op.Return = a.steps.Add(1)
	a.h.Add(op)
}

// waits returns once n sessions wait for the gate, or what waits is over or inside.
func (a *acceptances) waits(t *testing.T, n int, elsewhere ...<-chan struct{}) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); a.waiting(t) < n; {
		for _, c := range elsewhere {
			select {
			case <-c:
				return
			default:
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("fewer than %d sessions wait for the gate", n)
		}
	}
}

// awaitEnding returns once a reader saw that the revoke had begun.
func (a *acceptances) awaitEnding(t *testing.T, grant models.GrantID) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		call := a.steps.Add(1)
		if got := a.readGrant(t, grant); got.State != models.GrantActive {
			a.h.Add(linear.Op{Kind: linear.Look, Grant: string(grant), State: string(got.State), Call: call, Return: a.steps.Add(1)})
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the revoke does not begin")
		}
	}
}

// One acceptance is paused between its check and its commit, a revoke comes, and
// behind it another acceptance. Whatever they answer, what readers counted must fit
// an order in which nothing is accepted after the revoke. (G2)
func TestNoAcceptanceCommitsAfterARevoke(t *testing.T) {
	t.Parallel()
	a := &acceptances{world: newWorld(t, db.Postgres)}
	call := a.steps.Add(1)
	grant := a.granted(t, 0).ID
	a.h.Add(linear.Op{Kind: linear.Grant, Grant: string(grant), Call: call, Return: a.steps.Add(1)})

	early, late := newPause(t), newPause(t)
	accepted, revoked, tooLate := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() { defer close(accepted); a.accept(t.Context(), grant, "early", early.here) }()
	<-early.inside
	go func() {
		defer close(revoked)
		call := a.steps.Add(1)
		answer, err := a.Revoke(t.Context(), a.byCust, grant, "")
		if err != nil || !answer.Done {
			t.Errorf("revoke: %+v, %v", answer, err)
			return
		}
		a.h.Revoked(string(grant), 1, call, a.steps.Add(1), true, "")
	}()
	a.waits(t, 1, revoked)
	a.list(t, grant)
	go func() { defer close(tooLate); a.accept(t.Context(), grant, "late", late.here) }()
	a.waits(t, 2, late.inside, tooLate)
	early.release()
	<-accepted
	a.awaitEnding(t, grant)
	a.list(t, grant)
	late.release()
	<-tooLate
	<-revoked
	a.list(t, grant)
	if _, err := a.h.Check(10*time.Second, ""); err != nil {
		t.Error(err)
	}
}
