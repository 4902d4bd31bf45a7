package intake

import (
	"context"
	"errors"
	"time"

	"countersign/consent"
	"countersign/internal/db"
	"countersign/models"
)

// closeAttempts bounds how often the closing transaction runs when other uploads take
// devices of the same grant in between.
const closeAttempts = 5

// closing is everything the closing transaction needs. The transaction changes nothing
// in it, so that it can run again.
type closing struct {
	call         Call
	ask          Ask
	limits       consent.Limits // of the grant when the call began
	name, folded string
	upload       models.Upload // ID is set when the rows are staged
	rows         []checked     // of an upload that is not staged
	tally        tally
	noBatch      bool     // the upload makes and extends no batch
	batchID      *int64   // of such an upload: the batch its device came through, if any
	leases       []*lease // of the keys that make the call repeatable
	digest       []byte   // of the body; nil without a key
}

// hold adds the lease of a key; nil is none.
func (cl *closing) hold(l *lease) {
	if l != nil {
		cl.leases = append(cl.leases, l)
	}
}

// nameBatch takes the name inside the body when the call named no batch.
func (cl *closing) nameBatch(inBody string) (err error) {
	if cl.name == "" && !cl.noBatch {
		cl.name, cl.folded, err = batchName(inBody)
	}
	return err
}

// close makes the upload real and wakes the forwarder. ErrOutcomeUnknown is the only
// error after which the upload may exist.
func (s *Service) close(ctx context.Context, cl *closing) (Accepted, error) {
	accepted := Accepted{TrackingID: cl.upload.TrackingID, Location: statusLocation(cl.upload)}
	var done models.Upload
	var err error
	for range closeAttempts {
		err = s.store.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			done, err = s.closeTx(ctx, tx, cl, accepted)
			return err
		})
		if !errors.Is(err, ErrLimitRaced) {
			break
		}
	}
	switch {
	case errors.Is(err, ErrLimitRaced):
		return Accepted{}, ErrContended.WithRetryAfter(soon).WithCause(err)
	case errors.Is(err, db.ErrCommitUnknown):
		if !s.committed(ctx, cl) {
			return Accepted{}, ErrOutcomeUnknown.WithRetryAfter(soon).WithCause(err)
		}
	case err != nil:
		return Accepted{}, err
	}
	s.queue.Wake()
	if cl.upload.ID != 0 && done.CutOrdinal != nil {
		s.tidy(ctx, "delete hashes behind the cut", func(ctx context.Context) error {
			return s.store.dropHashesBehind(ctx, done)
		})
	}
	return accepted, nil
}

// committed looks whether a commit whose answer was lost has happened.
func (s *Service) committed(ctx context.Context, cl *closing) bool {
	found := false
	s.tidy(ctx, "look for an upload whose commit is unknown", func(ctx context.Context) error {
		up, err := s.store.upload(ctx, cl.call.scope(), cl.upload.TrackingID)
		found = up != nil
		return err
	})
	return found
}

// closeTx is the closing transaction. The order is part of the protocol: the gate comes
// first, the reservation, which other uploads of the grant wait for, comes last.
func (s *Service) closeTx(ctx context.Context, tx *db.Tx, cl *closing, accepted Accepted) (models.Upload, error) {
	up := cl.upload
	permit, err := s.consent.CheckTx(ctx, tx, cl.ask)
	if err != nil {
		return up, err
	}
	now := permit.Now // the database's, read with the gate
	if up.BatchID, err = s.batchTx(ctx, tx, cl, now); err != nil {
		return up, err
	}
	up.GrantID = permit.Grant
	taken, err := cl.settle(&up, permit.Left, now)
	if err != nil {
		return up, err
	}
	if err := s.store.closeTx(ctx, tx, &up, cl.rows); err != nil {
		return up, err
	}
	if taken > 0 {
		if err := s.queue.EnqueueTx(ctx, tx, cl.dispatches(up, permit, taken)); err != nil {
			return up, err
		}
	}
	for _, l := range cl.leases {
		if err := s.store.completeKeyTx(ctx, tx, l, cl.digest, accepted); err != nil {
			return up, err
		}
	}
	if taken == 0 || up.Kind != models.UploadRegister || permit.Grant == "" {
		return up, nil
	}
	return up, s.consent.ReserveTx(ctx, tx, permit, int64(taken))
}

// batchTx creates the batch or finds the one to append to.
func (s *Service) batchTx(ctx context.Context, tx *db.Tx, cl *closing, now time.Time) (*int64, error) {
	if cl.noBatch {
		return cl.batchID, nil
	}
	if !cl.call.Append {
		created, err := s.newBatchTx(ctx, tx, cl, now)
		if err != nil || created != 0 {
			return &created, err
		}
	}
	found, err := s.store.batch(tx.Gorm(), cl.call.scope(), cl.folded)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, ErrBatchNotFound
	case !cl.call.Append:
		return nil, batchExists(cl.call.Tenant, found.Name)
	}
	return &found.ID, nil
}

func (s *Service) newBatchTx(ctx context.Context, tx *db.Tx, cl *closing, now time.Time) (int64, error) {
	return s.store.createBatchTx(ctx, tx, models.Batch{
		PartnerID: cl.call.PartnerID, TenantID: cl.call.Tenant, Name: cl.name, FoldedName: cl.folded, CreatedAt: now,
	})
}

// settle decides how many rows the grant's limit takes and what state that leaves the
// upload in.
func (cl *closing) settle(up *models.Upload, left *int64, now time.Time) (taken int, err error) {
	if up.Kind != models.UploadRegister {
		left = nil
	}
	taken, up.CutOrdinal = cl.tally.cut(left)
	if up.CutOrdinal != nil && cl.call.Strict {
		return 0, ErrLimitExceeded.WithDetail("The upload needs %d devices and the customer's consent leaves %d. Nothing was stored, as the call asked. Ask the customer to widen the limit, or send fewer devices.", cl.tally.open, max(*left, 0))
	}
	if cl.tally.outside > 0 && cl.call.Strict {
		return 0, ErrLimitExceeded.WithDetail("%d rows are outside what the customer's consent is limited to. Nothing was stored, as the call asked. Ask the customer to widen the consent, or leave those rows out.", cl.tally.outside)
	}
	up.RowCount, up.OpenRows = cl.tally.rows, taken
	up.ErrorRows = cl.tally.failed + cl.tally.open - taken
	up.AcceptedAt = &now
	up.State = models.UploadQueued
	if taken == 0 {
		up.StartedAt, up.CompletedAt = &now, &now
		up.State = models.UploadFinished
		if up.ErrorRows > 0 {
			up.State = models.UploadFinishedWithErrors
		}
	}
	return taken, nil
}

// dispatches cuts the taken rows into units of forwarding.
func (cl *closing) dispatches(up models.Upload, permit Permit, taken int) []models.Dispatch {
	spans := cl.tally.spans(taken)
	out := make([]models.Dispatch, len(spans))
	for i, sp := range spans {
		out[i] = models.Dispatch{
			UploadID: up.ID, Kind: up.Kind, PartnerID: up.PartnerID, TenantID: up.TenantID, ClientID: up.ClientID,
			GrantID: up.GrantID, GrantEpoch: permit.Epoch, GrantVersion: permit.Version, FirstOrdinal: sp.first, LastOrdinal: sp.last,
			State: models.DispatchReady, RunAt: *up.AcceptedAt, CreatedAt: *up.AcceptedAt,
		}
	}
	return out
}
