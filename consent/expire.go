package consent

import (
	"context"
	"errors"
	"fmt"

	"countersign/internal/db"
	"countersign/models"
)

// Expiry is judged by the database's clock wherever it matters; the sweep here
// only writes down what already holds.

// expireRequests closes questions nobody answered in time.
func (s *Service) expireRequests(ctx context.Context) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		r := within(ctx, tx)
		overdue, err := r.overdueRequests(now)
		if err != nil {
			return err
		}
		for _, request := range overdue {
			request.State = models.RequestExpired
			_, err := moveRequest(r, models.RequestPending, request, cause{actor: system, reason: "nobody decided in time", at: now})
			if err != nil && !errors.Is(err, ErrWrongState) { // somebody decided just now
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("expire requests: %w", err)
	}
	return nil
}

// expireGrants ends grants past their expiry, each in a transaction of its own,
// because each waits for its own gate.
func (s *Service) expireGrants(ctx context.Context) error {
	now, err := s.db.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	overdue, err := s.rows(ctx).overdueGrants(now)
	if err != nil {
		return fmt.Errorf("list overdue grants: %w", err)
	}
	var failed []error
	for _, id := range overdue {
		failed = append(failed, s.expireGrant(ctx, id))
	}
	return errors.Join(failed...)
}

// expireGrant ends one grant if it is live and overdue. Its fence is for
// certainty only: work under it carries a NotAfter no later than the expiry.
func (s *Service) expireGrant(ctx context.Context, id models.GrantID) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		found, err := lockFamily(ctx, tx, id, scope{})
		if err != nil || ends(found.grant.State) || found.now.Before(found.grant.ExpiresAt) {
			return err
		}
		c := cause{actor: system, reason: "its time was over", at: found.now}
		_, err = found.end(within(ctx, tx), models.GrantExpired, c, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("expire grant %s: %w", id, err)
	}
	return nil
}

// expireLive ends the pair's live grant if the sweep has not seen yet that it is
// overdue.
func (s *Service) expireLive(ctx context.Context, partner models.PartnerID, tenant models.TenantID) error {
	live, err := s.rows(ctx).liveGrant(partner, tenant)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the live grant: %w", err)
	}
	return s.expireGrant(ctx, live.ID)
}
