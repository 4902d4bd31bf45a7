package ratelimit

import (
	"context"
	"fmt"
	"math/rand/v2"

	"countersign/internal/db"
)

// maxCharges bounds one Spend; a caller has a handful of limits.
const maxCharges = 16

// Limiter spends named budgets. It is safe for concurrent use.
type Limiter struct {
	store  Store
	jitter func() float64
}

// New returns a Limiter over store. jitter returns numbers in [0, 1) and spreads
// the advertised retry times; nil means random ones.
func New(store Store, jitter func() float64) *Limiter {
	if jitter == nil {
		jitter = rand.Float64
	}
	return &Limiter{store: store, jitter: jitter}
}

// Spend takes the cost of every charge, or of none when one of them does not fit.
// A refusal is a Decision, not an error; see Decision.Err. No charges are admitted.
// Each bucket may appear once.
//
// An error means a wrong charge, a call from within a database transaction, a
// caller that was gone before, or a store that failed. In the first three cases
// nothing was spent; in the last that is unknown.
func (l *Limiter) Spend(ctx context.Context, charges []Charge) (Decision, error) {
	if err := check(ctx, "spend budgets", charges); err != nil {
		return Decision{}, err
	}
	never := anyNever(charges)
	items := itemsOf(charges, !never)
	out, err := l.run(ctx, items)
	if err != nil {
		return Decision{}, err
	}
	d := l.decide(charges, out, !never && out.Admitted)
	if d.Admitted {
		d.receipts = receiptsOf(items, out)
	}
	return d, nil
}

// takeAttempts bounds how often Take tries again when others spend at the same time.
const takeAttempts = 3

// Take takes the cost of a charge, or what is left when that is less: it counts what
// has happened already and cannot be refused. The decision is the last spend's. Errors
// are those of Spend.
func (l *Limiter) Take(ctx context.Context, c Charge) (d Decision, err error) {
	c.Cost = min(c.Cost, c.Rate.Count)
	for range takeAttempts {
		if d, err = l.Spend(ctx, []Charge{c}); err != nil || d.Admitted {
			return d, err
		}
		c.Cost = d.Tightest.Remaining
	}
	return d, nil
}

// Peek tells what Spend would decide now, and spends nothing. Refunding its
// decision does nothing.
func (l *Limiter) Peek(ctx context.Context, charges []Charge) (Decision, error) {
	if err := check(ctx, "peek at budgets", charges); err != nil {
		return Decision{}, err
	}
	out, err := l.run(ctx, itemsOf(charges, false))
	if err != nil {
		return Decision{}, err
	}
	return l.decide(charges, out, allFit(charges, out)), nil
}

// Refund gives back what the spend behind a decision took, less what has been
// earned back since, so a refused upload costs nothing and a late refund creates
// no budget. Refunding a refusal, a peek, or the same decision again does nothing.
// It is carried out even if ctx was cancelled, because callers that hang up are a
// reason for refunds. After an error it is unknown whether it happened; it is not
// tried again, since losing a refund is fairer than giving it twice.
func (l *Limiter) Refund(ctx context.Context, spent Decision) error {
	if err := db.RefuseInTx(ctx, "refund budgets"); err != nil {
		return err
	}
	taken := spent.receipts.take()
	if len(taken) == 0 {
		return nil
	}
	if err := l.store.RefundAll(context.WithoutCancel(ctx), taken); err != nil {
		return fmt.Errorf("refund budgets: %w", err)
	}
	return nil
}

// run takes items to the store. Once begun, a caller that hangs up does not
// interrupt it, or nobody would know what was spent.
func (l *Limiter) run(ctx context.Context, items []Item) (Outcome, error) {
	out, err := l.store.SpendAll(context.WithoutCancel(ctx), items)
	if err != nil {
		return Outcome{}, fmt.Errorf("spend budgets: %w", err)
	}
	return out, nil
}

// itemsOf translates charges for the store. Without spend the items have no cost
// and only read; that is also the way for a charge larger than its budget, whose
// cost need not fit into a duration.
func itemsOf(charges []Charge, spend bool) []Item {
	items := make([]Item, len(charges))
	for i, c := range charges {
		items[i] = Item{ID: c.id(), Burst: c.Rate.burst(), Evictable: c.Limit.anonymous(), Closed: c.Limit.closed()}
		if spend {
			items[i].Cost = c.Rate.backlog(c.Cost)
		}
	}
	return items
}

// check refuses what must not reach the store.
func check(ctx context.Context, what string, charges []Charge) error {
	if err := db.RefuseInTx(ctx, what); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if len(charges) > maxCharges {
		return fmt.Errorf("%s: %d charges at once, at most %d", what, len(charges), maxCharges)
	}
	for i, c := range charges {
		if err := c.validate(charges[:i]); err != nil {
			return fmt.Errorf("%s: limit %q: %w", what, c.Limit, err)
		}
	}
	return nil
}

func (c Charge) id() string { return string(c.Limit) + ":" + c.Key }

func (c Charge) validate(before []Charge) error {
	if c.Limit == "" || c.Key == "" {
		return fmt.Errorf("a charge needs a limit and a key")
	}
	if c.Cost < 0 {
		return fmt.Errorf("cost %d: must not be negative", c.Cost)
	}
	for _, b := range before {
		if b.Limit == c.Limit && b.Key == c.Key {
			return fmt.Errorf("the same bucket is charged twice")
		}
	}
	return c.Rate.Validate()
}

// never reports a charge that no waiting makes fit.
func (c Charge) never() bool { return c.Cost > c.Rate.Count }

func anyNever(charges []Charge) bool {
	for _, c := range charges {
		if c.never() {
			return true
		}
	}
	return false
}

func allFit(charges []Charge, out Outcome) bool {
	for i, c := range charges {
		if c.never() || c.Rate.wait(out.Backlogs[i], c.Cost, out.parts()) > 0 {
			return false
		}
	}
	return true
}

func receiptsOf(items []Item, out Outcome) *receiptBook {
	book := &receiptBook{list: make([]Receipt, 0, len(items))}
	for _, it := range items {
		if it.Cost > 0 {
			cost := weigh(it.Cost, it.Burst, out.parts())
			book.list = append(book.list, Receipt{ID: it.ID, Cost: cost, SpentAt: out.At, Alone: out.Alone > 0})
		}
	}
	return book
}
