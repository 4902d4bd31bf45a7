package consent

import (
	"context"
	"fmt"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// Check asks early, without a lock, whether a call has any chance, so that it can
// be refused before its body is read. Its permit promises nothing.
func (s *Service) Check(ctx context.Context, ask Ask) (Permit, error) {
	found, err := s.rows(ctx).standLive(ask)
	if err != nil {
		return Permit{}, fmt.Errorf("check the consent: %w", err)
	}
	if found == nil {
		return Permit{}, ErrNoConsent
	}
	now, err := s.db.Now(ctx)
	if err != nil {
		return Permit{}, fmt.Errorf("read the database's clock: %w", err)
	}
	return found.permitOrRefuse(ask, now)
}

// CheckTx takes the gate shared and then reads: what it permits stays permitted
// until tx ends, because every change waits for the gate. It returns a refusal
// such as ErrNoConsent.
func (s *Service) CheckTx(ctx context.Context, tx *db.Tx, ask Ask) (Permit, error) {
	r := within(ctx, tx)
	// The first look finds the locks. It may refuse: what it saw was committed.
	// It never permits.
	found, err := r.standLive(ask)
	if err != nil {
		return Permit{}, fmt.Errorf("look for the consent: %w", err)
	}
	if found == nil {
		return Permit{}, ErrNoConsent
	}
	found, now, err := enter(ctx, tx, ask, found)
	if err != nil {
		return Permit{}, err
	}
	return found.permitOrRefuse(ask, now)
}

// ClaimTx takes the gate shared and says how exactly this grant stands, for work
// that was accepted under it. A grant that is over stays over: a newer grant of the
// same pair is never considered.
func (s *Service) ClaimTx(ctx context.Context, tx *db.Tx, ask Ask, grant models.GrantID) (Standing, error) {
	found, err := within(ctx, tx).standOf(ask, grant)
	if err != nil {
		return Standing{}, fmt.Errorf("look for the grant: %w", err)
	}
	if found == nil {
		return Standing{Verdict: VerdictEnded, Reason: ReasonUnknown}, nil
	}
	found, now, err := enter(ctx, tx, ask, found)
	if err != nil {
		return Standing{}, err
	}
	verdict, reason := found.judge(ask.Scope, now)
	return Standing{Verdict: verdict, Reason: reason, Permit: found.permit(ask, now)}, nil
}

// enter takes the gate of what was found and reads it again, in a statement of
// its own: one that locks and reads would see the state from before the lock.
// The clock is read under the gate too, so whoever changes the grant later has a
// later time.
func enter(ctx context.Context, tx *db.Tx, ask Ask, found *stand) (*stand, time.Time, error) {
	if err := tx.Gate(ctx, found.locks(ask)...); err != nil {
		return nil, time.Time{}, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read the database's clock: %w", err)
	}
	again, err := within(ctx, tx).standOf(ask, found.GrantID)
	if err == nil && again == nil {
		err = fmt.Errorf("grant %s disappeared", found.GrantID)
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read the grant under the gate: %w", err)
	}
	return again, now, nil
}

func shared(id int64) db.Lock { return db.Lock{Class: models.GateClass, ID: id} }

func exclusive(id int64) db.Lock { return db.Lock{Class: models.GateClass, ID: id, Exclusive: true} }

// judge applies the rules. What is over outweighs what is only held: held work
// waits, and would wait for nothing.
func (f *stand) judge(scope string, now time.Time) (Verdict, string) {
	switch {
	case f.GrantState == models.GrantRevoking || f.GrantState == models.GrantRevoked:
		return VerdictEnded, ReasonRevoked
	case f.GrantState == models.GrantExpired || f.expired(now):
		return VerdictEnded, ReasonExpired
	case !hasScope(f.GrantScopes, scope):
		return VerdictEnded, ReasonScope
	case f.PartnerState != models.PartnerActive:
		return VerdictHeld, ReasonPartnerSuspended
	case f.ClientState != models.ClientActive:
		return VerdictHeld, ReasonClientFrozen
	case f.TenantState != models.TenantActive:
		return VerdictHeld, ReasonTenantSuspended
	case f.GrantState != models.GrantActive:
		return VerdictHeld, ReasonSuspended
	}
	return VerdictActive, ""
}

// expired: an ask without a grant rests on nothing that ends by the clock.
func (f *stand) expired(now time.Time) bool { return !f.ExpiresAt.IsZero() && !now.Before(f.ExpiresAt) }

func (f *stand) permitOrRefuse(ask Ask, now time.Time) (Permit, error) {
	verdict, reason := f.judge(ask.Scope, now)
	if verdict == VerdictActive {
		return f.permit(ask, now), nil
	}
	refusal := refusals[reason]
	if reason == ReasonScope {
		refusal = refusal.WithDetail("The customer's consent does not cover %s. Ask the customer for a consent with this scope.", ask.Scope)
	}
	return Permit{}, refusal
}

func (f *stand) permit(ask Ask, now time.Time) Permit {
	p := Permit{Grant: f.GrantID, Epoch: f.GrantEpoch, ExpiresAt: f.ExpiresAt, Now: now, Epochs: f.epochs(ask)}
	if f.DeviceLimit != nil {
		left := max(0, *f.DeviceLimit-f.DevicesUsed-f.DevicesReserved)
		p.Left = &left
	}
	return p
}

// ReserveTx takes n devices off what the grant's limit leaves. It must follow
// CheckTx in the same transaction and be its last statement before COMMIT, because
// it holds the grant's row. ErrLimitRaced means that others were faster since
// the permit's Left was read: the caller runs its transaction again.
func (s *Service) ReserveTx(ctx context.Context, tx *db.Tx, grant models.GrantID, n int64) error {
	if n < 0 {
		return fmt.Errorf("reserve %d devices of grant %s: the number is negative", n, grant)
	}
	if n == 0 {
		return nil
	}
	taken, err := within(ctx, tx).reserve(grant, n)
	if err != nil {
		return fmt.Errorf("reserve devices: %w", err)
	}
	if !taken {
		return ErrLimitRaced
	}
	return nil
}

// SettleTx turns used reserved devices into registered ones and gives released
// ones back. It works whatever became of the grant. Settling more than is reserved
// is a defect of the caller and changes nothing.
func (s *Service) SettleTx(ctx context.Context, tx *db.Tx, grant models.GrantID, used, released int64) error {
	if used < 0 || released < 0 {
		return fmt.Errorf("settle %d and %d devices of grant %s: a number is negative", used, released, grant)
	}
	if used+released == 0 {
		return nil
	}
	settled, err := within(ctx, tx).settle(grant, used, released)
	if err != nil {
		return fmt.Errorf("settle devices: %w", err)
	}
	if !settled {
		return fmt.Errorf("settle %d devices of grant %s: fewer are reserved", used+released, grant)
	}
	return nil
}
