//go:build !windows

package e2e

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/internal/db"
)

// Two replicas are restarted one after the other, twice, while a client uploads and reads.
// It knows both addresses and goes to the other one when a connection is refused, and
// repeats nothing: no call fails, and no work is taken from a worker that was stopped.
func TestRollingRestart_failsNoRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.Postgres, "COUNTERSIGN_LOG_LEVEL=error", "COUNTERSIGN_REQUESTS_PER_MINUTE=1000000")
	replicas := []*replica{s.start(), s.start()}
	p := newPeople(t, s)
	p.agree(replicas[0], p.tenant, p.customer)
	both := addresses{replicas[0].url[len("http://"):], replicas[1].url[len("http://"):]}
	running, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	var calls atomic.Int64
	for lane := range 3 {
		cl, err := client.New(client.Config{
			BaseURL: "http://gateway.test", Credentials: client.Secret(p.reseller.ID, p.reseller.Secret), Patience: -1,
			HTTP: &http.Client{Transport: &http.Transport{DialContext: both.dial, MaxIdleConnsPerHost: 4}},
		})
		if err != nil {
			t.Fatal(err)
		}
		var work []delivery
		for range 400 {
			work = append(work, p.delivery(p.tenant, 3))
		}
		callers.Go(func() {
			for i := 0; running.Err() == nil && i < len(work); i++ {
				receipt, err := cl.Submit(t.Context(), work[i].Submission)
				if err != nil {
					t.Errorf("lane %d, upload %d: %v", lane, i, err)
					return
				}
				if _, err := cl.Upload(t.Context(), client.Owner{}, receipt.TrackingID); err != nil {
					t.Errorf("lane %d, look %d: %v", lane, i, err)
					return
				}
				calls.Add(2)
			}
		})
	}
	for range 2 {
		for i := range replicas {
			before := calls.Load()
			await(t, 30*time.Second, "some calls", func(context.Context) bool { return calls.Load() > before+20 })
			if err := replicas[i].stop(); err != nil {
				t.Errorf("replica %d ended with %v", i, err)
			}
			replicas[i] = s.startAt(replicas[i])
		}
	}
	stop()
	callers.Wait()
	s.await("all work to be done", "SELECT count(*) = 0 FROM dispatches WHERE state <> 'done'")
	if n := s.number("SELECT count(*) FROM dispatches WHERE attempt > 1 OR crashes > 0"); n != 0 {
		t.Errorf("%d dispatches were taken from a worker that was stopped", n)
	}
	if n, want := s.number("SELECT count(*) FROM uploads WHERE state = 'finished'"), int(calls.Load()/2); n < want {
		t.Errorf("%d of %d uploads are finished", n, want)
	}
	t.Logf("%d calls", calls.Load())
}

// addresses are tried in any order; one that refuses is passed over.
type addresses [2]string

func (a addresses) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var d net.Dialer
	first := rand.IntN(2)
	conn, err := d.DialContext(ctx, network, a[first])
	if errors.Is(err, syscall.ECONNREFUSED) {
		return d.DialContext(ctx, network, a[1-first])
	}
	return conn, err
}
