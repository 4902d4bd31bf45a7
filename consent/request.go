package consent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// How long things last when nobody says otherwise, and at most.
const (
	defaultGrant   = 365 * 24 * time.Hour
	defaultRequest = 30 * 24 * time.Hour
	longestGrant   = 10 * defaultGrant
	longestRequest = 90 * 24 * time.Hour
)

// Request asks a tenant for consent and returns the link to it. A tenant nobody knows
// gets a request of the same shape as a known one; it becomes visible to the tenant
// that some day bears the id or domain, and expires otherwise. So does one to a tenant
// that has blocked the partner, but it is never seen.
func (s *Service) Request(ctx context.Context, actor Actor, ask NewRequest) (Asked, error) {
	if !mayMoveRequest(models.RequestPending, actor.Kind) {
		return Asked{}, ErrNotYours
	}
	var request models.ConsentRequest
	var secret string
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return fmt.Errorf("read the database's clock: %w", err)
		}
		ask, err := ask.amending(within(ctx, tx), actor, now)
		if err != nil {
			return err
		}
		if request, err = ask.validate(now); err != nil {
			return err
		}
		request.ID = models.RequestID(s.newID())
		request.PartnerID, request.CreatedBy = actor.PartnerID, models.ClientID(actor.ID)
		request.State, request.CreatedAt = models.RequestPending, now
		r := within(ctx, tx)
		if err := s.caps.admit(r, request, now); err != nil {
			return err
		}
		if err := address(r, &request); err != nil {
			return err
		}
		secret = newLink(&request, *request.LinkUntil)
		request, err = moveRequest(r, "", request, cause{actor: actor, at: now})
		return err
	})
	if err != nil {
		return Asked{}, err
	}
	if s.prober != nil {
		s.prober.Asked(ctx, actor.PartnerID, request.TenantID != nil)
	}
	return Asked{request, secret}.forPartner(), nil
}

// amending fills in, from the grant that a request is about, what the request leaves out.
func (n NewRequest) amending(r rows, actor Actor, now time.Time) (NewRequest, error) {
	if n.Amends == "" {
		return n, nil
	}
	grant, err := r.grant(n.Amends, scope{partner: actor.PartnerID})
	if err != nil {
		return n, err
	}
	if err := isLive(grant, now); err != nil {
		return n, err
	}
	if grant.DerivedFrom != nil {
		return n, ErrInvalid.WithFields(errs.Field{Name: "amends", Cause: "is a consent that rests on the reseller's; the reseller asks for other terms"})
	}
	n.Tenant = string(grant.TenantID)
	if n.Scopes == nil {
		n.Scopes = strings.Fields(grant.Scopes)
	}
	if n.GrantUntil == nil {
		n.GrantUntil = &grant.ExpiresAt
	}
	n.Limits = n.Limits.over(LimitsOf(grant))
	return n, nil
}

// address finds out whom a request reaches. It does the same for everybody, so that
// the time it takes tells nothing.
func address(r rows, request *models.ConsentRequest) (err error) {
	if request.TenantID, err = r.tenantNamed(request.TenantRef); err != nil {
		return fmt.Errorf("look for the tenant: %w", err)
	}
	var tenant models.TenantID
	if request.TenantID != nil {
		tenant = *request.TenantID
	}
	if request.Muted, err = r.isBlocked(tenant, request.PartnerID); err != nil {
		return fmt.Errorf("look for a block: %w", err)
	}
	return nil
}

// Withdraw takes back the partner's own request while nobody has decided.
func (s *Service) Withdraw(ctx context.Context, actor Actor, id models.RequestID, reason string) (models.ConsentRequest, error) {
	request, err := s.close(ctx, actor, id, models.RequestWithdrawn, reason)
	return forPartner(request), err
}

// Decline answers a request with no.
func (s *Service) Decline(ctx context.Context, actor Actor, id models.RequestID, reason string) (models.ConsentRequest, error) {
	return s.close(ctx, actor, id, models.RequestDeclined, reason)
}

// close ends a pending request without a grant.
func (s *Service) close(ctx context.Context, actor Actor, id models.RequestID, to models.RequestState, reason string) (models.ConsentRequest, error) {
	if !mayMoveRequest(to, actor.Kind) {
		return models.ConsentRequest{}, ErrNotYours
	}
	if err := checkReasonOf(actor, reason); err != nil {
		return models.ConsentRequest{}, err
	}
	var request models.ConsentRequest
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var now time.Time
		var err error
		if request, now, err = openRequest(ctx, tx, id, actor, to); err != nil {
			return err
		}
		r, c := within(ctx, tx), cause{actor: actor, reason: reason, at: now}
		if err := mayDecide(r, actor, now); err != nil {
			return err
		}
		if to == models.RequestDeclined {
			asked, err := r.asked(request, actor.TenantID)
			if err != nil {
				return err
			}
			c, err = s.record(r, decided{
				kind: models.DecisionDeclined, request: &request.ID, partner: request.PartnerID, tenant: actor.TenantID, promise: asked,
			}, c)
			if err != nil {
				return err
			}
		}
		request.State = to
		request, err = moveRequest(r, models.RequestPending, request, c)
		return err
	})
	return request, err
}

// openRequest reads a request of the actor's that can still become to, with the
// database's clock. A customer's look fixes which tenant the reference means.
func openRequest(ctx context.Context, tx *db.Tx, id models.RequestID, actor Actor, to models.RequestState) (models.ConsentRequest, time.Time, error) {
	own, err := ownScope(actor)
	if err != nil {
		return models.ConsentRequest{}, time.Time{}, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return models.ConsentRequest{}, now, fmt.Errorf("read the database's clock: %w", err)
	}
	request, err := within(ctx, tx).request(id, own)
	if err != nil {
		return request, now, err
	}
	if request.State == models.RequestPending && !now.Before(request.ExpiresAt) {
		return request, now, ErrWrongState.WithDetail("The request expired before anybody decided. The partner may ask again.")
	}
	if actor.Kind == models.ActorCustomer {
		request.TenantID = &actor.TenantID
	}
	return request, now, checkRequestMove(request.State, to, actor.Kind)
}

// forPartner hides whether the tenant exists and whether it listens.
func forPartner(request models.ConsentRequest) models.ConsentRequest {
	request.TenantID, request.Muted, request.LinkDigest = nil, false, nil
	return request
}
