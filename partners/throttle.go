package partners

import (
	"sync"
	"time"
)

const (
	markEvery = time.Minute
	// noteEvery is longer than a day: what is noted names its day.
	noteEvery = 48 * time.Hour
	// rememberAtMost bounds the memory. Forgetting costs a write too many, no more.
	rememberAtMost = 10_000
)

// throttle lets one event of each kind through in each interval.
type throttle[K comparable] struct {
	every time.Duration
	mu    sync.Mutex
	last  map[K]time.Time
}

func newThrottle[K comparable](every time.Duration) *throttle[K] {
	return &throttle[K]{every: every, last: map[K]time.Time{}}
}

// due reports whether the interval since the last event of the kind is over, and if
// so begins a new one.
func (t *throttle[K]) due(kind K, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.last[kind]; ok && now.Sub(last) < t.every {
		return false
	}
	if len(t.last) >= rememberAtMost {
		clear(t.last)
	}
	t.last[kind] = now
	return true
}

// undo makes the kind due again: the event did not come to pass.
func (t *throttle[K]) undo(kind K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, kind)
}
