package forward

import (
	"sync"
	"time"
)

// When the core does not answer so many calls in a row, nothing is claimed for a pause
// that doubles up to the longest; then one call tries, and the others wait for what
// comes of it. Work keeps its age and its own backoff meanwhile.
const (
	breakAfter    = 5
	firstPause    = time.Second
	longestPause  = 10 * time.Second // with the age of a lease within the 30 s in which work goes on
	probeGivenUp  = time.Minute      // a probe that has not come back is forgotten
	breakingShift = 4                // 2^4 times the first pause is beyond the longest
)

// breaker keeps workers from hammering a core that is down. It is our own because time is
// handed in, so that its tests need none.
type breaker struct {
	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // of the pause
	probing  time.Time // since when one call tries; zero: none does
}

// allow tells whether something may be claimed; probe that the caller is the one who
// tries, and has to tell settled what came of it.
func (b *breaker) allow(now time.Time) (ok, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failures < breakAfter:
		return true, false
	case now.Before(b.until), !b.probing.IsZero() && now.Sub(b.probing) < probeGivenUp:
		return false, false
	}
	b.probing = now
	return true, true
}

// open tells whether nothing is claimed.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures >= breakAfter
}

// answered says that the core spoke, whatever it said.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.until, b.probing = 0, time.Time{}, time.Time{}
}

// silent says that a call got no answer.
func (b *breaker) silent(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	if over := b.failures - breakAfter; over >= 0 {
		b.until = now.Add(min(longestPause, firstPause<<min(over, breakingShift)))
	}
	b.probing = time.Time{}
}

// untried ends a probe that made no call: the next one tries.
func (b *breaker) untried() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = time.Time{}
}
