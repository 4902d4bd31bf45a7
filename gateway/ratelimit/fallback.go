package ratelimit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ulule/limiter/v3"

	"countersign/internal/db"
)

// How often a replica says that it lives, and how soon and how often a store that
// was lost is asked again.
const (
	announceEvery = 5 * time.Second
	firstPause    = time.Second
	longestPause  = 10 * time.Second
)

var (
	errClosed = errors.New("limits against guessing are not decided while Redis does not answer")
	errGone   = errors.New("what was spent in Redis cannot be refunded while it does not answer")
)

// SharedStore is a Store in which replicas announce themselves, as Redis.
type SharedStore interface {
	Store
	// Announce notes that a replica lives and returns how many did lately.
	Announce(ctx context.Context, replica string) (int, error)
}

// Fallback is a Store that lives in a shared one, and in this process alone while
// that one fails. Alone, a process gives out its part of every budget: with n
// replicas seen last, each cost weighs n times, so that together they give out no more
// than one budget; see weigh for charges larger than a part. Limits against guessing
// are not decided alone. What was spent alone is not carried over afterwards.
//
// The first call that fails goes over to the process; later ones do not wait for
// the lost store. Only Tend asks it again.
type Fallback struct {
	singles
	shared  SharedStore
	local   *Memory
	replica string
	now     func() time.Time
	log     *slog.Logger

	alone    atomic.Bool
	replicas atomic.Int64 // seen last, >= 1

	mu      sync.Mutex
	pause   time.Duration // before the lost store is asked again
	tendAt  time.Time     // not before, Tend has something to do
	aloneAt time.Time
}

var _ Store = (*Fallback)(nil)

// NewFallback returns a store over shared. replica is a name no other process has.
func NewFallback(shared SharedStore, replica string, now func() time.Time, log *slog.Logger) *Fallback {
	f := &Fallback{shared: shared, local: NewMemory(now, 0), replica: replica, now: now, log: log}
	f.replicas.Store(1)
	f.singles = singles{spendAll: f.SpendAll, forget: f.local.forget, wall: func(time.Duration) time.Time { return now() }}
	return f
}

// Shared tells whether budgets are shared at this moment, for a gauge.
func (f *Fallback) Shared() bool { return !f.alone.Load() }

// SpendAll implements Store. When the shared store fails in the middle, it may have
// spent as well; that is given back by time alone.
func (f *Fallback) SpendAll(ctx context.Context, items []Item) (Outcome, error) {
	if err := db.RefuseInTx(ctx, "spend shared budgets"); err != nil {
		return Outcome{}, err
	}
	if f.Shared() {
		out, err := f.shared.SpendAll(ctx, items)
		if err == nil {
			return out, nil
		}
		f.lost(ctx, err)
	}
	return f.spendAlone(ctx, items)
}

func (f *Fallback) spendAlone(ctx context.Context, items []Item) (Outcome, error) {
	parts := int(f.replicas.Load())
	weighed := make([]Item, len(items))
	for i, it := range items {
		if it.Closed {
			return Outcome{}, errClosed
		}
		weighed[i] = it
		weighed[i].Cost = weigh(it.Cost, it.Burst, parts)
	}
	out, err := f.local.SpendAll(ctx, weighed)
	out.Alone = parts
	return out, err
}

// RefundAll implements Store. A refund goes where the spend went.
func (f *Fallback) RefundAll(ctx context.Context, receipts []Receipt) error {
	if err := db.RefuseInTx(ctx, "refund shared budgets"); err != nil {
		return err
	}
	var here, there []Receipt
	for _, r := range receipts {
		if r.Alone {
			here = append(here, r)
		} else {
			there = append(there, r)
		}
	}
	err := f.local.RefundAll(ctx, here)
	switch {
	case len(there) == 0:
		return err
	case !f.Shared():
		return errors.Join(err, errGone)
	}
	if failed := f.shared.RefundAll(ctx, there); failed != nil {
		f.lost(ctx, failed)
		return errors.Join(err, failed)
	}
	return err
}

// Reset makes the budget of a key whole on both sides, as far as they answer.
func (f *Fallback) Reset(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	if _, err := convert(rate, 0); err != nil {
		return limiter.Context{}, err
	}
	if f.Shared() {
		if _, err := f.shared.Reset(ctx, key, rate); err != nil {
			f.lost(ctx, err)
		}
	}
	return f.singles.Reset(ctx, key, rate)
}

// lost goes over to this process, and says so once.
func (f *Fallback) lost(ctx context.Context, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.alone.Load() {
		return
	}
	f.alone.Store(true)
	f.aloneAt, f.pause = f.now(), firstPause
	f.tendAt = f.aloneAt.Add(f.pause)
	f.log.WarnContext(ctx, "Redis does not answer: until it does, this replica counts its own part of every budget",
		"parts", f.replicas.Load(), "error", err)
}

// found goes back to the shared store.
func (f *Fallback) found(ctx context.Context, replicas int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replicas.Store(int64(max(1, replicas)))
	f.tendAt = f.now().Add(announceEvery)
	if f.alone.Swap(false) {
		f.log.InfoContext(ctx, "Redis answers again: budgets are shared by all replicas",
			"replicas", replicas, "after", f.now().Sub(f.aloneAt))
	}
}

// due tells whether Tend has something to do, and if so puts off the next time, by
// twice as long each time the store stays away.
func (f *Fallback) due() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if now.Before(f.tendAt) {
		return false
	}
	f.tendAt = now.Add(announceEvery)
	if f.alone.Load() {
		f.pause = min(2*f.pause, longestPause)
		f.tendAt = now.Add(f.pause)
	}
	return true
}

// Tend announces this replica, which also finds out whether the shared store
// answers, if it is time to.
func (f *Fallback) Tend(ctx context.Context) {
	if !f.due() {
		return
	}
	replicas, err := f.shared.Announce(ctx, f.replica)
	if err != nil {
		f.lost(ctx, err)
		return
	}
	f.found(ctx, replicas)
}

// Run calls Tend until ctx ends.
func (f *Fallback) Run(ctx context.Context) {
	tick := time.NewTicker(firstPause)
	defer tick.Stop()
	for {
		f.Tend(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
