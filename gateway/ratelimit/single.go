package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/ulule/limiter/v3"
)

// The methods below make Memory a limiter.Store. They differ from ulule's stores
// in two ways, both intended: a refused call is not charged, and since the budget
// refills evenly, Reset is the time at which the budget is full again or, after a
// refusal, at which the same call is admitted. Keys of callers of this interface
// are not known to be trusted, hence bounded in number.

// Get spends one unit if it fits.
func (m *Memory) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return m.Increment(ctx, key, 1, rate)
}

// Increment spends count units if they fit, else none; Reached tells which. A
// count above the whole budget is refused each time.
func (m *Memory) Increment(ctx context.Context, key string, count int64, rate limiter.Rate) (limiter.Context, error) {
	r, err := convert(rate, count)
	if err != nil {
		return limiter.Context{}, err
	}
	it := single(key, r)
	if count <= r.Count {
		it.Cost = r.backlog(count)
	}
	out, err := m.SpendAll(ctx, []Item{it})
	if err != nil {
		return limiter.Context{}, err
	}
	if count > r.Count {
		return m.context(r, out.Backlogs[0], r.Count, true), nil
	}
	return m.context(r, out.Backlogs[0], count, !out.Admitted), nil
}

// Peek spends nothing. Reached tells that Get would be refused now.
func (m *Memory) Peek(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	r, err := convert(rate, 0)
	if err != nil {
		return limiter.Context{}, err
	}
	out, err := m.SpendAll(ctx, []Item{single(key, r)})
	if err != nil {
		return limiter.Context{}, err
	}
	return m.context(r, out.Backlogs[0], 1, r.wait(out.Backlogs[0], 1) > 0), nil
}

// Reset makes the budget of a key whole.
func (m *Memory) Reset(_ context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	r, err := convert(rate, 0)
	if err != nil {
		return limiter.Context{}, err
	}
	it := single(key, r)
	m.mu.Lock()
	p := m.pool(it.Evictable)
	if i, ok := p.index[it.ID]; ok {
		p.remove(i)
	}
	m.mu.Unlock()
	return m.context(r, 0, 0, false), nil
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

func (m *Memory) context(r Rate, backlog time.Duration, count int64, reached bool) limiter.Context {
	delay := backlog
	if reached {
		delay = r.wait(backlog, count)
	}
	return limiter.Context{
		Limit:     r.Count,
		Remaining: r.remaining(backlog),
		Reset:     epochSeconds(m.now().Add(delay)),
		Reached:   reached,
	}
}
