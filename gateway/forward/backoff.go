package forward

import (
	"math/rand/v2"
	"time"
)

// backoff is the pause before attempt n+1 after n failed ones: doubled from the
// base up to the cap, with full jitter above half, so that replicas that failed
// together do not return together.
func backoff(s Settings, attempt int, jitter func() float64) time.Duration {
	d := s.BackoffBase
	for i := 1; i < attempt && d < s.BackoffCap; i++ {
		d *= 2
	}
	d = min(d, s.BackoffCap)
	return d/2 + time.Duration(jitter()*float64(d)/2)
}

func (f *Forwarder) pause(attempt int) time.Duration {
	return backoff(f.settings, attempt, rand.Float64)
}
