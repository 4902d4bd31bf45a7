package forward

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/consent"
	"countersign/internal/db"
	"countersign/models"
)

// errNotClaimed says that there was nothing to do with a candidate after all:
// another worker was faster, or it is held back.
var errNotClaimed = errors.New("forward: not claimed")

// next picks a candidate without locks: whose turn it is, and every other time first one
// whose worker has died. Those do not always come first: work over which workers die
// again and again would keep everybody else waiting. What is due is due by the database's clock: a machine that is
// behind would find new work late, one that is ahead would find work that no claim gets,
// again and again.
func (f *Forwarder) next(ctx context.Context) (*models.Dispatch, error) {
	now, err := f.store.db.Now(ctx)
	if err != nil {
		return nil, err
	}
	lapsed := func() (*models.Dispatch, error) { return f.store.lapsed(ctx, now) }
	due := func() (*models.Dispatch, error) {
		busy, err := f.store.busy(ctx, now, f.settings.PartnerInFlight)
		if err != nil {
			return nil, err
		}
		return f.turns.next(f.store.due(ctx, now, busy))
	}
	first, second := lapsed, due
	if f.picks.Add(1)%2 == 0 {
		first, second = due, lapsed
	}
	if d, err := first(); err != nil || d != nil {
		return d, err
	}
	return second()
}

// claim leases a candidate: the gate first, then the state of its grant, then
// the lease, in one short transaction.
func (f *Forwarder) claim(ctx context.Context, d models.Dispatch) (*work, error) {
	w := &work{}
	err := f.store.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		*w = work{dispatch: d} // the transaction may run more than once
		return f.claimTx(ctx, tx, w)
	})
	if err != nil {
		return nil, err
	}
	if !w.leased {
		return nil, errNotClaimed
	}
	// The lease is taken: a stop of the process must not leave it to run out.
	if err := f.store.load(context.WithoutCancel(ctx), w); err != nil {
		return nil, fmt.Errorf("load rows of dispatch %d: %w", d.ID, err)
	}
	return w, nil
}

func (f *Forwarder) claimTx(ctx context.Context, tx *db.Tx, w *work) error {
	d := w.dispatch
	standing, err := f.gate.ClaimTx(ctx, tx, askFor(d), d.GrantID)
	if err != nil {
		return fmt.Errorf("look at grant %s: %w", d.GrantID, err)
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	if err := f.store.stillDueTx(ctx, tx, d, now); err != nil {
		return err
	}
	if d.State == models.DispatchLeased {
		d.Crashes++
		switch {
		case d.Crashes >= f.settings.MaxCrashes && d.LastOrdinal == d.FirstOrdinal:
			return f.store.stopTx(ctx, tx, &d, "its workers stopped answering too often")
		case d.Crashes >= f.settings.MaxCrashes-1 && d.LastOrdinal > d.FirstOrdinal:
			return f.store.halveTx(ctx, tx, d, f.settings.MaxCrashes-2, now)
		}
	}
	old := now.Sub(d.CreatedAt) > f.settings.GiveUp
	w.plan, w.reason = decide(standing, old)
	if standing.Verdict == consent.VerdictHeld && !old {
		return f.store.holdTx(ctx, tx, &w.dispatch, now.Add(f.settings.BackoffCap/2), standing.Reason)
	}
	w.permit, w.claimedAt, w.sentBefore, w.version = standing.Permit, now, d.EverSent, d.GrantVersion
	if w.plan == planSend {
		d.GrantEpoch, d.EverSent = standing.Permit.Epoch, true
		if w.counted() {
			d.GrantVersion = standing.Permit.Version
		}
	}
	d.LastError = ""
	if err := f.store.leaseTx(ctx, tx, &d, f.worker, now, now.Add(f.settings.Lease)); err != nil {
		return err
	}
	w.dispatch, w.leased = d, true
	return nil
}

// decide turns the grant's standing and the dispatch's age into a plan.
func decide(s consent.Standing, old bool) (plan, string) {
	switch {
	case s.Verdict == consent.VerdictEnded, s.Verdict == consent.VerdictHeld && old:
		return planEnd, s.Reason
	case old:
		return planGiveUp, ""
	}
	return planSend, ""
}

// askFor is what the work of a dispatch needs to go on.
func askFor(d models.Dispatch) consent.Ask {
	ask := consent.Ask{Partner: d.PartnerID, Client: d.ClientID, Tenant: d.TenantID}
	switch {
	case d.PartnerID == "":
		ask.Scope = consent.ScopeOwnDevices
	case d.Kind == models.UploadRemove:
		ask.Scope = consent.GrantScopeDevicesRemove
	case d.Kind == models.UploadReport:
		ask.Scope = consent.ScopeFactoryReport
	default:
		ask.Scope = consent.GrantScopeDevicesRegister
	}
	return ask
}

// heartbeat keeps the lease while the core works, and cancels the call when the
// lease is lost, so that a worker that woke too late stops by itself.
func (f *Forwarder) heartbeat(ctx context.Context, w *work, lost context.CancelFunc) {
	t := time.NewTicker(f.settings.Heartbeat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			held, err := f.store.extend(ctx, w.dispatch, f.settings.Lease)
			if err == nil && !held {
				lost()
				return
			}
		}
	}
}
