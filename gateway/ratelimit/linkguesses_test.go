package ratelimit_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"countersign/gateway/ratelimit"
	"countersign/internal/errs"
)

// guesser is the n-th source of a test.
func guesser(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// I8: 10,000 guesses from one address: all but the first few are refused, and a real
// link opens from elsewhere.
func TestGuesses_fromOneSource(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, fresh func(*clock) ratelimit.Store) {
		c := newClock()
		g := ratelimit.NewLinkGuesses(ratelimit.New(fresh(c), steady))
		looked := 0
		for range 10_000 {
			err := g.Guess(context.Background(), guesser(1))
			if err == nil {
				looked++
				continue
			}
			if !errors.Is(err, ratelimit.ErrExhausted) || errs.From(err).RetryAfter <= 0 {
				t.Fatal(err)
			}
		}
		if looked != 20 {
			t.Errorf("%d links were looked at", looked)
		}
		if err := g.Guess(context.Background(), guesser(2)); err != nil {
			t.Errorf("a real link from elsewhere: %v", err)
		}
		c.Advance(10 * time.Minute)
		if err := g.Guess(context.Background(), guesser(1)); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

// I8: 10,000 guesses from 500 addresses: the budget of all is used up, each address gets
// a few more at most, and a real link still opens from an address that did not guess.
func TestGuesses_fromManySources(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, fresh func(*clock) ratelimit.Store) {
		c := newClock()
		g := ratelimit.NewLinkGuesses(ratelimit.New(fresh(c), steady))
		looked := 0
		for n := range 10_000 {
			if g.Guess(context.Background(), guesser(n%500)) == nil {
				looked++
			}
		}
		if looked < 1000 || looked > 1000+3*500 {
			t.Errorf("%d links were looked at", looked)
		}
		honest := guesser(1 << 20)
		if err := g.Guess(context.Background(), honest); err != nil {
			t.Errorf("a real link: %v", err)
		}
		for range 2 {
			_ = g.Guess(context.Background(), honest)
		}
		if err := g.Guess(context.Background(), honest); !errors.Is(err, ratelimit.ErrExhausted) {
			t.Errorf("the fourth opening while everybody guesses: %v", err)
		}
	})
}

// While the shared store is away nobody opens links: guessing is not worth more than a
// link that waits.
func TestGuesses_areClosedWithoutTheStore(t *testing.T) {
	t.Parallel()
	g := ratelimit.NewLinkGuesses(ratelimit.New(broken{}, steady))
	if err := g.Guess(context.Background(), guesser(1)); err == nil {
		t.Error("a link was opened without a budget")
	}
}
