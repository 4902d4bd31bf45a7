package forward

import (
	"context"
	"errors"

	"countersign/internal/db"
	"countersign/models"
)

// The limits of a grant may have become narrower since the rows were accepted. Each
// claim looks at them as the gate showed them; when they change after it, the epoch in
// the authority makes the core refuse, and the next claim looks again.

// sentenceLimitLowered is for rows that were accepted while the limit was higher.
const sentenceLimitLowered = "The customer lowered the device limit of its consent before this device was registered. Ask the customer to widen it, then send the row again."

// limit answers the rows that are outside the limits and takes them out of the work.
// left is false when nothing is left to send, or the work has to be claimed again.
func (f *Forwarder) limit(ctx context.Context, w *work) (left bool, err error) {
	if w.dispatch.Kind != models.UploadRegister || w.dispatch.GrantID == "" {
		return true, nil
	}
	var inside []models.CoreRow
	outside := map[int]string{}
	for _, row := range w.rows {
		if sentence := w.permit.Limits.Refuse(row.Order); sentence != "" {
			outside[row.Row] = sentence
			continue
		}
		inside = append(inside, row)
	}
	if !w.counted() {
		room, err := f.gate.Room(ctx, w.permit, int64(len(inside)))
		if err != nil {
			return false, err
		}
		for _, row := range inside[room:] { // the first in input order are taken
			outside[row.Row] = sentenceLimitLowered
		}
		inside = inside[:room]
	}
	if len(outside) == 0 && w.counted() {
		return true, nil
	}
	return f.cut(ctx, w, inside, outside)
}

// cut settles the rows outside and counts the rows inside, in one transaction.
func (f *Forwarder) cut(ctx context.Context, w *work, inside []models.CoreRow, outside map[int]string) (left bool, err error) {
	done, err := f.refuse(ctx, w, outside)
	if err != nil {
		return false, f.failed(ctx, w, err)
	}
	done.final = len(inside) == 0
	err = f.store.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		return f.cutTx(ctx, tx, w, len(inside), done)
	})
	switch {
	case errors.Is(err, errRoomGone):
		return false, f.store.release(ctx, &w.dispatch, 0, "limit")
	case errors.Is(err, errNotClaimed):
		return false, nil
	case err != nil:
		return false, err
	}
	w.rows, w.dispatch.GrantVersion = inside, w.permit.Version
	return len(inside) > 0, nil
}

// errRoomGone says that other work took the room under a lowered limit, or that the
// limit was changed again.
var errRoomGone = errors.New("forward: the room is gone")

// cutTx counts first: whoever finds no room has changed nothing.
func (f *Forwarder) cutTx(ctx context.Context, tx *db.Tx, w *work, inside int, done settled) error {
	if !w.counted() && inside > 0 {
		counted, err := f.gate.RecountTx(ctx, tx, w.permit, int64(inside))
		if err != nil {
			return err
		}
		if !counted {
			return errRoomGone
		}
	}
	held, err := f.store.settleTx(ctx, tx, f.gate, w, done)
	if err == nil && !held {
		err = errNotClaimed
	}
	if err != nil {
		return err
	}
	return f.store.countedTx(ctx, tx, w.dispatch, w.permit.Version)
}

// refuse is the outcome of rows outside the limits. What may have been sent is the
// core's to answer first.
func (f *Forwarder) refuse(ctx context.Context, w *work, outside map[int]string) (settled, error) {
	known := map[int]models.Answer{}
	if w.sentBefore && len(outside) > 0 {
		var rows []int
		for _, row := range w.rows {
			if outside[row.Row] != "" {
				rows = append(rows, row.Row)
			}
		}
		callCtx, cancel := context.WithTimeout(ctx, f.settings.CallTimeout)
		defer cancel()
		answers, err := f.core.Resolve(callCtx, w.upload.TrackingID, rows)
		if err != nil {
			return settled{}, err
		}
		for _, a := range answers {
			known[a.Row] = a
		}
	}
	var done settled
	for _, row := range w.rows {
		sentence := outside[row.Row]
		if sentence == "" {
			continue
		}
		a, ok := known[row.Row]
		if !ok || a.Absent {
			a = models.Answer{Row: row.Row, Code: models.OutcomeConsentLimit, Detail: sentence}
		}
		done.answers = append(done.answers, a)
	}
	return done, nil
}
