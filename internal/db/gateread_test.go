package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/dbtest"
)

const nameQuery = "SELECT name, at, until FROM things WHERE id = ?"

// readName is GateAndRead of one thing's name.
func readName(ctx context.Context, tx *db.Tx, lock db.Lock, id int64) (name state, now time.Time, err error) {
	now, err = tx.GateAndRead(ctx, []db.Lock{lock}, nameQuery, []any{id}, func(scan func(...any) error) error {
		var at time.Time
		var until *time.Time
		return scan(&name, &at, &until)
	})
	return name, now, err
}

func TestGateAndReadSeesWhatTheLockWaitedFor(t *testing.T) {
	t.Parallel()
	d := withThings(t, db.Postgres)
	if err := add(t.Context(), d.Write(), 1, "granted"); err != nil {
		t.Fatal(err)
	}
	revoke := hold(d, exclusive, func(ctx context.Context, tx *db.Tx) error {
		return tx.Gorm().WithContext(ctx).Exec("UPDATE things SET name = 'revoked' WHERE id = 1").Error
	})
	<-revoke.taken
	var seen state
	done := make(chan error, 1)
	go func() {
		done <- d.InTx(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
			seen, _, err = readName(ctx, tx, shared, 1)
			return err
		})
	}()
	awaitWaiters(t, d, 1)
	revoke.finish(t)
	if err := <-done; err != nil || seen != "revoked" {
		t.Errorf("read %q, %v", seen, err)
	}
}

func TestGateAndReadIsPartOfItsTransaction(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		if err := add(t.Context(), d.Write(), 1, "one"); err != nil {
			t.Fatal(err)
		}
		stop := context.Canceled
		err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			before := time.Now().Add(-time.Minute)
			name, now, err := readName(ctx, tx, shared, 1)
			if err != nil || name != "one" || now.Before(before) || now.Location() != time.UTC {
				t.Errorf("first %q at %v, %v", name, now, err)
			}
			if err := tx.Gorm().WithContext(ctx).Exec("UPDATE things SET name = 'two' WHERE id = 1").Error; err != nil {
				return err
			}
			if name, _, err = readName(ctx, tx, exclusive, 1); err != nil || name != "two" {
				t.Errorf("its own change is read as %q, %v", name, err)
			}
			if name, _, err = readName(ctx, tx, shared, 99); err != nil || name != "" {
				t.Errorf("no row is read as %q, %v", name, err)
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		var name string
		if err := d.Read().WithContext(t.Context()).Raw("SELECT name FROM things WHERE id = 1").Scan(&name).Error; err != nil || name != "one" {
			t.Errorf("after the rollback: %q, %v", name, err)
		}
	})
}

func TestNowAndRead(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		if err := add(t.Context(), d.Write(), 1, "one"); err != nil {
			t.Fatal(err)
		}
		before := time.Now().Add(-time.Minute)
		var name state
		read := func(ctx context.Context) (time.Time, error) {
			return d.NowAndRead(ctx, "SELECT name FROM things WHERE id = ?", []any{1}, func(scan func(...any) error) error { return scan(&name) })
		}
		if now, err := read(t.Context()); err != nil || name != "one" || now.Before(before) || now.Location() != time.UTC {
			t.Errorf("read %q at %v, %v", name, now, err)
		}
		err := d.InTx(t.Context(), func(ctx context.Context, _ *db.Tx) error {
			_, err := read(ctx)
			return err
		})
		if !errors.Is(err, db.ErrInTransaction) {
			t.Errorf("inside a transaction: %v", err)
		}
		if _, err := d.NowAndRead(t.Context(), "SELECT nothing FROM nowhere", nil, nil); err == nil {
			t.Error("the query succeeded")
		}
	})
}

// A failed batch leaves nothing behind: not its locks, not a transaction on the
// connection.
func TestGateAndReadThatFails(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, d *db.DB) {
		err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.GateAndRead(ctx, []db.Lock{exclusive}, "SELECT nothing FROM nowhere WHERE id = ?", []any{1}, nil)
			return err
		})
		if err == nil {
			t.Fatal("the query succeeded")
		}
		err = d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.GateAndRead(ctx, []db.Lock{{Class: 0, ID: 1}}, nameQuery, []any{1}, nil)
			return err
		})
		if err == nil {
			t.Fatal("an impossible lock was taken")
		}
		for range 20 { // more than there are connections
			if err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return tx.Gate(ctx, exclusive) }); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The check of a consent costs an upload one round trip, beginning included.
func TestGateAndReadIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	wire := &dbtest.Wire{}
	d := withThings(t, db.Postgres, dbtest.WithMaxConns(1), dbtest.WithWire(t, wire))
	locks := []db.Lock{{Class: 3, ID: 1}, {Class: 3, ID: 2}, {Class: 3, ID: 3}, {Class: 3, ID: 4}}
	turns := func() (n int64) {
		err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			before := wire.Turns()
			_, err := tx.GateAndRead(ctx, locks, nameQuery, []any{1}, func(func(...any) error) error { return nil })
			n = wire.Turns() - before
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	turns() // the connection learns the statements
	if n := turns(); n != 1 {
		t.Errorf("%d round trips, want 1", n)
	}
}
