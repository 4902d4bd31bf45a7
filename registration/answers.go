package registration

import (
	"cmp"
	"context"
	"slices"

	"countersign/internal/db"
	"countersign/models"
)

// admission is what stands before the work of a submission: its locks, what was
// answered earlier, and whether its authority still holds.
type admission struct {
	answers []models.Answer // of rows answered earlier
	open    []models.CoreRow
	refusal *models.Refusal
}

// admit takes the locks, then reads: a stored answer comes before fence and
// clock, because it was given while they allowed it.
func (r *Registrar) admit(ctx context.Context, tx *db.Tx, sub models.Submission) (admission, error) {
	var adm admission
	if err := tx.Gate(ctx, sharedLocks(sub.Authority.Epochs)...); err != nil {
		return adm, err
	}
	stored, err := r.store.answers(ctx, tx, sub.Upload, rowNumbers(sub.Rows))
	if err != nil {
		return adm, err
	}
	for _, row := range sub.Rows {
		if a, ok := stored[row.Row]; ok {
			adm.answers = append(adm.answers, a)
		} else {
			adm.open = append(adm.open, row)
		}
	}
	if len(adm.open) > 0 {
		adm.refusal, err = r.refusal(ctx, tx, sub.Authority)
	}
	return adm, err
}

// Resolve tells what became of rows whose answer the gateway never saw, in the
// order asked. A row without an answer gets a durable tombstone in the same
// transaction and comes back with Absent set: a Register that is still on its way
// will not execute it.
func (r *Registrar) Resolve(ctx context.Context, upload models.TrackingID, rows []int) ([]models.Answer, error) {
	if upload == "" {
		return nil, invalid("the upload's id is missing")
	}
	for _, row := range rows {
		if row < 1 {
			return nil, invalid("row %d is not positive", row)
		}
	}
	var answers []models.Answer
	for chunk := range slices.Chunk(rows, models.DispatchRows) {
		part, err := r.resolve(ctx, upload, chunk)
		if err != nil {
			return nil, public(err)
		}
		answers = append(answers, part...)
	}
	return answers, nil
}

func (r *Registrar) resolve(ctx context.Context, upload models.TrackingID, rows []int) (out []models.Answer, err error) {
	err = r.store.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		out = make([]models.Answer, 0, len(rows))
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		// A registration that has written its answers and not yet committed
		// makes this wait; one that has not will collide with the tombstone.
		if err := r.store.addTombstones(ctx, tx, tombstones(upload, rows, now)); err != nil {
			return err
		}
		stored, err := r.store.answers(ctx, tx, upload, toInt64s(rows))
		for _, row := range rows {
			out = append(out, stored[row])
		}
		return err
	})
	return out, err
}

func rowNumbers(rows []models.CoreRow) []int64 {
	out := make([]int64, len(rows))
	for i, row := range rows {
		out[i] = int64(row.Row)
	}
	return out
}

func toInt64s(rows []int) []int64 {
	out := make([]int64, len(rows))
	for i, row := range rows {
		out[i] = int64(row)
	}
	return out
}

// sortAnswers brings answers into the order of the rows.
func sortAnswers(answers []models.Answer) []models.Answer {
	slices.SortFunc(answers, func(a, b models.Answer) int { return cmp.Compare(a.Row, b.Row) })
	return answers
}
