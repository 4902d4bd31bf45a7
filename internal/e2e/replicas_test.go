package e2e

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/internal/db"
)

// The same call five times, on both replicas, also at once, is one upload.
func TestReplicas_repeatedCallIsOneUpload(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.Postgres)
	a, b := s.start(), s.start()
	p := newPeople(t, s)
	p.agree(a, p.tenant, p.customer)
	onA, onB := p.as(a, p.reseller), p.as(b, p.reseller)

	d := p.delivery(p.tenant, 50)
	receipts := make([]client.Receipt, 5)
	failures := make([]error, 5)
	var wg sync.WaitGroup
	for i := range receipts {
		cl := onA
		if i%2 == 1 {
			cl = onB
		}
		wg.Go(func() { receipts[i], failures[i] = cl.Submit(t.Context(), d.Submission) })
	}
	wg.Wait()
	first := 0
	for i, r := range receipts {
		if failures[i] != nil {
			t.Fatalf("call %d: %v", i, failures[i])
		}
		if r.Location != receipts[0].Location {
			t.Errorf("call %d answers %s, call 0 %s", i, r.Location, receipts[0].Location)
		}
		if !r.Replayed {
			first++
		}
	}
	if first != 1 {
		t.Errorf("%d calls say they were the first", first)
	}

	later, err := onB.Submit(t.Context(), d.Submission)
	if err != nil || !later.Replayed || later.Location != receipts[0].Location {
		t.Errorf("later on the other replica: %+v, %v", later, err)
	}
	other := p.delivery(p.tenant, 1)
	other.RequestID = d.RequestID
	var api *client.APIError
	if _, err := onA.Submit(t.Context(), other.Submission); !errors.As(err, &api) || api.Status != http.StatusConflict {
		t.Errorf("another body under the same id: %v, want 409", err)
	}

	tenant, customer := p.newTenant("Adatum")
	p.agree(b, tenant, customer)
	elsewhere := d
	elsewhere.Tenant = tenant
	its, err := onA.Submit(t.Context(), elsewhere.Submission)
	if err != nil || its.Replayed || its.TrackingID == later.TrackingID {
		t.Errorf("the same id for another tenant: %+v, %v, want an upload of its own", its, err)
	}
	uploads, _, err := client.Collect(onA.Uploads(t.Context(), client.UploadFilter{}), 100)
	if err != nil || len(uploads) != 2 {
		t.Errorf("%d uploads, %v, want one per tenant", len(uploads), err)
	}
}

// Either replica is killed in the middle: every 202 survives, a call that got no
// answer is repeated and has one effect, no device is there twice.
func TestReplicas_killed(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.Postgres)
	a, b := s.start(), s.start()
	p := newPeople(t, s)
	p.agree(a, p.tenant, p.customer)

	const uploads, rows = 24, 40
	work := make([]delivery, uploads)
	for i := range work {
		work[i] = p.delivery(p.tenant, rows)
	}
	sender := &sender{t: t, people: p, replicas: []*replica{a, b}}
	done := make(chan struct{})
	go func() { defer close(done); sender.sendAll(work) }()

	sender.awaitAccepted(6)
	a.kill()
	sender.awaitAccepted(12)
	a = s.startAt(a)
	sender.replace(0, a)
	sender.awaitAccepted(18)
	b.kill()
	<-done

	seen := map[string]bool{}
	cl := p.as(a, p.reseller)
	for _, receipt := range sender.accepted {
		status := p.outcome(cl, p.tenant, receipt.TrackingID, 90*time.Second)
		if len(status.DevicesStatus) != rows {
			t.Fatalf("%d rows of %d", len(status.DevicesStatus), rows)
		}
		for _, row := range status.DevicesStatus {
			if codeOf(row) != "" || row.DeviceID == nil {
				t.Fatalf("upload %s row %d: code %q", receipt.TrackingID, row.Row, codeOf(row))
			}
			if seen[*row.DeviceID] {
				t.Fatalf("device %s was registered twice", *row.DeviceID)
			}
			seen[*row.DeviceID] = true
		}
	}
	if len(seen) != uploads*rows {
		t.Errorf("%d devices, want %d", len(seen), uploads*rows)
	}
	listed, _, err := client.Collect(cl.Uploads(t.Context(), client.UploadFilter{}), 1000)
	if err != nil || len(listed) != uploads {
		t.Errorf("%d uploads are listed, %v; want %d", len(listed), err, uploads)
	}
}

// sender pushes deliveries to whichever replica answers, and repeats a call with
// the same id until it is accepted.
type sender struct {
	t      *testing.T
	people *people

	mu       sync.Mutex
	replicas []*replica
	accepted []client.Receipt
}

func (s *sender) replace(i int, r *replica) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replicas[i] = r
}

func (s *sender) pick(turn int) *replica {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replicas[turn%len(s.replicas)]
}

func (s *sender) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.accepted)
}

func (s *sender) awaitAccepted(n int) {
	s.t.Helper()
	await(s.t, 60*time.Second, "some uploads to be accepted", func(context.Context) bool { return s.count() >= n })
}

func (s *sender) sendAll(work []delivery) {
	deadline := time.Now().Add(90 * time.Second)
	for i, d := range work {
		for turn := i; ; turn++ {
			receipt, err := s.people.as(s.pick(turn), s.people.reseller).Submit(s.t.Context(), d.Submission)
			if err == nil {
				s.mu.Lock()
				s.accepted = append(s.accepted, receipt)
				s.mu.Unlock()
				break
			}
			if time.Now().After(deadline) {
				s.t.Errorf("upload %d is never accepted: %v", i, err)
				return
			}
		}
	}
}
