package db_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"gorm.io/gorm"

	"countersign/internal/db"
	"countersign/internal/dbtest"
)

var (
	shared    = db.Lock{Class: 3, ID: 1<<48 - 1}
	exclusive = db.Lock{Class: 3, ID: 1<<48 - 1, Exclusive: true}
)

// holder is a transaction that took a lock and waits to be told to go on.
type holder struct {
	taken chan struct{}
	leave chan struct{}
	done  chan error
}

// hold takes a lock in a transaction of its own; act runs before it commits.
func hold(d *db.DB, lock db.Lock, act func(ctx context.Context, tx *db.Tx) error) *holder {
	h := &holder{make(chan struct{}), make(chan struct{}), make(chan error, 1)}
	go func() {
		h.done <- d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			if err := tx.Gate(ctx, lock); err != nil {
				return err
			}
			close(h.taken)
			<-h.leave
			if act == nil {
				return nil
			}
			return act(ctx, tx)
		})
	}()
	return h
}

// finish lets the transaction go on and waits for its end.
func (h *holder) finish(t *testing.T) {
	t.Helper()
	close(h.leave)
	if err := <-h.done; err != nil {
		t.Error(err)
	}
}

// awaitWaiters returns when n sessions of this database wait for a lock.
func awaitWaiters(t *testing.T, d *db.DB, n int64) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	const query = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	for time.Now().Before(deadline) {
		var waiting int64
		if err := d.Read().WithContext(context.Background()).Raw(query).Scan(&waiting).Error; err != nil {
			t.Fatal(err)
		}
		if waiting == n {
			return
		}
	}
	t.Fatalf("never saw %d waiters", n)
}

// TestStatementAfterGateSeesTheChange is the race the gate exists for: a submit
// that waited for a revoke must see it.
func TestStatementAfterGateSeesTheChange(t *testing.T) {
	t.Parallel()
	d := withThings(t, db.Postgres)
	if err := add(context.Background(), d.Write(), 1, "granted"); err != nil {
		t.Fatal(err)
	}
	revoke := hold(d, exclusive, func(ctx context.Context, tx *db.Tx) error {
		_, err := gorm.G[thing](tx.Gorm()).Where("id = 1").Update(ctx, "name", "revoked")
		return err
	})
	<-revoke.taken
	var seen state
	submit := make(chan error, 1)
	go func() {
		submit <- d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			if err := tx.Gate(ctx, db.Lock{Class: 1, ID: 7}, shared); err != nil {
				return err
			}
			row, err := gorm.G[thing](tx.Gorm()).Where("id = 1").Take(ctx)
			seen = row.Name
			return err
		})
	}()
	awaitWaiters(t, d, 1)
	revoke.finish(t)
	if err := <-submit; err != nil || seen != "revoked" {
		t.Errorf("after the gate the state was %q, %v", seen, err)
	}
}

// TestGateIsFair shows that sharers who come later do not overtake a waiting
// exclusive lock, so that a revoke cannot starve.
func TestGateIsFair(t *testing.T) {
	t.Parallel()
	d := withThings(t, db.Postgres)
	first, second := hold(d, shared, nil), hold(d, shared, nil)
	<-first.taken
	<-second.taken // sharers do not exclude each other
	revoke := hold(d, exclusive, nil)
	awaitWaiters(t, d, 1)
	late := hold(d, shared, nil)
	awaitWaiters(t, d, 2)
	first.finish(t)
	select {
	case <-revoke.taken:
		t.Error("the exclusive lock was given beside a shared one")
	default:
	}
	second.finish(t)
	<-revoke.taken
	select {
	case <-late.taken:
		t.Error("a later sharer overtook")
	default:
	}
	revoke.finish(t)
	<-late.taken
	late.finish(t)
}

func TestLocksOfOtherIDsAndClassesAreFree(t *testing.T) {
	t.Parallel()
	d := withThings(t, db.Postgres)
	held := hold(d, exclusive, nil)
	<-held.taken
	for _, free := range []db.Lock{
		{Class: 3, ID: 1<<48 - 2, Exclusive: true},
		{Class: 2, ID: 1<<48 - 1, Exclusive: true},
		{Class: 4, ID: 0, Exclusive: true},
		{Class: math.MaxInt16, ID: 1<<48 - 1, Exclusive: true},
	} {
		other := hold(d, free, nil)
		select {
		case <-other.taken:
			other.finish(t)
		case err := <-other.done:
			t.Fatalf("%+v: %v", free, err)
		}
	}
	held.finish(t)
}

func TestGateRefusesBadLocks(t *testing.T) {
	t.Parallel()
	dbtestEmpty(t, func(t *testing.T, d *db.DB) {
		for _, bad := range []db.Lock{{Class: 0, ID: 1}, {Class: -1, ID: 1}, {Class: 1 << 15, ID: 1}, {Class: 1, ID: -1}, {Class: 1, ID: 1 << 48}} {
			err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error { return tx.Gate(ctx, bad) })
			if err == nil {
				t.Errorf("%+v was accepted", bad)
			}
		}
		err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error { return tx.Gate(ctx) })
		if err != nil {
			t.Errorf("no locks: %v", err)
		}
	})
}

// TestGateWaitIsBusy shows what a wait that takes too long looks like, and that
// a cancelled wait ends at once.
func TestGateWaitIsBusy(t *testing.T) {
	t.Parallel()
	d := dbtest.Empty(t, db.Postgres)
	held := hold(d, exclusive, nil)
	<-held.taken
	err := d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		if err := tx.Gorm().WithContext(ctx).Exec("SET LOCAL lock_timeout = '1ms'").Error; err != nil {
			return err
		}
		return tx.Gate(ctx, shared)
	})
	if !db.IsBusy(err) || !db.IsUnavailable(err) {
		t.Errorf("lock timeout: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() {
		stopped <- d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return tx.Gate(ctx, shared) })
	}()
	awaitWaiters(t, d, 1)
	cancel()
	if err := <-stopped; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled wait: %v", err)
	}
	held.finish(t)
}

// dbtestEmpty runs fn on both databases without tables.
func dbtestEmpty(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			fn(t, dbtest.Empty(t, dialect))
		})
	}
}
