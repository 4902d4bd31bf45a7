package db

import (
	"context"
	"fmt"
	"time"
)

// Lock names one lock of the gate: a class the caller numbers (partner, tenant,
// grant …) and an id within it. Classes must differ between everything that
// shares a PostgreSQL database.
type Lock struct {
	Class     int32 // 1 to 32767
	ID        int64 // 0 to 2^48-1, from a sequence
	Exclusive bool  // false: shared, many holders at once
}

// idBits is how much of PostgreSQL's one 64-bit lock key is the id.
const idBits = 48

// key packs the lock into PostgreSQL's bigint key space. Class 0 is left to
// others, such as the migration lock.
func (l Lock) key() (int64, error) {
	if l.Class < 1 || l.Class > 1<<15-1 || l.ID < 0 || l.ID >= 1<<idBits {
		return 0, fmt.Errorf("lock class %d id %d is out of range", l.Class, l.ID)
	}
	return int64(l.Class)<<idBits | l.ID, nil
}

// Gate takes the locks in the given order, in one round trip, and holds them
// until the transaction ends. A waiting exclusive lock is served before shared
// ones that come after it. All callers must use one common order.
//
// What the locks protect must be read in a separate, later statement: a
// statement that locks and reads sees the state from before the lock. On SQLite
// nothing is done, because a write transaction already excludes all others.
func (t *Tx) Gate(ctx context.Context, locks ...Lock) error {
	for _, lock := range locks {
		if _, err := lock.key(); err != nil {
			return err
		}
	}
	if len(locks) == 0 {
		return nil
	}
	return t.session.gate(ctx, locks)
}

// Row reads one row of a result into variables.
type Row func(scan func(dest ...any) error) error

// GateAndRead takes the locks as Gate does, then runs the query, calls row for each row
// of its result and returns the clock as it stood meanwhile: no time when there is no
// row. Locks and query are statements of their own, so that the query sees what the
// locks protect; on PostgreSQL they are one round trip, and so is the beginning of the
// transaction if nothing was done in it before.
// The query has a question mark for each argument and none elsewhere.
func (t *Tx) GateAndRead(ctx context.Context, locks []Lock, query string, args []any, row Row) (time.Time, error) {
	for _, lock := range locks {
		if _, err := lock.key(); err != nil {
			return time.Time{}, err
		}
	}
	now, err := t.session.gateAndRead(ctx, locks, query, utcArgs(args), row)
	if err == nil && t.db.cfg.Clock != nil {
		now = t.db.cfg.now()
	}
	return now, err
}
