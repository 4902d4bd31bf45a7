package ratelimit_test

import (
	"context"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/gateway/ratelimit"
	"countersign/models"
)

// race runs fn in n goroutines that start together.
func race(n int, fn func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	wg.Wait()
}

func TestRace_admitsExactlyTheBudget(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	var admitted atomic.Int64
	race(500, func(int) {
		if spend(t, l, ratelimit.ForDevices("p", perMinute(1000), 7)).Admitted {
			admitted.Add(7)
		}
	})
	if got := admitted.Load(); got != 994 {
		t.Fatalf("admitted %d devices of 1000 in batches of 7, want 994", got)
	}
}

func TestRace_severalKeysStayTogether(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	partner, tenant := perMinute(1000), perMinute(150)
	var kept [10]atomic.Int64
	race(400, func(i int) {
		c := charges(
			ratelimit.ForDevices("p", partner, 9),
			ratelimit.ForTenantDevices("p", models.TenantID(strconv.Itoa(i%10)), tenant, 9))
		if i%2 == 1 { // the order of keys must not matter
			c[0], c[1] = c[1], c[0]
		}
		d := spend(t, l, c...)
		switch {
		case d.Admitted && i%4 == 0:
			refund(t, l, d)
		case d.Admitted:
			kept[i%10].Add(9)
		}
	})
	total := int64(0)
	for i := range kept {
		total += kept[i].Load()
		want := 150 - kept[i].Load()
		if got := left(t, l, ratelimit.ForTenantDevices("p", models.TenantID(strconv.Itoa(i)), tenant, 0)); got != want {
			t.Errorf("tenant %d has %d left, want %d", i, got, want)
		}
	}
	if got := left(t, l, ratelimit.ForDevices("p", partner, 0)); got != 1000-total {
		t.Errorf("partner has %d left, want %d", got, 1000-total)
	}
}

func TestRace_guessesMadeTogetherDoNotAllPass(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter()
	source := netip.MustParseAddr("192.0.2.7")
	var looked atomic.Int64
	race(100, func(int) {
		if spend(t, l, ratelimit.ForFailedAuthentication("c", source, perMinute(5))).Admitted {
			looked.Add(1)
		}
	})
	if got := looked.Load(); got != 5 {
		t.Fatalf("%d guesses were looked at, want 5", got)
	}
}

func address(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func TestFlood_staysBoundedAndForgetsNobodyWhoMatters(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := ratelimit.NewMemory(c.Now, 1000)
	l := ratelimit.New(m, steady)
	partner := ratelimit.ForDevices("p", perMinute(600), 1) // owes least of all
	guesser := ratelimit.ForFailedAuthentication("c", netip.MustParseAddr("192.0.2.7"), perMinute(2))
	spend(t, l, partner)
	spend(t, l, guesser)
	spend(t, l, guesser)
	for i := range 20_000 {
		spend(t, l, ratelimit.ForTokenRequest(address(i), perMinute(60)))
		if n := m.Len(); n > 1001 {
			t.Fatalf("%d buckets after %d addresses, want at most 1001", n, i+1)
		}
	}
	if left(t, l, partner) != 599 {
		t.Error("the flood made the store forget a partner's spending")
	}
	if spend(t, l, guesser).Admitted {
		t.Error("the flood made the store forget who was guessing")
	}
}

func TestSweep_emptyBucketsGo(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := ratelimit.NewMemory(c.Now, 0)
	l := ratelimit.New(m, steady)
	for i := range 1000 {
		spend(t, l, ratelimit.ForRequest(models.ClientID(strconv.Itoa(i)), perMinute(10)))
		spend(t, l, ratelimit.ForTokenRequest(address(i), perMinute(10)))
	}
	if n := m.Len(); n != 2000 {
		t.Fatalf("%d buckets, want 2000: one in use was swept", n)
	}
	c.Advance(time.Minute)
	for range 1100 {
		spend(t, l, ratelimit.ForRequest("busy", perMinute(10)))
	}
	if n := m.Len(); n != 1 {
		t.Fatalf("%d buckets left, want the busy one only", n)
	}
}

func TestSweep_keepsUpWithNewKeys(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := ratelimit.NewMemory(c.Now, 0)
	l := ratelimit.New(m, steady)
	worst := 0
	for i := range 20_000 { // each key is in use for 1 s, 100 at a time
		spend(t, l, ratelimit.ForRequest(models.ClientID(strconv.Itoa(i)), perMinute(60)))
		c.Advance(10 * time.Millisecond)
		worst = max(worst, m.Len())
	}
	if worst > 300 {
		t.Fatalf("%d buckets held for 100 in use", worst)
	}
}

func TestPeek_storesNothing(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := ratelimit.NewMemory(c.Now, 0)
	l := ratelimit.New(m, steady)
	left(t, l, ratelimit.ForRequest("c", perMinute(10)))
	if d, err := l.Spend(context.Background(), charges(ratelimit.ForDevices("p", perMinute(10), 11))); err != nil || d.Admitted {
		t.Fatalf("got %+v, %v", d, err)
	}
	if m.Len() != 0 {
		t.Fatalf("%d buckets, want none", m.Len())
	}
}
