package ratelimit_test

import (
	"context"
	"sync"
	"time"

	"countersign/gateway/ratelimit"
)

// clock is a clock that moves only when told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock {
	return &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// perMinute is a rate that earns n units a minute.
func perMinute(n int64) ratelimit.Rate { return ratelimit.Rate{Count: n, Period: time.Minute} }

// steady is a jitter of nothing.
func steady() float64 { return 0 }

// newLimiter returns a limiter without jitter on a clock that stands still.
func newLimiter() (*ratelimit.Limiter, *clock) {
	c := newClock()
	return ratelimit.New(ratelimit.NewMemory(c.Now, 0), steady), c
}

// tester is what the tests of testing and of rapid have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// charges makes a slice of its arguments.
func charges(c ...ratelimit.Charge) []ratelimit.Charge { return c }

// spend fails the test on an error.
func spend(t tester, l *ratelimit.Limiter, c ...ratelimit.Charge) ratelimit.Decision {
	t.Helper()
	d, err := l.Spend(context.Background(), c)
	if err != nil {
		t.Fatalf("spend %+v: %v", c, err)
	}
	return d
}

// left returns what a bucket has left.
func left(t tester, l *ratelimit.Limiter, c ratelimit.Charge) int64 {
	t.Helper()
	c.Cost = 0
	d, err := l.Peek(context.Background(), charges(c))
	if err != nil {
		t.Fatalf("peek %+v: %v", c, err)
	}
	return d.Tightest.Remaining
}

// refund fails the test on an error.
func refund(t tester, l *ratelimit.Limiter, d ratelimit.Decision) {
	t.Helper()
	if err := l.Refund(context.Background(), d); err != nil {
		t.Fatalf("refund: %v", err)
	}
}
