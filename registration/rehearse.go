package registration

import (
	"context"
	"errors"

	"countersign/internal/db"
	"countersign/models"
)

// Rehearse answers a submission as Register would at this moment, and leaves no trace. The
// device ids in its answers are nobody's. Errors are those of Register.
func (r *Registrar) Rehearse(ctx context.Context, sub models.Submission) (models.Result, error) {
	h, err := r.Ready(ctx, sub)
	if err != nil {
		return models.Result{}, err
	}
	return h.Match(ctx)
}

// Rehearsal is a submission that was made ready to be matched.
type Rehearsal struct{ g *registering }

// errRehearsed ends the transaction of a rehearsal without a trace.
var errRehearsed = errors.New("registration: only rehearsed")

// Ready makes a submission ready: it decodes the hashes and numbers the devices.
func (r *Registrar) Ready(ctx context.Context, sub models.Submission) (*Rehearsal, error) {
	if err := checkSubmission(sub); err != nil {
		return nil, err
	}
	g := r.newRegistering(sub, sub.Rows)
	return &Rehearsal{g}, public(g.prepare(ctx))
}

// Match does what Register does up to the verdicts, in a transaction that is then
// rolled back, and returns the answers that Register would have given.
func (h *Rehearsal) Match(ctx context.Context) (models.Result, error) {
	var res models.Result
	err := h.g.r.store.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, before, err := h.g.judge(ctx, tx)
		if err != nil {
			return err
		}
		if res = before; p != nil {
			res.Answers = sortAnswers(append(res.Answers, p.given...))
		}
		return errRehearsed
	})
	if errors.Is(err, errRehearsed) {
		return res, nil
	}
	return models.Result{}, public(err)
}
