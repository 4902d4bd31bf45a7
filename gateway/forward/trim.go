package forward

import (
	"context"
	"time"
)

// How long dispatches are kept once they are done: what they did stands with the rows.
const (
	doneKept   = 7 * 24 * time.Hour
	trimAtOnce = 500 // deleted by one statement
)

// Trim deletes dispatches that were done long ago, in short statements. Several replicas
// may trim at once.
func (f *Forwarder) Trim(ctx context.Context) error {
	now, err := f.store.db.Now(ctx)
	if err != nil {
		return err
	}
	for {
		n, err := f.store.dropDone(ctx, now.Add(-doneKept), trimAtOnce)
		if err != nil || n < trimAtOnce {
			return err
		}
	}
}
