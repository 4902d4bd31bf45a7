package consent

import (
	"context"
	"fmt"
	"log/slog"

	"countersign/internal/db"
	"countersign/models"
)

// Revoke ends a grant. From its first transaction on nothing new is accepted;
// then it asks the core, for a bounded time, to refuse what is under way. The
// answer says whether the core acknowledged. If not, RunFences goes on asking, and
// Revoke may be called again: it never ends a grant twice and gives the same
// moment.
func (s *Service) Revoke(ctx context.Context, actor Actor, id models.GrantID, reason string) (Revocation, error) {
	if !mayMoveGrant(models.GrantRevoking, actor.Kind) {
		return Revocation{}, ErrNotYours
	}
	own, err := ownScope(actor)
	if err != nil {
		return Revocation{}, err
	}
	if err := checkReason(reason); err != nil {
		return Revocation{}, err
	}
	grant, err := s.startRevoking(ctx, id, own, cause{actor: actor, reason: reason}, 0)
	if err != nil {
		return Revocation{}, err
	}
	if grant.State == models.GrantRevoking {
		if err := s.askOnce(ctx, grant); err != nil {
			// The grant has ended all the same; the answer says how far.
			s.log.WarnContext(ctx, "the core has not acknowledged a revocation yet",
				slog.String("grant", string(id)), slog.Any("error", err))
		}
	}
	return s.revocation(ctx, id)
}

// startRevoking stops acceptance, also of what rests on the grant, and asks for the
// fences, in one transaction. A grant that is already revoking or revoked stays as it is.
func (s *Service) startRevoking(ctx context.Context, id models.GrantID, own scope, c cause, floor int64) (models.Grant, error) {
	var grant models.Grant
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		found, err := lockFamily(ctx, tx, id, own)
		if err != nil {
			return err
		}
		grant = found.grant
		if grant.State == models.GrantRevoking || grant.State == models.GrantRevoked {
			return nil
		}
		if err := mayDecide(within(ctx, tx), c.actor, found.now); err != nil {
			return err
		}
		c.at = found.now
		grant, err = found.end(within(ctx, tx), models.GrantRevoking, c, floor)
		return err
	})
	return grant, err
}

// askOnce asks the core for the fence of a grant that is revoking.
func (s *Service) askOnce(ctx context.Context, grant models.Grant) error {
	fence, err := s.rows(ctx).fenceOf(models.SubjectOfGrant, string(grant.ID))
	if err != nil {
		return fmt.Errorf("read the fence: %w", err)
	}
	return s.deliver(ctx, fence)
}

// revocation reads how far the end of a grant has come.
func (s *Service) revocation(ctx context.Context, id models.GrantID) (Revocation, error) {
	grant, err := s.rows(ctx).grant(id, scope{})
	if err != nil {
		return Revocation{}, fmt.Errorf("read the grant: %w", err)
	}
	// Every claim read its clock under the gate before this grant ended, and
	// its work carries a NotAfter within the bound.
	answer := Revocation{Grant: grant, NothingAfter: grant.EndedAt.Add(NotAfterBound + ClockSkew), Last: grant.Last}
	if grant.State == models.GrantRevoked {
		answer.Done = true
		if answer.Moment, err = s.rows(ctx).momentOf(id); err != nil {
			return Revocation{}, fmt.Errorf("read the history: %w", err)
		}
	}
	return answer, nil
}

// finishRevoking completes a revocation whose fence the core has acknowledged.
// Another replica may have been faster.
func finishRevoking(ctx context.Context, tx *db.Tx, fence models.Fence, last models.LastDevice) error {
	grant, now, err := lockGrant(ctx, tx, models.GrantID(fence.SubjectID), scope{})
	if err != nil {
		return err
	}
	if grant.State != models.GrantRevoking || grant.Epoch > fence.MinEpoch {
		return nil
	}
	r := within(ctx, tx)
	if err := r.setLast(grant.ID, last); err != nil {
		return fmt.Errorf("note the last device: %w", err)
	}
	grant.Last = last
	_, err = moveGrant(r, grant, models.GrantRevoked, cause{actor: system, reason: "the core acknowledged the stop", at: now}, 0)
	return err
}

// ForceRevoked ends a grant whose fence in the core is ahead of ours: this
// database is older than the core's, as after a restored backup, and the grant may
// have been ended in what was lost. A fence that is not ahead changes nothing.
func (s *Service) ForceRevoked(ctx context.Context, id models.GrantID, minEpoch int64, reason string) error {
	grant, err := s.rows(ctx).grant(id, scope{})
	if err != nil {
		return err
	}
	if ends(grant.State) || grant.Epoch >= minEpoch {
		return nil
	}
	s.log.ErrorContext(ctx, "the core's fence is ahead of this grant: was a backup restored? The grant is revoked",
		slog.String("grant", string(id)), slog.Int64("epoch", grant.Epoch), slog.Int64("fence", minEpoch))
	// Work of the lost time may carry the fence's own epoch, so ours goes above.
	_, err = s.startRevoking(ctx, id, scope{}, cause{actor: system, reason: reason}, minEpoch+1)
	return err
}
