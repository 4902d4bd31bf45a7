package forward

import (
	"context"
	"time"

	"countersign/models"
)

// reasonProbing is what a dispatch says of itself while its rows are put off.
const reasonProbing = "probing"

// putOffGuesses takes the rows that name a device otherwise than by its hash out of the
// work when the partner has guessed too much lately. Rows with a hash go on: who has the
// hardware learns nothing by naming it. The pause has a part that keeps a long queue of
// one partner's guesses from being picked up and put down all the time.
func (f *Forwarder) putOffGuesses(ctx context.Context, w *work) {
	if w.dispatch.Kind != models.UploadRegister || w.dispatch.PartnerID == "" {
		return
	}
	var held []models.CoreRow
	for _, r := range w.rows {
		if len(r.Identity.Hash) > 0 {
			held = append(held, r)
		}
	}
	if len(held) == len(w.rows) {
		return
	}
	wait, err := f.probing.Wait(ctx, w.dispatch.PartnerID)
	if err != nil {
		f.log.WarnContext(ctx, "the probing limit could not be read", "partner", w.dispatch.PartnerID, "error", err)
		wait = time.Second
	}
	if wait > 0 {
		w.putOff = len(w.rows) - len(held)
		w.rows, w.pause = held, wait+f.settings.BackoffCap/2
	}
}

// settle writes what a worker learned, and counts what the partner learned by it. The
// count is lost when the process dies in between; the limit is a brake, not a ledger.
func (f *Forwarder) settle(ctx context.Context, w *work, done settled) error {
	held, err := f.store.settle(ctx, f.gate, w, done)
	if err != nil || !held {
		return err
	}
	misses, claims := guessed(w, done.answers)
	if misses+claims == 0 {
		return nil
	}
	if err := f.probing.Count(ctx, w.dispatch.PartnerID, misses, claims); err != nil {
		f.log.WarnContext(ctx, "guesses of a partner could not be counted", "partner", w.dispatch.PartnerID, "error", err)
	}
	return nil
}

// guessed counts what answers told a partner.
func guessed(w *work, answers []models.Answer) (misses, claims int) {
	if w.dispatch.Kind != models.UploadRegister || w.dispatch.PartnerID == "" {
		return 0, 0
	}
	return models.Learned(w.rows, answers)
}
