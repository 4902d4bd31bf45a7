package partners

import (
	"sync"
	"time"

	"countersign/models"
)

const (
	markEvery = time.Minute
	// rememberAtMost bounds the memory. Forgetting costs a write too many, no more.
	rememberAtMost = 10_000
)

// throttle lets one event per client through in each interval.
type throttle struct {
	every time.Duration
	mu    sync.Mutex
	last  map[models.ClientID]time.Time
}

func newThrottle(every time.Duration) *throttle {
	return &throttle{every: every, last: map[models.ClientID]time.Time{}}
}

// due reports whether the interval since the client's last event is over, and if
// so begins a new one.
func (t *throttle) due(id models.ClientID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.last[id]; ok && now.Sub(last) < t.every {
		return false
	}
	if len(t.last) >= rememberAtMost {
		clear(t.last)
	}
	t.last[id] = now
	return true
}
