package consent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// Check asks early, without a lock, whether a call has any chance, so that it can
// be refused before its body is read. Its permit promises nothing; as Ask.Seen it
// spares CheckTx looking for the locks.
func (s *Service) Check(ctx context.Context, ask Ask) (Permit, error) {
	if ask.impossible() {
		return Permit{}, ErrNoConsent
	}
	var all []*stand
	q := ask.live()
	now, err := s.db.NowAndRead(ctx, q.sql, q.args, func(scan func(...any) error) error {
		f := &stand{}
		all = append(all, f)
		return scan(q.dest(f)...)
	})
	if err != nil {
		return Permit{}, fmt.Errorf("look for the consent: %w", err)
	}
	for _, f := range all {
		f.complete(ask)
	}
	found, err := ask.pick(all, now)
	if err != nil {
		return Permit{}, err
	}
	return found.permitOrRefuse(ask, now)
}

// impossible tells a tenant that is no GUID at all, so nobody's.
func (a Ask) impossible() bool { return a.needsGrant() && !models.ValidGUID(string(a.Tenant)) }

// look finds what an ask is about, without a lock.
func (r rows) look(ask Ask, now time.Time) (*stand, error) {
	if ask.impossible() {
		return nil, ErrNoConsent
	}
	all, err := r.stands(ask, ask.live())
	if err != nil {
		return nil, fmt.Errorf("look for the consent: %w", err)
	}
	return ask.pick(all, now)
}

// pick is choose that refuses when there is nothing to choose.
func (a Ask) pick(all []*stand, now time.Time) (*stand, error) {
	found, err := a.choose(all, now)
	if err == nil && found == nil {
		err = ErrNoConsent
	}
	return found, err
}

// CheckTx takes the gate shared and then reads: what it permits stays permitted
// until tx ends, because every change waits for the gate. It returns a refusal
// such as ErrNoConsent. With Ask.Seen, and as the transaction's first act, it costs one
// round trip.
func (s *Service) CheckTx(ctx context.Context, tx *db.Tx, ask Ask) (Permit, error) {
	if ask.Seen != nil && ask.Seen.locks != nil {
		found, now, err := enter(ctx, tx, ask, ask.Seen.Grant, ask.Seen.locks)
		if err != nil {
			return Permit{}, err
		}
		if verdict, _ := found.judge(ask.Scope, now); verdict != VerdictEnded || !ask.needsGrant() {
			return found.permitOrRefuse(ask, now)
		}
		// It has ended since; another one may stand in its place.
	}
	// The first look finds the locks. It may refuse: what it saw was committed.
	// It never permits.
	now, err := tx.Now(ctx)
	if err != nil {
		return Permit{}, fmt.Errorf("read the database's clock: %w", err)
	}
	found, err := within(ctx, tx).look(ask, now)
	if err != nil {
		return Permit{}, err
	}
	found, now, err = enter(ctx, tx, ask, models.GrantID(found.grant.id), found.locks(ask))
	if err != nil {
		return Permit{}, err
	}
	return found.permitOrRefuse(ask, now)
}

// ClaimTx takes the gate shared and says how exactly this grant stands, for work
// that was accepted under it. A grant that is over stays over: a newer grant of the
// same pair is never considered.
func (s *Service) ClaimTx(ctx context.Context, tx *db.Tx, ask Ask, grant models.GrantID) (Standing, error) {
	all, err := within(ctx, tx).stands(ask, ask.exactly(grant))
	if err != nil {
		return Standing{}, fmt.Errorf("look for the grant: %w", err)
	}
	if len(all) == 0 {
		return Standing{Verdict: VerdictEnded, Reason: ReasonUnknown, Permit: Permit{Grant: grant, Version: 1}}, nil
	}
	found, now, err := enter(ctx, tx, ask, grant, all[0].locks(ask))
	if err != nil {
		return Standing{}, err
	}
	verdict, reason := found.judge(ask.Scope, now)
	return Standing{Verdict: verdict, Reason: reason, Permit: found.permit(ask, now)}, nil
}

// enter takes the gate and then reads, in a statement of its own: one that locks and
// reads would see the state from before the lock. The clock is read under the gate
// too, so whoever changes the grant later has a later time.
func enter(ctx context.Context, tx *db.Tx, ask Ask, grant models.GrantID, locks []db.Lock) (*stand, time.Time, error) {
	var found *stand
	q := ask.exactly(grant)
	now, err := tx.GateAndRead(ctx, locks, q.sql, q.args, func(scan func(...any) error) error {
		found = &stand{}
		return scan(q.dest(found)...)
	})
	if err == nil && found == nil {
		err = fmt.Errorf("grant %s disappeared", grant)
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read the grant under the gate: %w", err)
	}
	return found.complete(ask), now, nil
}

func shared(id int64) db.Lock { return db.Lock{Class: models.GateClass, ID: id} }

func exclusive(id int64) db.Lock { return db.Lock{Class: models.GateClass, ID: id, Exclusive: true} }

// judge applies the rules. What is over outweighs what is only held: held work
// waits, and would wait for nothing. A derived grant stands no better than what it
// rests on.
func (f *stand) judge(scope string, now time.Time) (Verdict, string) {
	switch {
	case f.grant.in(models.GrantRevoking, models.GrantRevoked) || f.root.in(models.GrantRevoking, models.GrantRevoked):
		return VerdictEnded, ReasonRevoked
	case f.grant.in(models.GrantExpired) || f.root.in(models.GrantExpired) || f.expired(now):
		return VerdictEnded, ReasonExpired
	case f.scopeMissing(scope):
		return VerdictEnded, ReasonScope
	case f.partner.state != string(models.PartnerActive) || f.owner.state != string(models.PartnerActive):
		return VerdictHeld, ReasonPartnerSuspended
	case f.client.state != string(models.ClientActive):
		return VerdictHeld, ReasonClientFrozen
	case f.tenant.state != string(models.TenantActive):
		return VerdictHeld, ReasonTenantSuspended
	case !f.grant.in(models.GrantActive) || !f.root.in(models.GrantActive):
		return VerdictHeld, ReasonSuspended
	}
	return VerdictActive, ""
}

func (s standing) in(states ...models.GrantState) bool {
	return slices.Contains(states, models.GrantState(s.state))
}

func (f *stand) scopeMissing(scope string) bool {
	return !hasScope(f.grantScopes, scope) || !hasScope(f.rootScopes, scope)
}

// end is when the grant and what it rests on end by the clock; zero for an ask that
// rests on nothing that does.
func (f *stand) end() time.Time {
	if f.rootEnd.Before(f.grantEnd) {
		return f.rootEnd
	}
	return f.grantEnd
}

func (f *stand) expired(now time.Time) bool { return !f.end().IsZero() && !now.Before(f.end()) }

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

// chooseOne asks a provider to say for which reseller it acts.
func chooseOne(derived []*stand) error {
	ids := make([]string, len(derived))
	for i, f := range derived {
		ids[i] = f.grant.id
	}
	return ErrChooseGrant.WithFields(errs.Field{Name: "Countersign-Grant", Cause: "is missing; it may be " + strings.Join(ids, ", ")})
}

func (f *stand) permit(ask Ask, now time.Time) Permit {
	return Permit{
		Grant: models.GrantID(f.grant.id), Root: models.GrantID(f.root.id), Epoch: f.grant.epoch, Version: max(1, f.version),
		Recount: f.numbers.recountVersion, ExpiresAt: f.end(), Now: now, Epochs: f.epochs(ask), Left: f.numbers.left(),
		Limits: limitsOf(f.numbers.limit, f.lists), locks: f.locks(ask),
	}
}
