package ratelimit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ulule/limiter/v3"

	"countersign/gateway/ratelimit"
	"countersign/internal/redistest"
)

// remote is a shared store that can be taken away.
type remote struct {
	*ratelimit.Memory
	away     atomic.Bool
	calls    atomic.Int64
	replicas int
}

var errAway = errors.New("connection refused")

func (r *remote) answer() error {
	r.calls.Add(1)
	if r.away.Load() {
		return errAway
	}
	return nil
}

func (r *remote) SpendAll(ctx context.Context, list []ratelimit.Item) (ratelimit.Outcome, error) {
	if err := r.answer(); err != nil {
		return ratelimit.Outcome{}, err
	}
	return r.Memory.SpendAll(ctx, list)
}

func (r *remote) RefundAll(ctx context.Context, list []ratelimit.Receipt) error {
	if err := r.answer(); err != nil {
		return err
	}
	return r.Memory.RefundAll(ctx, list)
}

func (r *remote) Reset(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	if err := r.answer(); err != nil {
		return limiter.Context{}, err
	}
	return r.Memory.Reset(ctx, key, rate)
}

func (r *remote) Announce(context.Context, string) (int, error) { return r.replicas, r.answer() }

// outage is a limiter over a fallback over a remote store, on a clock of the test's.
type outage struct {
	*clock
	remote   *remote
	fallback *ratelimit.Fallback
	limiter  *ratelimit.Limiter
	log      *bytes.Buffer
}

func newOutage(replicas int) *outage {
	o := &outage{clock: newClock(), log: &bytes.Buffer{}}
	o.remote = &remote{Memory: ratelimit.NewMemory(o.Now, 0), replicas: replicas}
	o.fallback = ratelimit.NewFallback(o.remote, "a", o.Now, slog.New(slog.NewTextHandler(o.log, nil)))
	o.limiter = ratelimit.New(o.fallback, steady)
	o.fallback.Tend(context.Background())
	return o
}

func (o *outage) devices(n int64) ratelimit.Charge {
	return ratelimit.ForDevices("p", perMinute(100), n)
}

func TestFallback_sharedAsLongAsItAnswers(t *testing.T) {
	t.Parallel()
	o := newOutage(4)
	spend(t, o.limiter, o.devices(60))
	if out, err := o.remote.Memory.SpendAll(t.Context(), items(item("p", 0, time.Minute))); err != nil || out.Backlogs[0] != 36*time.Second || !o.fallback.Shared() {
		t.Errorf("the shared store has %+v, %v", out, err)
	}
}

func TestFallback_aloneAReplicaGivesOutItsPart(t *testing.T) {
	t.Parallel()
	o := newOutage(4)
	o.remote.away.Store(true)
	given := int64(0)
	for given < 1000 && spend(t, o.limiter, o.devices(5)).Admitted {
		given += 5
	}
	if given != 25 {
		t.Errorf("one of four replicas gave out %d of 100, want 25", given)
	}
	d := spend(t, o.limiter, o.devices(5))
	if d.RetryAfter != 12*time.Second || d.Tightest.Remaining != 0 {
		t.Errorf("retry after %v with %d left, want 12s for 5 of 25 a minute, and nothing left", d.RetryAfter, d.Tightest.Remaining)
	}
	o.Advance(d.RetryAfter)
	if !spend(t, o.limiter, o.devices(5)).Admitted {
		t.Error("obeyed and was refused again")
	}
	if d := spend(t, o.limiter, o.devices(101)); !d.Never {
		t.Errorf("larger than the whole budget: %+v", d)
	}
}

// An upload larger than the part takes the whole part, so that large uploads do not
// stop for the length of the outage.
func TestFallback_aloneALargeUploadTakesTheWholePart(t *testing.T) {
	t.Parallel()
	o := newOutage(4)
	o.remote.away.Store(true)
	spent := spend(t, o.limiter, o.devices(80))
	again := spend(t, o.limiter, o.devices(80))
	if !spent.Admitted || again.Admitted || again.RetryAfter != time.Minute {
		t.Errorf("first %+v, then %+v", spent, again)
	}
	refund(t, o.limiter, spent)
	if got := left(t, o.limiter, o.devices(0)); got != 25 {
		t.Errorf("%d left after the refund, want the part of 25", got)
	}
}

func TestFallback_limitsAgainstGuessingFailClosed(t *testing.T) {
	t.Parallel()
	o := newOutage(2)
	guess := ratelimit.ForFailedAuthentication("c", netip.MustParseAddr("192.0.2.7"), perMinute(5))
	if !spend(t, o.limiter, guess).Admitted {
		t.Fatal("refused although the store answers")
	}
	o.remote.away.Store(true)
	if d, err := o.limiter.Spend(t.Context(), charges(guess)); err == nil || d.Admitted {
		t.Errorf("a guess was let through while nobody counts: %+v", d)
	}
	if !spend(t, o.limiter, ratelimit.ForTokenRequest(netip.MustParseAddr("192.0.2.7"), perMinute(5))).Admitted {
		t.Error("no token for anybody: every line would stop with its token")
	}
}

func TestFallback_saysSoOnceAndComesBack(t *testing.T) {
	t.Parallel()
	o := newOutage(3)
	for range 2 {
		o.remote.away.Store(true)
		for range 5 {
			spend(t, o.limiter, o.devices(1))
			o.fallback.Tend(t.Context())
			o.Advance(20 * time.Second)
		}
		if o.fallback.Shared() {
			t.Fatal("counts as shared although nobody answers")
		}
		o.remote.away.Store(false)
		o.Advance(10 * time.Second)
		o.fallback.Tend(t.Context())
		if !o.fallback.Shared() {
			t.Fatal("did not come back")
		}
	}
	lost, found := strings.Count(o.log.String(), "level=WARN"), strings.Count(o.log.String(), "answers again")
	if lost != 2 || found != 2 {
		t.Errorf("two outages were reported %d times and their ends %d times:\n%s", lost, found, o.log)
	}
}

// While the store is away nobody waits for it, and it is asked less and less often.
func TestFallback_probesWithBackoff(t *testing.T) {
	t.Parallel()
	o := newOutage(1)
	o.remote.away.Store(true)
	spend(t, o.limiter, o.devices(1))
	var asked []int
	start := o.remote.calls.Load()
	for second := range 35 {
		spend(t, o.limiter, o.devices(0))
		o.fallback.Tend(t.Context())
		if n := o.remote.calls.Load(); n != start {
			start = n
			asked = append(asked, second)
		}
		o.Advance(time.Second)
	}
	if got, want := fmt.Sprint(asked), "[1 3 7 15 25]"; got != want {
		t.Errorf("asked in the seconds %s, want %s", got, want)
	}
}

func TestFallback_refundsGoWhereTheSpendWent(t *testing.T) {
	t.Parallel()
	o := newOutage(1)
	shared := spend(t, o.limiter, o.devices(10))
	lostLater := spend(t, o.limiter, o.devices(10))
	o.remote.away.Store(true)
	alone := spend(t, o.limiter, o.devices(30))
	if err := o.limiter.Refund(t.Context(), lostLater); err == nil {
		t.Error("a refund that cannot happen is no error")
	}
	if got := left(t, o.limiter, o.devices(0)); got != 70 {
		t.Errorf("alone, %d left, want 70: a refund of elsewhere was given here", got)
	}
	o.remote.away.Store(false)
	o.Advance(time.Second)
	o.fallback.Tend(t.Context())
	refund(t, o.limiter, alone)
	refund(t, o.limiter, shared)
	if got := left(t, o.limiter, o.devices(0)); got != 90 {
		t.Errorf("shared, %d left, want 90: the refund of 10 was lost", got)
	}
}

func TestFallback_resetEmptiesBothSides(t *testing.T) {
	t.Parallel()
	o := newOutage(1)
	l := limiter.New(o.fallback, limiter.Rate{Limit: 3, Period: time.Minute})
	get := func() limiter.Context {
		got, err := l.Get(t.Context(), "foo")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	get()
	if _, err := l.Reset(t.Context(), "foo"); err != nil {
		t.Fatal(err)
	}
	if got := get(); got.Remaining != 2 {
		t.Errorf("%d remain, want 2", got.Remaining)
	}
	if _, err := o.fallback.Reset(t.Context(), "foo", limiter.Rate{}); err == nil || !o.fallback.Shared() {
		t.Errorf("a wrong rate: %v, shared %v", err, o.fallback.Shared())
	}
	o.remote.away.Store(true)
	get()
	if _, err := l.Reset(t.Context(), "foo"); err != nil {
		t.Fatal(err)
	}
	if got := get(); got.Remaining != 2 {
		t.Errorf("alone: %d remain, want 2", got.Remaining)
	}
}

// A real server is killed and started again in the middle: calls go on, bounded, and
// budgets are shared again afterwards.
func TestFallback_redisKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := newClock() // of the fallback alone; Redis has its own
	var log bytes.Buffer
	type replica struct {
		store   *ratelimit.Fallback
		limiter *ratelimit.Limiter
	}
	replicas := make([]replica, 2)
	for i := range replicas {
		r := patient(ratelimit.NewRedis(newClient(t, server.URL()), nil))
		replicas[i].store = ratelimit.NewFallback(r, fmt.Sprint(i), c.Now, slog.New(slog.NewTextHandler(&log, nil)))
		replicas[i].limiter = ratelimit.New(replicas[i].store, steady)
	}
	tend := func() {
		for range 2 { // the second time each knows of the other
			for _, r := range replicas {
				r.store.Tend(t.Context())
			}
			c.Advance(10 * time.Second)
		}
	}
	give := func() (given int64) {
		for refusals := 0; refusals < len(replicas) && given < 1000; {
			refusals = 0
			for _, r := range replicas {
				if spend(t, r.limiter, ratelimit.ForDevices("p", perDay(100), 1)).Admitted {
					given++
				} else {
					refusals++
				}
			}
		}
		return given
	}
	tend()
	if got := give(); got != 100 {
		t.Fatalf("shared: %d given out of 100", got)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if got := give(); got != 100 || replicas[0].store.Shared() || replicas[1].store.Shared() {
		t.Fatalf("alone: %d given out, want two halves of 100", got)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	tend()
	if !replicas[0].store.Shared() || !replicas[1].store.Shared() {
		t.Fatalf("not shared again:\n%s", &log)
	}
	if got := give(); got != 100 {
		t.Fatalf("shared again: %d given out of 100", got)
	}
}

// A server that takes the call and does not answer delays one call by the time
// allowed, and no other.
func TestFallback_redisThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, err := ratelimit.OpenRedis(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var log bytes.Buffer
	f := ratelimit.NewFallback(r, "a", newClock().Now, slog.New(slog.NewTextHandler(&log, nil)))
	l := ratelimit.New(f, steady)
	if err := server.Do("CLIENT", "PAUSE", "600000", "ALL"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range 50 {
		spend(t, l, ratelimit.ForDevices("p", perDay(100), 1))
	}
	if took := time.Since(began); took < ratelimit.RedisTimeout || took > 40*ratelimit.RedisTimeout {
		t.Errorf("50 calls took %v, want one wait of %v", took, ratelimit.RedisTimeout)
	}
	if f.Shared() || left(t, l, ratelimit.ForDevices("p", perDay(100), 0)) != 50 {
		t.Errorf("shared %v; want 50 of 100 left here", f.Shared())
	}
	if strings.Contains(log.String(), "default:") {
		t.Errorf("the log: %s", &log)
	}
}
