package registration

import (
	"countersign/internal/db"
	"countersign/models"
)

// Decided and Written are the moments at which PauseAt can stop a transaction.
const (
	Decided = decided
	Written = written
)

// PauseAt calls fn whenever a transaction reaches the moment, on its goroutine.
func (r *Registrar) PauseAt(at moment, fn func()) {
	r.pause = func(m moment) {
		if m == at {
			fn()
		}
	}
}

// FenceLock is the lock of a subject.
func FenceLock(kind models.SubjectKind, id string, exclusive bool) db.Lock {
	return fenceLock(kind, id, exclusive)
}

// Moment is a place where PauseAt can stop a transaction.
type Moment = moment
