package intake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/db"
)

func TestRepeat_fiveAtOnceMakeOneUpload(t *testing.T) {
	run(t, func(f *fixture) {
		replicas := []*Service{f.svc, f.service()}
		answers, failures := make([]Accepted, 5), make([]error, 5)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() {
				answers[i], failures[i] = replicas[i%2].Accept(f.t.Context(), keyed(create("depot"), "req-1"), tuples(3))
			})
		}
		all.Wait()
		replayed := 0
		for i, a := range answers {
			if failures[i] != nil {
				f.t.Fatal(failures[i])
			}
			if a.TrackingID != answers[0].TrackingID || a.Location != answers[0].Location {
				f.t.Errorf("answer %d: %+v, want %+v", i, a, answers[0])
			}
			if a.Replayed {
				replayed++
			}
		}
		if replayed != 4 || f.count("uploads") != 1 || f.budget.spent != 3 || f.reserved != 3 {
			f.t.Errorf("replayed %d, uploads %d, spent %d, reserved %d", replayed, f.count("uploads"), f.budget.spent, f.reserved)
		}
	})
}

func TestRepeat_replayComesBeforeEverythingElse(t *testing.T) {
	run(t, func(f *fixture) {
		call := keyed(create("depot"), "req-1")
		first := f.accept(call, tuples(3))
		f.consent.check = func(context.Context, Ask) (Permit, error) { return Permit{}, errNoConsent }
		f.budget.refuse = errors.New("budget was asked")
		again := f.accept(call, tuples(3))
		if !again.Replayed || again.TrackingID != first.TrackingID || again.Location != first.Location {
			f.t.Errorf("repeat %+v, first %+v", again, first)
		}
		otherBody := tuples(3)
		otherBody.salt = "changed"
		_, err := f.svc.Accept(f.t.Context(), call, otherBody)
		if got := wantCode(f.t, err, ErrKeyReused); !strings.Contains(got.Detail, string(first.TrackingID)) {
			f.t.Errorf("%q does not name the first upload", got.Detail)
		}
	})
}

func TestRepeat_keysAreTheCallersOwn(t *testing.T) {
	run(t, func(f *fixture) {
		f.accept(keyed(create("depot"), "req-1"), tuples(1))
		otherPartner, otherTenant, otherKey, noKey := create("depot"), create("depot"), create("b"), create("c")
		otherPartner.PartnerID = partnerB
		otherTenant.Tenant, otherTenant.Path = tenantY, "/customers/"+string(tenantY)+"/devicebatches"
		for _, call := range []Call{keyed(otherPartner, "req-1"), keyed(otherTenant, "req-1"), keyed(otherKey, "req-2"), noKey} {
			if a := f.accept(call, tuples(1)); a.Replayed {
				f.t.Errorf("%+v was taken for a repeat", call)
			}
		}
		if n := f.count("uploads"); n != 5 {
			f.t.Errorf("%d uploads", n)
		}
	})
}

func TestRepeat_afterRefusalIsTriedAfresh(t *testing.T) {
	run(t, func(f *fixture) {
		yes := f.consent.check
		f.consent.check = func(context.Context, Ask) (Permit, error) { return Permit{}, errNoConsent }
		call := keyed(create("depot"), "req-1")
		if _, err := f.svc.Accept(f.t.Context(), call, tuples(1)); !errors.Is(err, errNoConsent) {
			f.t.Fatal(err)
		}
		f.consent.check = yes
		if a := f.accept(call, tuples(2)); a.Replayed {
			f.t.Error("a refusal was remembered")
		}
	})
}

// runningCall stores a first call of somebody else whose lease ends at until.
func (f *fixture) runningCall(call Call, owner string, until time.Time) {
	f.exec(`INSERT INTO idempotency_keys (partner_id, key_digest, state, owner, lease_until, created_at)
		VALUES (?, ?, 'running', ?, ?, ?)`, call.PartnerID, digestOf(call.Method, call.Path, call.Key), owner, until, time.Now())
}

func TestRepeat_waitsAtMostAMinute(t *testing.T) {
	run(t, func(f *fixture) {
		call := keyed(create("depot"), "req-1")
		f.runningCall(call, "another replica", time.Now().Add(25*time.Minute))
		f.clock.step = time.Second
		began := f.clock.Now()
		_, err := f.svc.Accept(f.t.Context(), call, tuples(1))
		got := wantCode(f.t, err, ErrStillRunning)
		if got.RetryAfter < 20*time.Minute || got.RetryAfter > 25*time.Minute {
			f.t.Errorf("retry after %s, the lease ends in 25 minutes", got.RetryAfter)
		}
		if waited := f.clock.Now().Sub(began); waited != waitAtMost {
			f.t.Errorf("waited %s", waited)
		}
		if n := f.count("idempotency_keys WHERE owner = 'another replica'"); n != 1 {
			f.t.Error("the first call's lease was touched")
		}
	})
}

func TestRepeat_takesOverWhenTheLeaseLapsed(t *testing.T) {
	run(t, func(f *fixture) {
		call := keyed(create("depot"), "req-1")
		f.runningCall(call, "a replica that died", time.Now().Add(-time.Second))
		if a := f.accept(call, tuples(1)); a.Replayed {
			f.t.Error("nothing was there to replay")
		}
	})
}

func TestRepeat_supersededFirstCallChangesNothing(t *testing.T) {
	for _, rows := range []int{5, 1500} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			run(t, func(f *fixture) {
				call := keyed(create("depot"), "req-1")
				var second Accepted
				src := tuples(rows)
				src.pause = func(i int) {
					if i != rows {
						return
					}
					// The first call hangs before its last row; its lease lapses and a repeat runs through.
					f.exec("UPDATE idempotency_keys SET lease_until = ?", time.Now().Add(-time.Second))
					second = f.accept(call, tuples(rows))
				}
				call.BatchName = "depot"
				_, err := f.svc.Accept(f.t.Context(), call, src)
				if !errors.Is(err, ErrSuperseded) && !errors.Is(err, ErrBatchExists) {
					f.t.Fatalf("got %v", err)
				}
				if second.Replayed || f.count("uploads") != 1 || f.count("upload_rows") != rows || f.reserved != int64(rows) {
					f.t.Errorf("uploads %d, rows %d, reserved %d", f.count("uploads"), f.count("upload_rows"), f.reserved)
				}
				if f.budget.spent-f.budget.refunded != rows {
					f.t.Errorf("spent %d, refunded %d", f.budget.spent, f.budget.refunded)
				}
				if again := f.accept(call, tuples(rows)); !again.Replayed || again.TrackingID != second.TrackingID {
					f.t.Errorf("repeat %+v, want %+v", again, second)
				}
			})
		})
	}
}

func TestRepeat_supersededAppendIsFenced(t *testing.T) {
	run(t, func(f *fixture) {
		f.accept(create("depot"), tuples(1))
		call := keyed(create("depot"), "req-1")
		call.Append = true
		src := tuples(2)
		src.pause = func(i int) {
			if i == 2 {
				f.exec("UPDATE idempotency_keys SET lease_until = ?", time.Now().Add(-time.Second))
				f.accept(call, tuples(2))
			}
		}
		_, err := f.svc.Accept(f.t.Context(), call, src)
		wantCode(f.t, err, ErrSuperseded)
		if n := f.count("uploads"); n != 2 {
			f.t.Errorf("%d uploads, want the first and the repeat's", n)
		}
	})
}

// renewClock lets the test decide when the lease is renewed.
type renewClock struct {
	quickClock
	tick chan time.Time
}

func (c *renewClock) After(d time.Duration) <-chan time.Time {
	if d == renewEvery {
		return c.tick
	}
	return c.quickClock.After(d)
}

func TestLease_isRenewedAndItsLossEndsTheCall(t *testing.T) {
	run(t, func(f *fixture) {
		clock := &renewClock{tick: make(chan time.Time)}
		f.svc.clock = clock
		call := keyed(create("depot"), "req-1")
		f.runningCall(call, "us", time.Now().Add(time.Second))
		l := &lease{partner: partnerA, key: digestOf(call.Method, call.Path, call.Key), owner: "us"}
		running, stop := f.svc.keep(f.t.Context(), l)
		defer stop()
		for range 2 { // the second tick is taken once the first renewal has ended
			clock.tick <- time.Time{}
		}
		if n := f.count("idempotency_keys WHERE lease_until > ?", time.Now().Add(20*time.Second)); n != 1 {
			f.t.Error("the lease was not renewed")
		}
		if running.Err() != nil {
			f.t.Errorf("ended while the lease was held: %v", context.Cause(running))
		}
		f.exec("UPDATE idempotency_keys SET owner = 'another replica'")
		select {
		case clock.tick <- time.Time{}:
		case <-running.Done(): // the second renewal came after the change
		}
		<-running.Done()
		wantCode(f.t, context.Cause(running), ErrSuperseded)
	})
}

func TestLease_lossWhileReadingIsReported(t *testing.T) {
	run(t, func(f *fixture) {
		clock := &renewClock{tick: make(chan time.Time)}
		f.svc.clock = clock
		src := tuples(1_000_000) // far more than are read before the loss is noticed
		src.pause = func(i int) {
			if i == 10 {
				f.exec("UPDATE idempotency_keys SET owner = 'another replica'")
				clock.tick <- time.Time{}
			}
		}
		call := keyed(create("depot"), "req-1")
		call.MaxRows = 2_000_000
		_, err := f.svc.Accept(f.t.Context(), call, src)
		wantCode(f.t, err, ErrSuperseded)
		if src.given == src.n {
			f.t.Error("the body was read to its end")
		}
		if f.count("uploads")+f.count("upload_rows") != 0 || f.count("idempotency_keys WHERE owner = 'another replica'") != 1 {
			f.t.Error("rows are left, or the other replica's key is gone")
		}
	})
}

func TestNothingSlowInsideATransaction(t *testing.T) {
	run(t, func(f *fixture) {
		// A source that writes by itself would deadlock with an open transaction on SQLite.
		src := tuples(1700)
		src.pause = func(i int) {
			if i%400 == 0 {
				f.exec("UPDATE partners SET mpn_id = ?", fmt.Sprint(i))
			}
		}
		f.consent.check = func(ctx context.Context, ask Ask) (Permit, error) {
			return f.permit(ask), db.RefuseInTx(ctx, "the early check")
		}
		f.accept(create("depot"), src)
	})
}
