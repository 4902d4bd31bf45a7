package intake

import (
	"context"
	"time"

	"countersign/consent"
	"countersign/internal/db"
	"countersign/models"
)

// Ask is the question to consent: may this client do this for that tenant?
type Ask = consent.Ask

// Permit is a yes: the grant it rests on and what still fits into it.
type Permit = consent.Permit

// Consent is what intake asks about authorization. Refusals are errs.Errors and are
// handed on as they are.
type Consent interface {
	// Check answers without a lock, for an early refusal.
	Check(ctx context.Context, ask Ask) (Permit, error)
	// CheckTx takes the gate and answers for as long as the transaction lasts.
	CheckTx(ctx context.Context, tx *db.Tx, ask Ask) (Permit, error)
	// ReserveTx counts n devices as reserved on the grant of a permit. It returns ErrLimitRaced
	// when others took them since CheckTx.
	ReserveTx(ctx context.Context, tx *db.Tx, permit Permit, n int64) error
}

// Directory knows who is who.
type Directory interface {
	// HasDomain reports whether the tenant has proven this domain, compared without case.
	HasDomain(ctx context.Context, tenant models.TenantID, domain string) (bool, error)
	// PartnerNamed finds the one partner that a reference means: its id, or its partner
	// network id. ok is false when it means none, or several.
	PartnerNamed(ctx context.Context, ref string) (id models.PartnerID, ok bool, err error)
}

// Budget is the partner's allowance of devices.
type Budget interface {
	// Spend takes devices from every budget that applies, or from none; a build report
	// has no tenant. A refusal is
	// of kind RateLimited with RetryAfter, or Invalid when no waiting can help.
	// refund gives back what was taken; it may be called once, and after the
	// caller's context ended.
	Spend(ctx context.Context, partner models.PartnerID, tenant models.TenantID, devices int) (refund func(context.Context) error, err error)
}

// Probing keeps partners from finding out by trying which devices there are.
type Probing interface {
	// MayGuess refuses a partner that has learned too much lately to name more devices
	// otherwise than by hash. The refusal is of kind RateLimited with RetryAfter.
	MayGuess(ctx context.Context, partner models.PartnerID) error
	// Count adds what the partner learned: rows whose device was not to be had, and claims
	// on factories' records that do not name it.
	Count(ctx context.Context, partner models.PartnerID, misses, claims int) error
}

// Core foresees what would become of rows.
type Core interface {
	// Rehearse answers a submission as registering it would, and leaves no trace.
	Rehearse(ctx context.Context, sub models.Submission) (models.Result, error)
}

// Queue takes work for forwarding.
type Queue interface {
	// Admit refuses uploads while too much of the partner's, or of everybody's, waits. The
	// refusal is of kind RateLimited with RetryAfter. A tenant's own uploads are those of
	// the partner without an id.
	Admit(ctx context.Context, partner models.PartnerID) error
	// EnqueueTx stores dispatches in the caller's transaction.
	EnqueueTx(ctx context.Context, tx *db.Tx, dispatches []models.Dispatch) error
	// Wake says that a transaction with dispatches has committed. It never blocks.
	Wake()
}

// Clock paces waiting. What is stored carries the database's clock.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the real Clock.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// After implements Clock.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
