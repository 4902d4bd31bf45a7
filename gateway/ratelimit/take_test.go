package ratelimit_test

import (
	"testing"
	"time"

	"countersign/gateway/ratelimit"
)

// Take counts what has happened: it is never refused, and never takes more than there is.
func TestTake(t *testing.T) {
	t.Parallel()
	l, c := newLimiter()
	take := func(misses int64) ratelimit.Decision {
		t.Helper()
		d, err := l.Take(t.Context(), ratelimit.ForGuesses("p", 6, misses*ratelimit.MissPoints))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	one := ratelimit.ForGuesses("p", 6, ratelimit.MissPoints)
	if d := take(4); !d.Admitted || left(t, l, one) != 20 {
		t.Fatalf("4 of 6: %+v", d)
	}
	if d := take(5); left(t, l, one) != 0 || d.Tightest.Remaining != 0 {
		t.Fatalf("5 with 2 left: %+v", d)
	}
	take(1)
	take(1000) // more than the whole limit
	if got := left(t, l, one); got != 0 {
		t.Fatalf("%d left", got)
	}
	d, err := l.Peek(t.Context(), charges(one))
	if err != nil || d.Admitted || d.RetryAfter < 10*time.Minute || d.RetryAfter > 10*time.Minute*103/100+time.Second {
		t.Fatalf("the next miss of 6 an hour: %+v, %v", d, err)
	}
	c.Advance(10 * time.Minute)
	if d, err := l.Peek(t.Context(), charges(one)); err != nil || !d.Admitted {
		t.Errorf("ten minutes later: %+v, %v", d, err)
	}
	other := ratelimit.ForGuesses("q", 6, ratelimit.MissPoints)
	if d, err := l.Peek(t.Context(), charges(other)); err != nil || !d.Admitted {
		t.Errorf("another partner: %+v, %v", d, err)
	}
}
