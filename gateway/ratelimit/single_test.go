package ratelimit_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ulule/limiter/v3"

	"countersign/gateway/ratelimit"
)

// ulule exports a suite for stores (drivers/store/tests). Its concurrent part is
// TestULULE_concurrent below. Its sequential part cannot hold for this store: it
// spends 3 of 3, asks Peek and wants Reached false; asks three more times, is
// refused, asks Peek again and wants Reached true. Refused calls are not charged
// here, so the store is in the same state both times. It also expects a reset time
// cut to whole seconds, where this store rounds up so that nobody comes too early.
// TestULULE_sequential follows the suite step by step and differs in these two
// answers. (The suite also needs an assertion library that this module does not
// use.)

func ululeLimiter(rate limiter.Rate) (*limiter.Limiter, *clock) {
	c := newClock()
	return limiter.New(ratelimit.NewMemory(c.Now, 0), rate), c
}

// want compares an answer whose call must not fail.
func want(t *testing.T, what string, got limiter.Context, err error, remaining int64, reached bool) {
	t.Helper()
	if err != nil || got.Limit != 3 || got.Remaining != remaining || got.Reached != reached {
		t.Fatalf("%s: got %+v, %v; want remaining %d, reached %v", what, got, err, remaining, reached)
	}
}

func TestULULE_sequential(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l, c := ululeLimiter(limiter.Rate{Limit: 3, Period: time.Minute})
	for i := int64(1); i <= 6; i++ {
		got, err := l.Peek(ctx, "foo")
		want(t, "peek before", got, err, max(0, 4-i), i > 3)
		got, err = l.Get(ctx, "foo")
		want(t, "get", got, err, max(0, 3-i), i > 3)
		if until := got.Reset - c.Now().Unix(); until <= 0 || until > 60 {
			t.Fatalf("reset in %d s", until)
		}
	}
	for range 2 {
		got, err := l.Reset(ctx, "foo")
		want(t, "reset", got, err, 3, false)
	}
	got, err := l.Peek(ctx, "foo")
	want(t, "peek after reset", got, err, 3, false)
}

func TestULULE_concurrent(t *testing.T) {
	t.Parallel()
	l, _ := ululeLimiter(limiter.Rate{Limit: 1000, Period: 10 * time.Second})
	var admitted atomic.Int64
	race(50, func(int) {
		for range 50 {
			got, err := l.Get(context.Background(), "foo")
			if err != nil {
				t.Error(err)
			}
			if !got.Reached {
				admitted.Add(1)
			}
		}
	})
	if n := admitted.Load(); n != 1000 {
		t.Fatalf("admitted %d, want 1000", n)
	}
}

func TestULULE_incrementIsAllOrNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l, c := ululeLimiter(limiter.Rate{Limit: 3, Period: time.Minute})
	got, err := l.Increment(ctx, "foo", 2)
	want(t, "two of three", got, err, 1, false)
	got, err = l.Increment(ctx, "foo", 2)
	want(t, "two more", got, err, 1, true)
	if wait := got.Reset - c.Now().Unix(); wait != 20 {
		t.Errorf("come back in %d s, want 20", wait)
	}
	got, err = l.Increment(ctx, "foo", 4)
	want(t, "more than all", got, err, 1, true)
	got, err = l.Increment(ctx, "foo", 1)
	want(t, "the last one", got, err, 0, false)
	if got, err = l.Increment(ctx, "foo", -1); err == nil {
		t.Errorf("a negative count gave %+v", got)
	}
}

func TestULULE_wrongRatesAreErrors(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l, _ := ululeLimiter(limiter.Rate{})
	_, getErr := l.Get(ctx, "foo")
	_, peekErr := l.Peek(ctx, "foo")
	_, resetErr := l.Reset(ctx, "foo")
	for _, err := range []error{getErr, peekErr, resetErr} {
		if err == nil {
			t.Error("a rate of 0 per 0s was accepted")
		}
	}
}
