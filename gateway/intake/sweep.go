package intake

import (
	"context"
	"time"
)

// What Sweep deletes, and in which steps.
const (
	abandonedAfter = time.Hour           // since the last staged rows
	keysKept       = 35 * 24 * time.Hour // longer than any client repeats a call
	sweepUploads   = 100                 // uploads looked at in one step
	sweepKeys      = 500                 // keys deleted by one statement
)

// Sweep deletes uploads that were abandoned while their rows were staged, and keys of
// calls that are too old to be repeated. Each step is a short statement or transaction,
// and several replicas may sweep at once. It returns when nothing is left to do.
func (s *Service) Sweep(ctx context.Context) error {
	now, err := s.store.db.Now(ctx)
	if err != nil {
		return err
	}
	for {
		uploads, err := s.store.abandoned(ctx, now.Add(-abandonedAfter), sweepUploads)
		if err != nil {
			return err
		}
		for _, up := range uploads {
			if err := s.store.discard(ctx, up); err != nil {
				return err
			}
		}
		if len(uploads) < sweepUploads {
			break
		}
	}
	for {
		n, err := s.store.dropOldKeys(ctx, now.Add(-keysKept), sweepKeys)
		if err != nil || n < sweepKeys {
			return err
		}
	}
}
