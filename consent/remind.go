package consent

import (
	"context"
	"fmt"
	"time"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/models"
)

// How often a partner may remind a tenant of one request.
const (
	mostReminders = 3
	remindEvery   = 3 * day
)

// Remind tells the tenant once more of the partner's own pending request: a new entry
// in the history and in the tenant's feed. At most three times, and not within three
// days of the request or of the last reminder. The answer is the same whether anybody
// is told or not.
func (s *Service) Remind(ctx context.Context, actor Actor, id models.RequestID) (models.ConsentRequest, error) {
	if actor.Kind != models.ActorPartner {
		return models.ConsentRequest{}, ErrNotYours
	}
	var request models.ConsentRequest
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var now time.Time
		var err error
		if request, now, err = openRequest(ctx, tx, id, actor, models.RequestWithdrawn); err != nil {
			return err
		}
		if err := mayRemind(request, now); err != nil {
			return err
		}
		request.Reminders++
		request.RemindedAt = &now
		r := within(ctx, tx)
		moved, err := r.setReminded(request)
		if err != nil {
			return fmt.Errorf("note a reminder: %w", err)
		}
		if !moved {
			return ErrWrongState
		}
		return noteRequest(r, request, ledger.ConsentReminded, cause{actor: actor, reason: fmt.Sprintf("reminder %d of %d", request.Reminders, mostReminders), at: now})
	})
	return forPartner(request), err
}

func mayRemind(request models.ConsentRequest, now time.Time) error {
	if request.Reminders >= mostReminders {
		return ErrReminded
	}
	last := request.CreatedAt
	if request.RemindedAt != nil {
		last = *request.RemindedAt
	}
	if wait := last.Add(remindEvery).Sub(now); wait > 0 {
		return ErrRemindedLately.WithRetryAfter(wait)
	}
	return nil
}
