package consent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// Grant answers a request of the actor's tenant with yes. The terms may only
// narrow what was asked. ErrExists means that the partner has a live grant.
func (s *Service) Grant(ctx context.Context, actor Actor, id models.RequestID, terms Terms) (models.Grant, error) {
	if !mayMoveRequest(models.RequestGranted, actor.Kind) {
		return models.Grant{}, ErrNotYours
	}
	grant, err := s.grantOnce(ctx, actor, id, terms)
	if !errors.Is(err, errNotAlone) {
		return grant, err
	}
	if err := s.expireLive(ctx, grant.PartnerID, grant.TenantID); err != nil {
		return models.Grant{}, err
	}
	grant, err = s.grantOnce(ctx, actor, id, terms)
	if errors.Is(err, errNotAlone) {
		return models.Grant{}, ErrExists
	}
	return grant, err
}

// grantOnce decides in one transaction. With errNotAlone it returns the grant
// that could not be added.
func (s *Service) grantOnce(ctx context.Context, actor Actor, id models.RequestID, terms Terms) (models.Grant, error) {
	var grant models.Grant
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r := within(ctx, tx)
		request, _, err := openRequest(ctx, tx, id, actor, models.RequestGranted)
		if err != nil {
			return err
		}
		now, err := enterPair(ctx, tx, request.PartnerID, actor.TenantID)
		if err != nil {
			return err
		}
		if err := mayGrant(r, actor, now); err != nil {
			return err
		}
		if err := terms.Shown.check(PromiseOf(request)); err != nil {
			return err
		}
		if grant, err = terms.narrow(request, now); err != nil {
			return err
		}
		grant.ID, grant.TenantID = models.GrantID(s.newID()), actor.TenantID
		c, err := s.record(r, decided{
			kind: models.DecisionGranted, request: &request.ID, grant: &grant.ID, partner: grant.PartnerID, tenant: grant.TenantID,
			promise: PromiseOfGrant(grant), shown: terms.Shown,
		}, cause{actor: actor, at: now})
		if err != nil {
			return err
		}
		request.State, request.GrantID = models.RequestGranted, &grant.ID
		if _, err := moveRequest(r, models.RequestPending, request, c); err != nil {
			return err
		}
		if err := addGrant(r, grant, c); err != nil {
			return err
		}
		grant, err = r.grant(grant.ID, scope{}) // with the lock id the database drew
		return err
	})
	return grant, err
}

// enterPair takes the gates of partner and tenant shared and refuses when either
// is suspended: nobody becomes a partner's customer while the partner is stopped.
// It returns the database's clock, read under the gate.
func enterPair(ctx context.Context, tx *db.Tx, partner models.PartnerID, tenant models.TenantID) (time.Time, error) {
	r := within(ctx, tx)
	p, t, err := r.pair(partner, tenant)
	if err != nil {
		return time.Time{}, err
	}
	if err := tx.Gate(ctx, shared(p.Gate), shared(t.Gate)); err != nil {
		return time.Time{}, err
	}
	if p, t, err = r.pair(partner, tenant); err != nil {
		return time.Time{}, err
	}
	if p.State != models.PartnerActive {
		return time.Time{}, errPartnerStopped
	}
	if t.State != models.TenantActive {
		return time.Time{}, ErrTenantSuspended
	}
	return tx.Now(ctx)
}

// errPartnerStopped is ErrPartnerSuspended, told to the customer.
var errPartnerStopped = ErrPartnerSuspended.WithDetail(
	"The partner is suspended by the operator of this service. Decline the request, or grant it once the partner is active again.")

// narrow makes the grant from request and terms, and refuses anything wider than
// what was asked.
func (t Terms) narrow(request models.ConsentRequest, now time.Time) (models.Grant, error) {
	var faults faults
	grant := models.Grant{
		RequestID: &request.ID, PartnerID: request.PartnerID, State: models.GrantActive, Epoch: 1, CreatedAt: now,
		Version: 1, RecountVersion: 1, Scopes: request.Scopes, ExpiresAt: request.GrantUntil,
	}
	if t.Scopes != nil {
		grant.Scopes = faults.scopes(t.Scopes)
		if slices.ContainsFunc(t.Scopes, func(scope string) bool { return !hasScope(request.Scopes, scope) }) {
			faults.add("scopes", "is wider than what was asked: "+strings.ReplaceAll(request.Scopes, " ", ", "))
		}
	}
	limits := faults.narrowed(limitsOf(request.DeviceLimit, request.GrantLists), t.Limits)
	grant.DeviceLimit, grant.GrantLists = limits.Devices, limits.lists()
	if t.ExpiresAt != nil {
		grant.ExpiresAt = instant(*t.ExpiresAt)
	}
	faults.between("expiresAt", grant.ExpiresAt, now, request.GrantUntil)
	return grant, faults.err()
}

// Suspend pauses a grant: nothing is accepted, and work that waits is held.
func (s *Service) Suspend(ctx context.Context, actor Actor, id models.GrantID, reason string) (models.Grant, error) {
	return s.change(ctx, actor, id, models.GrantSuspended, reason)
}

// Resume ends a suspension. Work that was held goes on under the new epoch.
func (s *Service) Resume(ctx context.Context, actor Actor, id models.GrantID, reason string) (models.Grant, error) {
	return s.change(ctx, actor, id, models.GrantActive, reason)
}

// change moves a grant of the actor's between active and suspended.
func (s *Service) change(ctx context.Context, actor Actor, id models.GrantID, to models.GrantState, reason string) (models.Grant, error) {
	if !mayMoveGrant(to, actor.Kind) {
		return models.Grant{}, ErrNotYours
	}
	own, err := ownScope(actor)
	if err != nil {
		return models.Grant{}, err
	}
	if err := checkReason(reason); err != nil {
		return models.Grant{}, err
	}
	var grant models.Grant
	err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		found, now, err := lockGrant(ctx, tx, id, own)
		if err != nil {
			return err
		}
		if err := mayDecide(within(ctx, tx), actor, now); err != nil {
			return err
		}
		if !ends(found.State) && !now.Before(found.ExpiresAt) {
			return errExpired
		}
		grant, err = moveGrant(within(ctx, tx), found, to, cause{actor: actor, reason: reason, at: now}, 0)
		return err
	})
	return grant, err
}

var errExpired = errs.New(errs.Conflict, ErrWrongState.Code, "The grant has expired. A new consent needs a new request.")
