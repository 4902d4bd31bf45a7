package ratelimit_test

import (
	"context"
	"testing"
	"time"

	"countersign/gateway/ratelimit"
)

func TestRefund_isExactOnceAndHarmlessLate(t *testing.T) {
	t.Parallel()
	l, c := newLimiter()
	ten := ratelimit.ForDevices("p", perMinute(60), 10)
	spend(t, l, ten)
	d := spend(t, l, ten)
	refund(t, l, d)
	refund(t, l, d)
	if got := left(t, l, ten); got != 50 {
		t.Fatalf("%d left, want 50: one spend stands, the other was refunded twice", got)
	}
	late := spend(t, l, ratelimit.ForDevices("p", perMinute(60), 50))
	c.Advance(2 * time.Minute)
	spend(t, l, ratelimit.ForDevices("p", perMinute(60), 60))
	refund(t, l, late)
	if got := left(t, l, ten); got != 0 {
		t.Fatalf("%d left: a late refund gave away what another call spent", got)
	}
}

func TestRefund_neverLeavesLessThanBeforeTheSpend(t *testing.T) {
	t.Parallel()
	l, c := newLimiter()
	spend(t, l, ratelimit.ForDevices("p", perMinute(60), 30))
	d := spend(t, l, ratelimit.ForDevices("p", perMinute(60), 20))
	c.Advance(5 * time.Second)
	refund(t, l, d)
	if got := left(t, l, ratelimit.ForDevices("p", perMinute(60), 0)); got != 30 {
		t.Fatalf("%d left, want the 30 from before the refused upload", got)
	}
}

func TestRefund_ofRefusalOrPeekIsNothing(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	c := ratelimit.ForDevices("p", perMinute(10), 6)
	spend(t, l, c)
	peeked, err := l.Peek(context.Background(), charges(ratelimit.ForDevices("p", perMinute(10), 4)))
	if err != nil || !peeked.Admitted {
		t.Fatalf("peek at 4 of 4: %+v, %v", peeked, err)
	}
	refund(t, l, peeked)
	refund(t, l, spend(t, l, c))
	refund(t, l, ratelimit.Decision{})
	if got := left(t, l, c); got != 4 {
		t.Fatalf("%d left, want 4", got)
	}
}

func TestRefund_afterClockStepGivesNoMoreThanWasSpent(t *testing.T) {
	t.Parallel()
	l, c := newLimiter()
	spend(t, l, ratelimit.ForDevices("p", perMinute(60), 30))
	d := spend(t, l, ratelimit.ForDevices("p", perMinute(60), 20))
	c.Advance(-time.Hour)
	none := ratelimit.ForDevices("p", perMinute(60), 0)
	if got := left(t, l, none); got != 0 {
		t.Fatalf("%d left right after the step, want the whole budget to count as spent", got)
	}
	refund(t, l, d)
	if got := left(t, l, none); got != 20 {
		t.Fatalf("%d left, want the 20 that were refunded", got)
	}
}
