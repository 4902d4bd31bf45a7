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
		sides, err := r.sidesOf(request)
		if err != nil {
			return err
		}
		now, err := enterParties(ctx, tx, actor.TenantID, sides...)
		if err != nil {
			return err
		}
		if err := mayGrant(r, actor, now); err != nil {
			return err
		}
		asked, err := r.asked(request, actor.TenantID)
		if err != nil {
			return err
		}
		if err := terms.Shown.check(asked); err != nil {
			return err
		}
		if grant, err = terms.narrow(request, now); err != nil {
			return err
		}
		grant.TenantID = actor.TenantID
		c := cause{actor: actor, at: now}
		switch {
		case request.Amends != nil:
			grant, err = s.grantChange(ctx, tx, request, grant, terms.Shown, c)
		case request.Derives != nil:
			grant, err = s.grantUnder(ctx, tx, request, grant, terms.Shown, c)
		default:
			grant, err = s.grantNew(r, &request, grant, terms.Shown, c)
		}
		return err
	})
	return grant, err
}

// grantNew adds a grant, answers the request if there is one, and lets the partner's
// providers act under it.
func (s *Service) grantNew(r rows, request *models.ConsentRequest, grant models.Grant, shown Reading, c cause) (models.Grant, error) {
	grant.ID = models.GrantID(s.newID())
	var heirs heirs
	if grant.DerivedFrom == nil {
		var err error
		if heirs, err = r.heirs(grant.PartnerID, grant.TenantID); err != nil {
			return grant, err
		}
	}
	c, err := s.record(r, decided{
		kind: models.DecisionGranted, request: grant.RequestID, grant: &grant.ID, partner: grant.PartnerID, tenant: grant.TenantID,
		promise: PromiseOfGrant(grant).With(heirs.names), shown: shown,
	}, c)
	if err != nil {
		return grant, err
	}
	if request != nil {
		if err := answerYes(r, *request, grant.ID, c); err != nil {
			return grant, err
		}
	}
	if err := addGrant(r, grant, c); err != nil {
		return grant, err
	}
	if err := s.derive(r, grant, heirs, c); err != nil {
		return grant, err
	}
	return r.grant(grant.ID, scope{}) // with the lock id the database drew
}

// answerYes closes a request with the grant that it became.
func answerYes(r rows, request models.ConsentRequest, grant models.GrantID, c cause) error {
	request.State, request.GrantID = models.RequestGranted, &grant
	_, err := moveRequest(r, models.RequestPending, request, c)
	return err
}

// grantChange says yes to a partner that asked for other terms of its grant. As with Amend,
// what becomes wider takes a person.
func (s *Service) grantChange(ctx context.Context, tx *db.Tx, request models.ConsentRequest, terms models.Grant, shown Reading, c cause) (models.Grant, error) {
	before, now, err := lockGrant(ctx, tx, *request.Amends, scope{partner: request.PartnerID, tenant: terms.TenantID})
	if err != nil {
		return before, err
	}
	if err := isLive(before, now); err != nil {
		return before, err
	}
	r, after := within(ctx, tx), before
	after.Scopes, after.DeviceLimit, after.GrantLists, after.ExpiresAt = terms.Scopes, terms.DeviceLimit, terms.GrantLists, terms.ExpiresAt
	d := compareTerms(before, after)
	if d.wider && c.actor.Person == nil {
		return before, ErrNeedsPerson
	}
	c.at = now
	c, err = s.record(r, decided{
		kind: models.DecisionWidened, request: &request.ID, grant: &after.ID, partner: after.PartnerID, tenant: after.TenantID,
		promise: PromiseOfGrant(after), shown: shown,
	}, c)
	if err != nil {
		return before, err
	}
	if err := answerYes(r, request, after.ID, c); err != nil {
		return before, err
	}
	if d.change == "" {
		return before, nil // the tenant was faster and has done it already
	}
	return amendGrant(r, before, after, d, &request.ID, c)
}

// grantUnder says yes to a provider that asked to act under its reseller's grant.
func (s *Service) grantUnder(ctx context.Context, tx *db.Tx, request models.ConsentRequest, terms models.Grant, shown Reading, c cause) (models.Grant, error) {
	r := within(ctx, tx)
	parent, err := r.grant(*request.Derives, scope{tenant: terms.TenantID})
	if err != nil {
		return parent, err
	}
	if err := tx.Gate(ctx, shared(parent.Gate)); err != nil {
		return parent, err
	}
	if parent, err = r.grant(*request.Derives, scope{tenant: terms.TenantID}); err != nil {
		return parent, err
	}
	if err := isLive(parent, c.at); err != nil {
		return parent, err
	}
	links, err := r.linksOf(parent.PartnerID)
	if err != nil {
		return parent, err
	}
	for _, link := range links {
		if link.ProviderID != request.PartnerID {
			continue
		}
		child := s.child(parent, link, &request.ID)
		child.Scopes, child.ExpiresAt, child.CreatedAt = terms.Scopes, earlier(terms.ExpiresAt, parent.ExpiresAt), c.at
		return s.grantNew(r, &request, child, shown, c)
	}
	return parent, ErrWrongState.WithDetail("Reseller and provider are linked no more. Decline the request.")
}

// Gift is a grant that a tenant gives without having been asked.
type Gift struct {
	Partner   models.PartnerID
	Scopes    []string
	Limits    Limits
	ExpiresAt *time.Time // nil means a year from now
	Shown     Reading
}

// Give makes a grant without a request. It takes a person of the tenant who signed in
// just now. ErrExists means that the partner has a live grant.
func (s *Service) Give(ctx context.Context, actor Actor, gift Gift) (models.Grant, error) {
	if actor.Kind != models.ActorCustomer {
		return models.Grant{}, ErrNotYours
	}
	if actor.Person == nil {
		return models.Grant{}, ErrNeedsPerson
	}
	grant, err := s.giveOnce(ctx, actor, gift)
	if !errors.Is(err, errNotAlone) {
		return grant, err
	}
	if err := s.expireLive(ctx, gift.Partner, actor.TenantID); err != nil {
		return models.Grant{}, err
	}
	grant, err = s.giveOnce(ctx, actor, gift)
	if errors.Is(err, errNotAlone) {
		return models.Grant{}, ErrExists
	}
	return grant, err
}

func (s *Service) giveOnce(ctx context.Context, actor Actor, gift Gift) (models.Grant, error) {
	var grant models.Grant
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := enterParties(ctx, tx, actor.TenantID, gift.Partner)
		if errors.Is(err, ErrNotFound) {
			return ErrInvalid.WithFields(errs.Field{Name: "partner", Cause: "is not the id of a partner"})
		}
		if err != nil {
			return err
		}
		r := within(ctx, tx)
		if err := mayGrant(r, actor, now); err != nil {
			return err
		}
		var faults faults
		limits := faults.limits(gift.Limits)
		grant = models.Grant{
			PartnerID: gift.Partner, TenantID: actor.TenantID, State: models.GrantActive, Epoch: 1, Version: 1, RecountVersion: 1,
			Scopes: faults.scopes(gift.Scopes), DeviceLimit: limits.Devices, GrantLists: limits.lists(),
			ExpiresAt: now.Add(defaultGrant), CreatedAt: now,
		}
		if gift.ExpiresAt != nil {
			grant.ExpiresAt = instant(*gift.ExpiresAt)
			faults.between("expiresAt", grant.ExpiresAt, now, now.Add(longestGrant))
		}
		if err := faults.err(); err != nil {
			return err
		}
		heirs, err := r.heirs(gift.Partner, actor.TenantID)
		if err != nil {
			return err
		}
		if err := errors.Join(gift.Shown.saw(Offer(heirs.names)), gift.Shown.check(PromiseOfGrant(grant).With(heirs.names))); err != nil {
			return err
		}
		grant, err = s.grantNew(r, nil, grant, gift.Shown, cause{actor: actor, at: now})
		return err
	})
	return grant, err
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
	if request.Derives != nil && t.Limits.any() {
		faults.add("deviceLimit", "and the other limits are those of the consent that this one rests on; change them there")
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
