package forward

import (
	"context"

	"countersign/consent"
	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// ErrNoDispatch is returned when no stopped dispatch has the id.
var ErrNoDispatch = errs.New(errs.NotFound, "dispatch_not_found", "No stopped dispatch has this id.")

// Stopped lists dispatches that wait for an operator, oldest first, after the id
// given; limit rows at most.
func (f *Forwarder) Stopped(ctx context.Context, after int64, limit int) ([]models.Dispatch, error) {
	return f.store.stopped(ctx, after, limit)
}

// Restart puts a stopped dispatch back to work.
func (f *Forwarder) Restart(ctx context.Context, id int64) error {
	ok, err := f.store.restart(ctx, id, f.now())
	if err != nil {
		return err
	}
	if !ok {
		return ErrNoDispatch
	}
	f.Wake()
	return nil
}

// Backlog is the work that is waiting, for metrics.
type Backlog struct {
	Waiting int64   // dispatches that are ready or leased
	Stopped int64   // dispatches that wait for an operator
	Oldest  float64 // age of the oldest waiting dispatch in seconds
	Paused  bool    // this process claims nothing, because the core does not answer
}

// Backlog counts the work that is waiting, over all replicas.
func (f *Forwarder) Backlog(ctx context.Context) (Backlog, error) {
	b, err := f.store.backlog(ctx, f.now())
	b.Paused = f.breaker.open()
	return b, err
}

func (f *Forwarder) standingNow(ctx context.Context, d models.Dispatch) (consent.Standing, error) {
	var s consent.Standing
	err := f.store.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		s, err = f.gate.ClaimTx(ctx, tx, askFor(d), d.GrantID)
		return err
	})
	return s, err
}

func epochOf(epochs []models.SubjectEpoch, subject models.SubjectEpoch) int64 {
	for _, e := range epochs {
		if e.Kind == subject.Kind && e.ID == subject.ID {
			return e.Epoch
		}
	}
	return 0
}
