package signin

import (
	"context"
	"strings"
	"time"

	"countersign/models"
)

// touchEvery is how often a session in use is written: its idle end is that much early
// at worst.
const touchEvery = time.Minute

// alive reports whether a session can be used: not idle, not too old, and everything that
// it stands on still standing.
func (r sessionRow) alive(now time.Time) bool {
	return now.Before(r.ExpiresAt) && now.Before(r.SeenAt.Add(SessionIdle)) &&
		r.Tenant.State == models.TenantActive && r.Person.MayDecide()
}

// Session reads a session as of this moment: the person's state and role, the tenant's
// state and its settings are read with it, so a person who was disabled, a tenant that
// was suspended and a provider that was replaced end it at once. ErrNoSession for every
// reason.
func (s *Service) Session(ctx context.Context, cookie string) (Session, error) {
	session, row, err := s.session(ctx, cookie)
	if err != nil {
		return Session{}, err
	}
	now, err := s.deps.DB.Now(ctx)
	if err != nil {
		return Session{}, stored(err)
	}
	if now.Sub(row.SeenAt) < touchEvery {
		return session, nil
	}
	err = s.inTx(ctx, func(_ context.Context, t change) error {
		return t.touch(row.Digest, t.now, t.now.Add(-touchEvery))
	})
	return session, err
}

// session reads without prolonging.
func (s *Service) session(ctx context.Context, cookie string) (Session, sessionRow, error) {
	reference := digest(cookie)
	if reference == nil {
		return Session{}, sessionRow{}, ErrNoSession
	}
	row, found, err := s.read(ctx).session(reference)
	if err != nil {
		return Session{}, sessionRow{}, stored(err)
	}
	now, err := s.deps.DB.Now(ctx)
	if err != nil {
		return Session{}, sessionRow{}, stored(err)
	}
	issuer, requireMFA := s.ruleOf(row)
	if !found || !row.alive(now) || row.Person.Issuer != issuer {
		return Session{}, sessionRow{}, ErrNoSession
	}
	session := Session{
		Person: row.Person, Tenant: row.Tenant, ACR: row.ACR, AMR: strings.Fields(row.AMR),
		CSRF: s.deps.Sealer.Derive(forCSRF, cookie),
	}
	if row.AuthTime != nil {
		session.AuthTime = *row.AuthTime
		session.Fresh = now.Before(row.AuthTime.Add(FreshFor)) && (row.MFA || !requireMFA)
	}
	return session, row, nil
}

// ruleOf is the tenant's issuer and rule as they are now.
func (s *Service) ruleOf(row sessionRow) (issuer string, requireMFA bool) {
	if row.SettingsIssuer != nil && row.RequireMFA != nil {
		return *row.SettingsIssuer, *row.RequireMFA
	}
	return s.deps.Shared.issuerFor(row.TenantID), s.deps.Shared.RequireMFA
}

// End ends a session. One that has ended, or never was, is no error.
func (s *Service) End(ctx context.Context, cookie string) error {
	reference := digest(cookie)
	if reference == nil {
		return nil
	}
	return s.inTx(ctx, func(_ context.Context, t change) error { return t.endSession(reference) })
}
