package registration

import (
	"context"
	"fmt"
	"time"

	"countersign/models"
)

// How long answers are kept: longer than the oldest backup of a gateway that one would
// restore, which asks for them again.
const (
	answersKept = 35 * 24 * time.Hour
	trimAtOnce  = 1000 // rows deleted by one statement
)

// Trim deletes the answers of uploads that nobody can ask about any more. Each statement is
// short, and several processes may trim at once. What is registered does not change.
func (r *Registrar) Trim(ctx context.Context) error {
	now, err := r.store.db.Now(ctx)
	if err != nil {
		return err
	}
	for {
		n, err := r.store.dropAnswers(ctx, firstAt(now.Add(-answersKept)), trimAtOnce)
		if err != nil || n < trimAtOnce {
			return err
		}
	}
}

// firstAt is the smallest tracking id of a moment: they are UUIDs of version 7, which begin with
// the time (RFC 9562 section 5.7) and are ordered by it.
func firstAt(t time.Time) models.TrackingID {
	ms := t.UnixMilli()
	return models.TrackingID(fmt.Sprintf("%08x-%04x-7000-8000-000000000000", ms>>16, ms&0xffff))
}
