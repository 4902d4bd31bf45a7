package ratelimit

import (
	"fmt"
	"time"
)

// Rate is a budget: Count units may be spent at once, and Count units are earned
// back evenly over each Period.
type Rate struct {
	Count  int64
	Period time.Duration
}

// Bounds of a rate. The finest unit is kept coarse enough that rounding it down to
// whole nanoseconds speeds the refill up by less than 0.1 %.
const (
	minInterval = time.Microsecond
	maxPeriod   = 366 * 24 * time.Hour
)

// Validate says what is wrong with a rate: Count must be positive, Period whole
// seconds (headers know nothing finer) up to 366 days, and at most 1,000,000 units
// are earned back per second.
func (r Rate) Validate() error {
	switch {
	case r.Count < 1:
		return fmt.Errorf("count %d: must be at least 1", r.Count)
	case r.Period < time.Second || r.Period > maxPeriod || r.Period%time.Second != 0:
		return fmt.Errorf("period %v: must be whole seconds, from 1s to %v", r.Period, maxPeriod)
	case r.interval() < minInterval:
		return fmt.Errorf("count %d per %v: must not exceed 1000000 per second", r.Count, r.Period)
	}
	return nil
}

// interval is the time in which one unit is earned back.
func (r Rate) interval() time.Duration { return r.Period / time.Duration(r.Count) }

// burst is the backlog of a budget spent to its end.
func (r Rate) burst() time.Duration { return r.backlog(r.Count) }

// backlog is what spending n units adds; n must not exceed Count.
func (r Rate) backlog(n int64) time.Duration { return time.Duration(n) * r.interval() }

// remaining is how many whole units can be spent on top of a backlog, which never
// exceeds the burst, where each unit weighs parts times; see weigh.
func (r Rate) remaining(backlog time.Duration, parts int) int64 {
	return int64((r.burst()-backlog)/r.interval()) / int64(parts)
}

// wait is how long n units must wait on top of a backlog, where each unit weighs
// parts times; not positive when they need not wait.
func (r Rate) wait(backlog time.Duration, n int64, parts int) time.Duration {
	return backlog + weigh(r.backlog(n), r.burst(), parts) - r.burst()
}

// weigh is what a cost adds to the backlog of one of so many equal parts of a
// budget. It never exceeds the burst: a charge that fits the budget but not the part
// takes the whole part, or large uploads would stop for as long as budgets are not
// shared.
func weigh(cost, burst time.Duration, parts int) time.Duration {
	if parts <= 1 {
		return cost
	}
	if cost > burst/time.Duration(parts) {
		return burst
	}
	return cost * time.Duration(parts)
}
