package ratelimit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"countersign/gateway/ratelimit"
	"countersign/internal/redistest"
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

// onBothStores runs a test over memory and over Redis. fresh returns an empty store
// on a clock, which ends the life of the one before.
func onBothStores(t *testing.T, test func(t *testing.T, fresh func(*clock) ratelimit.Store)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, func(c *clock) ratelimit.Store { return ratelimit.NewMemory(c.Now, 0) })
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		client := newClient(t, redistest.URL(t))
		test(t, func(c *clock) ratelimit.Store { return freshRedis(t, client, c) })
	})
}

func freshRedis(t *testing.T, client *redis.Client, c *clock) ratelimit.Store {
	t.Helper()
	if err := client.FlushDB(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	return patient(ratelimit.NewRedis(client, c.Now))
}

// patient makes a store wait as long as a busy machine may take.
func patient(r *ratelimit.Redis) *ratelimit.Redis {
	r.SetPatience(time.Minute)
	return r
}

// newClient returns a client that is closed when the test ends.
func newClient(t testing.TB, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	o.MaxRetries = -1
	client := redis.NewClient(o)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
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
