package ratelimit

import (
	"context"
	"time"

	"github.com/ulule/limiter/v3"
)

// Store is where buckets live. The embedded interface works on one key and lets
// ulule's own Limiter and middleware run on it; this package uses the two
// operations over several keys. Each method is atomic.
type Store interface {
	limiter.Store
	// SpendAll adds every item's cost to its bucket, or none if one item does not
	// fit. Items have distinct ids. An item without cost always fits and is not
	// stored. An error means that it is unknown whether anything was spent.
	SpendAll(ctx context.Context, items []Item) (Outcome, error)
	// RefundAll takes back from each bucket what is left of its receipt. A bucket
	// that is already empty stays so.
	RefundAll(ctx context.Context, receipts []Receipt) error
}

// Item is one bucket's part in SpendAll, in durations of backlog.
type Item struct {
	ID        string        // the limit's name ":" key
	Cost      time.Duration // >= 0, <= Burst
	Burst     time.Duration // the backlog must not exceed it
	Evictable bool          // the key was chosen by a caller who proved nothing
	Closed    bool          // refused rather than decided by one of several processes alone
}

// Outcome is the answer of SpendAll.
type Outcome struct {
	Admitted bool
	At       time.Duration   // when it happened, on the store's own clock
	Backlogs []time.Duration // by item, 0 to Burst: after the spend if admitted, as found if not
	// Alone is set when one process decided on its own part of budgets that are
	// meant to be shared: the number of parts. Each cost weighed as many times.
	Alone int
}

// parts is into how many parts the budgets were cut.
func (o Outcome) parts() int { return max(1, o.Alone) }

// Receipt is one bucket's part in RefundAll.
type Receipt struct {
	ID      string
	Cost    time.Duration // what was spent
	SpentAt time.Duration // Outcome.At of the spend
	Alone   bool          // it was spent where Outcome.Alone was set
}

// left is how much of a spend may be taken back at an instant. The spend has been
// earned back at most since it happened, so this is a lower bound of what it still
// weighs, whatever else was spent and refunded in between. A clock that stepped
// back does not make it more than the cost.
func (r Receipt) left(now time.Duration) time.Duration {
	return min(r.Cost, max(0, r.Cost-(now-r.SpentAt)))
}
