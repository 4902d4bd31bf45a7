package intake

import (
	"bytes"
	"context"
	"errors"
	"time"

	"countersign/models"
)

// Times of repeated calls.
const (
	leaseFor   = 30 * time.Second
	renewEvery = 10 * time.Second
	pollEvery  = 100 * time.Millisecond
	waitAtMost = 60 * time.Second
)

// lease is the right to run a repeatable call. Owner fences it: a call that was taken
// over can no longer complete.
type lease struct {
	partner models.PartnerID
	key     []byte
	owner   string
}

// leaseOfCall is the lease of the caller's own key; nil for a call without one.
func (s *Service) leaseOfCall(call Call) *lease {
	return s.leaseOf(call.PartnerID, call.Key, call.Method, call.Path, call.ownerKey())
}

// leaseOfReport is the lease of a build report's id, which names the report whatever
// the call looks like that carries it.
func (s *Service) leaseOfReport(call Call, id string) *lease {
	return s.leaseOf(call.PartnerID, id, "CustomerReportUniqueID", id)
}

// ownerKey keeps the keys of tenants apart, which have no partner's id to do so.
func (c Call) ownerKey() string {
	if c.byOwner() {
		return string(c.Tenant) + " " + c.Key
	}
	return c.Key
}

func (s *Service) leaseOf(partner models.PartnerID, key string, parts ...string) *lease {
	if key == "" {
		return nil
	}
	return &lease{partner: partner, owner: s.newID(), key: digestOf(parts...)}
}

// digestOf is what a repeat of the call must be equal in: its body, and for a report,
// which its id names whatever the call looks like, also what the call says of machines
// that state nothing themselves.
func (c Call) digestOf(src Source) []byte {
	if _, report := src.(ReportSource); !report {
		return src.Digest()
	}
	parts := []string{string(src.Digest()), c.SoldTo}
	for _, f := range orderFields(&c.Defaults) {
		parts = append(parts, (&cells{}).text(f.name, *f.value)) // trimmed, as it is kept
	}
	return digestOf(parts...)
}

// once runs a call that carries a key at most once at a time, and gives the first
// answer to its repeats. A call without a key has no lease and just runs. A run that
// itself ends as a repeat, by another key, leaves this key free.
func (s *Service) once(ctx context.Context, l *lease, digest func() []byte, run func(context.Context) (Accepted, error)) (Accepted, error) {
	if l == nil {
		return run(ctx)
	}
	first, err := s.obtain(ctx, l)
	if err != nil {
		return Accepted{}, err
	}
	if first != nil {
		return replay(first, digest())
	}
	running, stop := s.keep(ctx, l)
	accepted, err := run(running)
	if cause := context.Cause(running); err != nil && errors.Is(cause, ErrSuperseded) {
		err = cause
	}
	stop()
	if err != nil || accepted.Replayed {
		s.tidy(ctx, "forget a refused call", func(ctx context.Context) error { return s.store.dropKey(ctx, l) })
	}
	return accepted, err
}

// replay answers a repeat of a completed call.
func replay(first *models.IdempotencyKey, digest []byte) (Accepted, error) {
	if !bytes.Equal(first.BodyDigest, digest) {
		return Accepted{}, keyReused(*first.TrackingID)
	}
	return Accepted{TrackingID: *first.TrackingID, Location: first.Location, Replayed: true}, nil
}

// obtain takes the lease, or returns the completed first call, waiting for one that is
// running.
func (s *Service) obtain(ctx context.Context, l *lease) (*models.IdempotencyKey, error) {
	deadline := s.clock.Now().Add(waitAtMost)
	for {
		mine, err := s.store.claimKey(ctx, l)
		if err != nil || mine {
			return nil, err
		}
		first, err := s.awaitFirst(ctx, l, deadline)
		if err != nil || first != nil {
			return first, err
		}
	}
}

// awaitFirst watches the first call. It returns nil when the key may be claimed: the
// first call was refused, or its lease lapsed.
func (s *Service) awaitFirst(ctx context.Context, l *lease, deadline time.Time) (*models.IdempotencyKey, error) {
	for {
		first, left, err := s.store.key(ctx, l)
		if err != nil {
			return nil, err
		}
		if first == nil || first.State == models.IdempotencyRunning && left <= 0 {
			return nil, nil
		}
		if first.State == models.IdempotencyDone {
			return first, nil
		}
		if !s.clock.Now().Before(deadline) {
			return nil, ErrStillRunning.WithRetryAfter(max(left, soon))
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-s.clock.After(pollEvery):
		}
	}
}

// keep renews the lease until stop is called. The returned context ends with
// ErrSuperseded when another call took the lease over.
func (s *Service) keep(ctx context.Context, l *lease) (running context.Context, stop func()) {
	running, end := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-running.Done():
				return
			case <-s.clock.After(renewEvery):
			}
			held, err := s.store.renewKey(running, l)
			if err == nil && !held {
				end(ErrSuperseded.WithRetryAfter(soon))
				return
			}
		}
	}()
	return running, func() {
		end(nil)
		<-done
	}
}

// tidy runs a clean-up that must also happen after the caller hung up. What fails here
// is repeated by Sweep.
func (s *Service) tidy(ctx context.Context, what string, step func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	if err := step(ctx); err != nil {
		s.log.WarnContext(ctx, "intake could not "+what, "error", err)
	}
}
