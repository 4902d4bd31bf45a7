package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/ulule/limiter/v3"
)

// singles makes a store a limiter.Store. It differs from ulule's stores in two
// ways, both intended: a refused call is not charged, and since the budget refills
// evenly, Reset is the time at which the budget is full again or, after a refusal,
// at which the same call is admitted. Keys of callers of this interface are not
// known to be trusted, hence bounded in number.
type singles struct {
	spendAll func(context.Context, []Item) (Outcome, error)
	forget   func(ctx context.Context, id string) error
	wall     func(at time.Duration) time.Time // what Outcome.At means
}

// Get spends one unit if it fits.
func (s singles) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return s.Increment(ctx, key, 1, rate)
}

// Increment spends count units if they fit, else none; Reached tells which. A
// count above the whole budget is refused each time.
func (s singles) Increment(ctx context.Context, key string, count int64, rate limiter.Rate) (limiter.Context, error) {
	r, err := convert(rate, count)
	if err != nil {
		return limiter.Context{}, err
	}
	it := single(key, r)
	if count <= r.Count {
		it.Cost = r.backlog(count)
	}
	out, err := s.spendAll(ctx, []Item{it})
	if err != nil {
		return limiter.Context{}, err
	}
	if count > r.Count {
		return s.context(r, out, r.Count, true), nil
	}
	return s.context(r, out, count, !out.Admitted), nil
}

// Peek spends nothing. Reached tells that Get would be refused now.
func (s singles) Peek(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	r, err := convert(rate, 0)
	if err != nil {
		return limiter.Context{}, err
	}
	out, err := s.spendAll(ctx, []Item{single(key, r)})
	if err != nil {
		return limiter.Context{}, err
	}
	return s.context(r, out, 1, r.wait(out.Backlogs[0], 1, out.parts()) > 0), nil
}

// Reset makes the budget of a key whole.
func (s singles) Reset(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	r, err := convert(rate, 0)
	if err != nil {
		return limiter.Context{}, err
	}
	it := single(key, r)
	if err := s.forget(ctx, it.ID); err != nil {
		return limiter.Context{}, err
	}
	out, err := s.spendAll(ctx, []Item{it})
	if err != nil {
		return limiter.Context{}, err
	}
	return s.context(r, out, 0, false), nil
}

func single(key string, r Rate) Item {
	return Item{ID: "ulule:" + key, Burst: r.burst(), Evictable: true}
}

func convert(rate limiter.Rate, count int64) (Rate, error) {
	r := Rate{Count: rate.Limit, Period: rate.Period}
	if err := r.Validate(); err != nil {
		return Rate{}, fmt.Errorf("rate: %w", err)
	}
	if count < 0 {
		return Rate{}, fmt.Errorf("count %d: must not be negative", count)
	}
	return r, nil
}

func (s singles) context(r Rate, out Outcome, count int64, reached bool) limiter.Context {
	backlog := out.Backlogs[0]
	delay := backlog
	if reached {
		delay = r.wait(backlog, count, out.parts())
	}
	return limiter.Context{
		Limit:     r.Count,
		Remaining: r.remaining(backlog, out.parts()),
		Reset:     epochSeconds(s.wall(out.At).Add(delay)),
		Reached:   reached,
	}
}
