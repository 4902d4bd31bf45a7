package ratelimit

import (
	"fmt"
	"sync/atomic"
	"time"

	"countersign/internal/errs"
)

// The refusals, matched by errors.Is.
var (
	// ErrExhausted passes by waiting; the copy made by Decision.Err says how long.
	ErrExhausted = errs.New(errs.RateLimited, "rate_limit_exceeded", "Rate limit is exceeded.")
	// ErrLargerThanBudget never passes: the call asks for more at once than the
	// whole budget holds. It must not be answered with 429, or clients retry forever.
	ErrLargerThanBudget = errs.New(errs.Invalid, "larger_than_budget", "The call asks for more than the whole budget.")
)

// State is where one limit stands after a decision.
type State struct {
	Limit     Name
	Rate      Rate
	Cost      int64         // what was asked for
	Remaining int64         // whole units left now
	Reset     time.Duration // until the budget is full again if nothing is spent
	Next      time.Duration // until one unit can be spent; zero now
}

// Decision is the answer to a Spend or Peek.
type Decision struct {
	Admitted bool
	// Never tells that the tightest limit is smaller than the charge: waiting does
	// not help, the caller must ask for less at once.
	Never bool
	// Tightest is the limit that decided: of a refusal the one with the longest
	// wait, otherwise the one with the smallest share left. Zero without charges.
	Tightest State
	// RetryAfter is set when waiting helps: whole seconds, never earlier than the
	// call would be admitted if nobody else spends, and at most 3 % + 1 s later.
	RetryAfter time.Duration
	// States lists every limit in the order of the charges.
	States []State

	wait     time.Duration // the exact wait of the tightest limit
	receipts *receiptBook  // nil unless something was spent
}

// receiptBook holds the receipts of a spend until they are used.
type receiptBook struct {
	used atomic.Bool
	list []Receipt
}

// take hands the receipts out once.
func (b *receiptBook) take() []Receipt {
	if b == nil || b.used.Swap(true) {
		return nil
	}
	return b.list
}

// maxJitter spreads callers that were refused together, so that they do not all
// return in the same second.
const maxJitter = 0.03

func (l *Limiter) decide(charges []Charge, out Outcome, admitted bool) Decision {
	d := Decision{Admitted: admitted, States: make([]State, len(charges))}
	tightest, worst := -1, 0.0
	for i, c := range charges {
		d.States[i] = State{
			Limit: c.Limit, Rate: c.Rate, Cost: c.Cost,
			Remaining: c.Rate.remaining(out.Backlogs[i], out.parts()), Reset: out.Backlogs[i],
			Next: max(0, c.Rate.wait(out.Backlogs[i], 1, out.parts())),
		}
		if t := tightness(c, out.Backlogs[i], out.parts(), admitted); tightest < 0 || t > worst {
			tightest, worst = i, t
		}
	}
	if tightest < 0 {
		return d
	}
	c := charges[tightest]
	d.Tightest = d.States[tightest]
	d.Never = c.never()
	if !admitted && !d.Never {
		d.wait = c.Rate.wait(out.Backlogs[tightest], c.Cost, out.parts())
		d.RetryAfter = ceilSeconds(d.wait + time.Duration(float64(d.wait)*maxJitter*l.jitter()))
	}
	return d
}

// tightness orders limits: by the share in use when the call was admitted, else by
// the wait, and a charge that never fits before any wait.
func tightness(c Charge, backlog time.Duration, parts int, admitted bool) float64 {
	switch {
	case admitted:
		return float64(backlog) / float64(c.Rate.burst())
	case c.never():
		return float64(maxPeriod) * 2
	default:
		return float64(c.Rate.wait(backlog, c.Cost, parts))
	}
}

// ceilSeconds rounds up to whole seconds.
func ceilSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

// Err returns nil if the call was admitted, else a copy of ErrExhausted or
// ErrLargerThanBudget that names limit, size and what to do. The first sentences of
// the former are the ones Partner Center uses (API throttling guidance), so that
// clients that parse them keep working.
func (d Decision) Err() error {
	t := d.Tightest
	switch {
	case d.Admitted:
		return nil
	case d.Never:
		return ErrLargerThanBudget.WithDetail(
			"%d %s at once are more than the whole budget %q of %d per %s. Send at most %d at once, or ask the operator for a larger budget.",
			t.Cost, t.Limit.Unit(), t.Limit, t.Rate.Count, period(t.Rate.Period), t.Rate.Count)
	default:
		return ErrExhausted.WithRetryAfter(d.RetryAfter).WithDetail(
			"Rate limit is exceeded. Try again in %d seconds. Limit %q allows %d %s per %s; %d are left and %d were asked for.",
			int64(d.RetryAfter/time.Second), t.Limit, t.Rate.Count, t.Limit.Unit(), period(t.Rate.Period), t.Remaining, t.Cost)
	}
}

// period writes a period for people: "hour", "90 seconds".
func period(p time.Duration) string {
	switch p {
	case time.Second:
		return "second"
	case time.Minute:
		return "minute"
	case time.Hour:
		return "hour"
	case 24 * time.Hour:
		return "day"
	default:
		return fmt.Sprintf("%d seconds", int64(p/time.Second))
	}
}
