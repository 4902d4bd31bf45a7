package ratelimit

import (
	"context"
	"sync"
	"time"
)

// DefaultMaxAnonymous bounds the buckets under keys that unproved callers choose;
// together they stay below about 64 MiB.
const DefaultMaxAnonymous = 200_000

// Memory is a Store for one process. A single lock makes each operation atomic; it
// is held for well under a microsecond per bucket.
//
// Memory is bounded. A bucket that is empty again is the same as none and is swept
// by later calls, a few buckets each, so that there is neither a pause nor a
// goroutine to stop. Buckets under keys that anonymous callers choose live apart
// and at most so many at a time: when full, a new one takes the place of the one
// nearest to empty in a small sample. So a flood from many addresses makes the
// store forget callers who spent little, hardly ever those who spent much, and
// never a partner.
type Memory struct {
	singles
	now   func() time.Time
	start time.Time

	mu        sync.Mutex
	trusted   pool
	anonymous pool
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store that reads the time from now. maxAnonymous is
// the largest number of buckets under anonymous keys; not positive means
// DefaultMaxAnonymous.
func NewMemory(now func() time.Time, maxAnonymous int) *Memory {
	if maxAnonymous <= 0 {
		maxAnonymous = DefaultMaxAnonymous
	}
	m := &Memory{
		now:       now,
		start:     now(),
		trusted:   newPool(0),
		anonymous: newPool(maxAnonymous),
	}
	m.singles = singles{spendAll: m.SpendAll, forget: m.forget, wall: func(at time.Duration) time.Time { return m.start.Add(at) }}
	return m
}

// Len returns the number of buckets held, for a gauge.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.trusted.buckets) + len(m.anonymous.buckets)
}

// clock is the time since the store was made. A difference of two readings of the
// system's clock is monotonic, so that setting the clock is not even seen here.
func (m *Memory) clock() time.Duration { return m.now().Sub(m.start) }

func (m *Memory) pool(evictable bool) *pool {
	if evictable {
		return &m.anonymous
	}
	return &m.trusted
}

// SpendAll implements Store. It cannot fail.
func (m *Memory) SpendAll(_ context.Context, items []Item) (Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// Read under the lock: otherwise a call that read earlier but came in later
	// would see time go backwards.
	out := Outcome{Admitted: true, At: m.clock(), Backlogs: make([]time.Duration, len(items))}
	for i, it := range items {
		out.Backlogs[i] = m.pool(it.Evictable).backlog(it.ID, it.Burst, out.At)
		if out.Backlogs[i]+it.Cost > it.Burst {
			out.Admitted = false
		}
	}
	if out.Admitted {
		for i, it := range items {
			if it.Cost > 0 {
				out.Backlogs[i] += it.Cost
				m.pool(it.Evictable).put(it.ID, out.At+out.Backlogs[i])
			}
		}
	}
	m.sweep(len(items), out.At)
	return out, nil
}

// RefundAll implements Store. It cannot fail.
func (m *Memory) RefundAll(_ context.Context, receipts []Receipt) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock()
	for _, r := range receipts {
		m.trusted.lower(r.ID, r.left(now))
		m.anonymous.lower(r.ID, r.left(now))
	}
	m.sweep(len(receipts), now)
	return nil
}

// forget drops a bucket, wherever it lives.
func (m *Memory) forget(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range []*pool{&m.trusted, &m.anonymous} {
		if i, ok := p.index[id]; ok {
			p.remove(i)
		}
	}
	return nil
}

// sweepPerItem is how many buckets are looked at for each bucket that may have been
// added; with two, the sweep is always faster than the growth.
const sweepPerItem = 2

func (m *Memory) sweep(items int, now time.Duration) {
	m.trusted.sweep(items*sweepPerItem, now)
	m.anonymous.sweep(items*sweepPerItem, now)
}
