package loadgen

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/internal/db"
	"countersign/models"
)

// What stands in the queue while grants are revoked; tests make do with less.
var (
	queued  = 16_000 // dispatches
	revoked = 200    // grants, which share them
	each    = 20     // rows of a dispatch
	accepts = 1000   // uploads of each side of a round of R2
)

// queueSQL makes the uploads, rows and dispatches of one grant.
var queueSQL = []string{
	`INSERT INTO uploads (tracking_id, kind, partner_id, tenant_id, client_id, grant_id, state, staged_on, row_count, open_rows, created_at, accepted_at)
	SELECT gen_random_uuid()::text, 'register', $1, $2, $3, $4, 'queued', current_date, $6, $6, now(), now() FROM generate_series(1, $5::int)`,
	`INSERT INTO upload_rows (upload_id, ordinal, serial_number, manufacturer, model)
	SELECT u.id, n, 'Q' || u.id || '-' || n, 'Load', 'Test' FROM uploads u, generate_series(1, $2::int) n WHERE u.grant_id = $1`,
	`INSERT INTO dispatches (upload_id, kind, partner_id, tenant_id, client_id, grant_id, grant_epoch, first_ordinal, last_ordinal, state, run_at, created_at)
	SELECT id, 'register', partner_id, tenant_id, client_id, grant_id, 1, 1, row_count, 'ready', now(), now() FROM uploads WHERE grant_id = $1`,
	`UPDATE grants SET devices_reserved = (SELECT sum(row_count) FROM uploads WHERE grant_id = $1) WHERE id = $1`,
}

// fillQueue puts the dispatches of all grants to be revoked into the queue.
func (s *site) fillQueue(ctx context.Context) error {
	for n := range revoked {
		args := [][]any{
			{partner, tenantOf(n), lineID, grantOf(n), queued / revoked, each},
			{grantOf(n), each},
			{grantOf(n)},
			{grantOf(n)},
		}
		err := s.gateway.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			for i, sql := range queueSQL {
				if err := tx.Gorm().WithContext(ctx).Exec(sql, args[i]...).Error; err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// revoking is R1: how long a revoke takes until the core has acknowledged, with the
// queue full, all workers forwarding and bulk uploads coming in.
func (r *run) revoking(ctx context.Context) (Figure, error) {
	s, err := r.site(ctx)
	if err != nil {
		return Figure{}, err
	}
	defer s.close()
	if err := s.people(ctx, revoked+1); err != nil {
		return Figure{}, err
	}
	if err := s.fillQueue(ctx); err != nil {
		return Figure{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	var load sync.WaitGroup
	defer load.Wait()
	defer stop()
	load.Go(func() { s.forward.Run(ctx) })
	var devices atomic.Int64
	bulk := s.accepting(s.consent, s.forward)
	for w := range workers {
		load.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if send(ctx, bulk, revoked, 2000, (w*1_000_000+i)*2000) == nil {
					devices.Add(2000)
				}
			}
		})
	}
	began := time.Now()
	var took []float64
	for n := range revoked {
		d, err := timed(func() error { return s.revoke(ctx, n) })
		if err != nil {
			return Figure{}, err
		}
		took = append(took, d.Seconds())
	}
	slices.Sort(took)
	rate := float64(devices.Load()) / time.Since(began).Seconds()
	return Figure{
		Values: []float64{took[len(took)*99/100], median(took)}, Of: "seconds of a revoke, 99th of 100 and median", Goal: "< 1 (99th)",
		Detail: []string{fmt.Sprintf("%d grants were revoked one after the other with %d dispatches queued, while %d devices a second came in and %d workers forwarded. The longest took %.2f s.",
			revoked, queued, int(rate), workers, took[len(took)-1])},
	}, nil
}

// revoke ends one grant and insists on the core's word.
func (s *site) revoke(ctx context.Context, n int) error {
	tenant := consent.Actor{Kind: models.ActorOperator, ID: "loadgen"}
	got, err := s.consent.Revoke(ctx, tenant, grantOf(n), "")
	if err == nil && !got.Done {
		err = fmt.Errorf("the core has not acknowledged the end of grant %d", n)
	}
	return err
}

// checking is R2: the rate at which uploads are accepted, with the check of consent and
// with an answer that is always yes, upload by upload in turns.
func (r *run) checking(ctx context.Context) (Figure, error) {
	s, err := r.site(ctx)
	if err != nil {
		return Figure{}, err
	}
	defer s.close()
	if err := s.people(ctx, 1); err != nil {
		return Figure{}, err
	}
	checked, blind := s.accepting(s.consent, quiet{s.forward}), s.accepting(always{s.consent, s.gateway}, quiet{s.forward})
	out := Figure{Of: "accept rate with the check / without: uploads of 1, 100 and 500 devices", Goal: "≥ 0.95"}
	for _, size := range []int{1, 100, 500} {
		var with, without []time.Duration
		for round := range r.Rounds + 1 { // the first one warms up
			took, err := acceptAll(ctx, [2]*intake.Service{checked, blind}, size)
			if err != nil {
				return Figure{}, err
			}
			if round > 0 {
				with, without = append(with, took[0]), append(without, took[1])
			}
		}
		rounds := ratios(without, with)
		out.Values = append(out.Values, median(rounds))
		out.Detail = append(out.Detail, fmt.Sprintf("Uploads of %d: %.1f ms each with the check, rounds: %s.", size,
			median(with).Seconds()*1000/float64(accepts), spread(rounds)))
	}
	return out, nil
}

// acceptAll sends uploads by two callers at once, each in turns to the one and the
// other, and returns how long each of them took in all.
func acceptAll(ctx context.Context, to [2]*intake.Service, size int) (took [2]time.Duration, err error) {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		g.Go(func() error {
			for i := range 2 * accepts / workers {
				side := (i + i/2) % 2 // each comes first as often as the other
				d, err := timed(func() error { return send(ctx, to[side], 0, size, (w*2*accepts+i)*size) })
				if err != nil {
					return err
				}
				mu.Lock()
				took[side] += d
				mu.Unlock()
			}
			return nil
		})
	}
	return took, g.Wait()
}

// quiet wakes nobody: only acceptance is measured.
type quiet struct{ intake.Queue }

// Wake implements intake.Queue.
func (quiet) Wake() {}

// always says yes without asking; the time, which a permit brings, is read, and devices
// are reserved all the same.
type always struct {
	*consent.Service
	db *db.DB
}

func yes(now time.Time, err error) (consent.Permit, error) {
	return consent.Permit{Grant: grantOf(0), Root: grantOf(0), Epoch: 1, Version: 1, Now: now}, err
}

// Check implements intake.Consent.
func (a always) Check(ctx context.Context, _ consent.Ask) (consent.Permit, error) {
	return yes(a.db.Now(ctx))
}

// CheckTx implements intake.Consent.
func (always) CheckTx(ctx context.Context, tx *db.Tx, _ consent.Ask) (consent.Permit, error) {
	return yes(tx.Now(ctx))
}
