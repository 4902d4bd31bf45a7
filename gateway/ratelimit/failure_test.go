package ratelimit_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"countersign/gateway/ratelimit"
	"countersign/internal/db"
	"countersign/internal/errs"
)

func TestCalls_refuseToRunInATransaction(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "x.db"), Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	l, _ := newLimiter()
	one := charges(ratelimit.ForDevices("p", perMinute(10), 1))
	spent := spend(t, l, one...)
	if err := d.InTx(ctx, func(ctx context.Context, _ *db.Tx) error {
		_, spendErr := l.Spend(ctx, one)
		_, peekErr := l.Peek(ctx, one)
		for _, err := range []error{spendErr, peekErr, l.Refund(ctx, spent)} {
			if !errors.Is(err, db.ErrInTransaction) {
				t.Errorf("want ErrInTransaction, got %v", err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	refund(t, l, spent) // the refused refund must not have used the receipt up
	if got := left(t, l, one[0]); got != 10 {
		t.Fatalf("%d left, want 10", got)
	}
}

// attentive is a store that gives up when its context does, as one on a network.
type attentive struct{ *ratelimit.Memory }

func (a attentive) RefundAll(ctx context.Context, r []ratelimit.Receipt) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return a.Memory.RefundAll(ctx, r)
}

func TestCancelledCaller_spendsNothingButIsRefunded(t *testing.T) {
	t.Parallel()
	l := ratelimit.New(attentive{ratelimit.NewMemory(time.Now, 0)}, nil)
	one := charges(ratelimit.ForDevices("p", ratelimit.Rate{Count: 10, Period: 24 * time.Hour}, 1))
	spent := spend(t, l, one...)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Spend(gone, one); !errors.Is(err, context.Canceled) {
		t.Fatalf("want context.Canceled, got %v", err)
	}
	if err := l.Refund(gone, spent); err != nil {
		t.Fatal(err)
	}
	if got := left(t, l, one[0]); got != 10 {
		t.Fatalf("%d left, want 10", got)
	}
}

// broken is a store that lost its connection.
type broken struct{ ratelimit.Store }

var errDown = errors.New("connection refused")

func (broken) SpendAll(context.Context, []ratelimit.Item) (ratelimit.Outcome, error) {
	return ratelimit.Outcome{Admitted: true}, errDown
}

func (broken) RefundAll(context.Context, []ratelimit.Receipt) error { return errDown }

func TestStoreFailure_isAnErrorAndAdmitsNothing(t *testing.T) {
	t.Parallel()
	healthy, _ := newLimiter()
	one := charges(ratelimit.ForDevices("p", perMinute(10), 1))
	spent := spend(t, healthy, one...)
	l := ratelimit.New(broken{}, nil)
	s, spendErr := l.Spend(context.Background(), one)
	p, peekErr := l.Peek(context.Background(), one)
	for _, err := range []error{spendErr, peekErr, l.Refund(context.Background(), spent)} {
		if !errors.Is(err, errDown) || errs.KindOf(err) != errs.Internal {
			t.Errorf("got %v", err)
		}
	}
	if s.Admitted || p.Admitted {
		t.Error("admitted although the store failed")
	}
}
