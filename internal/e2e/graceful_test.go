package e2e

import (
	"sync"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/internal/db"
)

// A server that is asked to stop while uploads arrive ends with exit code 0, and
// what it accepted is finished by the next one.
func TestGraceful_stopLosesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	r := s.start()
	p := newPeople(t, s)
	p.agree(r, p.tenant, p.customer)
	cl := p.as(r, p.reseller)
	work := make([]delivery, 12)
	for i := range work {
		work[i] = p.delivery(p.tenant, 100)
	}
	var mu sync.Mutex
	var accepted []client.Receipt
	enough := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i, d := range work {
			receipt, err := cl.Submit(t.Context(), d.Submission)
			if err != nil {
				return // the server is gone
			}
			mu.Lock()
			accepted = append(accepted, receipt)
			mu.Unlock()
			if i == 3 {
				close(enough)
			}
		}
	}()
	select {
	case <-enough:
	case <-done: // or the test would wait for ever
		t.Fatalf("only %d uploads were accepted\n%s", len(accepted), tail(r.log.String()))
	}
	if err := r.stop(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, tail(r.log.String()))
	}
	<-done
	cl = p.as(s.startAt(r), p.reseller)
	for _, receipt := range accepted {
		if status := p.outcome(cl, p.tenant, receipt.TrackingID, 60*time.Second); status.Status != "finished" {
			t.Errorf("upload %s: %s", receipt.TrackingID, status.Status)
		}
	}
}
