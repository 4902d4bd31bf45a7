package consent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/models"
)

// Amendment changes the terms of a grant. What is left out stays as it is.
type Amendment struct {
	Scopes    []string   // nil leaves them
	Limits    Limits     // nil leaves a limit, 0 devices and an empty list lift it
	ExpiresAt *time.Time // nil leaves it; at most ten years from now
	Reason    string
	Shown     Reading // what the person read, of a change that widens
}

// Amend changes a grant of the actor's tenant. What becomes narrower holds at once,
// also for what was accepted and waits: the epoch is raised and fenced. What becomes
// wider in anything is a new decision and takes a person of the tenant who signed in
// just now; a partner asks for it with a request that names the grant.
func (s *Service) Amend(ctx context.Context, actor Actor, id models.GrantID, a Amendment) (models.Grant, error) {
	return s.amend(ctx, actor, id, a, ledger.ConsentAmended)
}

// Renew gives a grant a later end and changes nothing else. It takes a person of the
// tenant who signed in just now; until nil means a year from now.
func (s *Service) Renew(ctx context.Context, actor Actor, id models.GrantID, until *time.Time, shown Reading) (models.Grant, error) {
	a := Amendment{ExpiresAt: until, Shown: shown}
	if until == nil {
		now, err := s.db.Now(ctx)
		if err != nil {
			return models.Grant{}, fmt.Errorf("read the database's clock: %w", err)
		}
		year := now.Add(defaultGrant)
		a.ExpiresAt = &year
	}
	return s.amend(ctx, actor, id, a, ledger.ConsentRenewed)
}

func (s *Service) amend(ctx context.Context, actor Actor, id models.GrantID, a Amendment, kind string) (models.Grant, error) {
	if actor.Kind != models.ActorCustomer {
		return models.Grant{}, ErrNotYours
	}
	own, err := ownScope(actor)
	if err != nil {
		return models.Grant{}, err
	}
	if err := checkReason(a.Reason); err != nil {
		return models.Grant{}, err
	}
	var grant models.Grant
	err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		found, now, err := lockGrant(ctx, tx, id, own)
		if err != nil {
			return err
		}
		r := within(ctx, tx)
		if err := mayDecide(r, actor, now); err != nil {
			return err
		}
		after, err := a.apply(found, now)
		if err != nil {
			return err
		}
		if err := a.Shown.saw(PromiseOfGrant(found)); err != nil {
			return err
		}
		difference := compareTerms(found, after)
		if kind == ledger.ConsentRenewed && difference.change != models.GrantRenewed {
			return ErrInvalid.WithDetail("A renewal gives the permission a later end than %s.", found.ExpiresAt.UTC().Format(time.RFC3339))
		}
		c := cause{actor: actor, reason: a.Reason, at: now}
		if difference.wider {
			if c, err = s.decideAnew(r, after, difference, a.Shown, c); err != nil {
				return err
			}
		}
		grant, err = amendGrant(r, found, after, difference, nil, c)
		return err
	})
	return grant, err
}

// decideAnew records the decision of a person about terms that become wider.
func (s *Service) decideAnew(r rows, after models.Grant, d difference, shown Reading, c cause) (cause, error) {
	if c.actor.Person == nil {
		return c, ErrNeedsPerson
	}
	if err := mayGrant(r, c.actor, c.at); err != nil {
		return c, err
	}
	if err := shown.check(PromiseOfGrant(after)); err != nil {
		return c, err
	}
	kind := models.DecisionWidened
	if d.change == models.GrantRenewed {
		kind = models.DecisionRenewed
	}
	return s.record(r, decided{
		kind: kind, grant: &after.ID, partner: after.PartnerID, tenant: after.TenantID, promise: PromiseOfGrant(after), shown: shown,
	}, c)
}

// apply makes the grant as it is to be.
func (a Amendment) apply(grant models.Grant, now time.Time) (models.Grant, error) {
	if err := isLive(grant, now); err != nil {
		return grant, err
	}
	var faults faults
	after := grant
	if a.Scopes != nil {
		after.Scopes = faults.scopes(a.Scopes)
	}
	if grant.DerivedFrom != nil && a.Limits.any() {
		faults.add("deviceLimit", "and the other limits are those of the consent that this one rests on; change them there")
	}
	limits := faults.limits(a.Limits.over(LimitsOf(grant)))
	after.DeviceLimit, after.GrantLists = limits.Devices, limits.lists()
	if a.ExpiresAt != nil {
		after.ExpiresAt = instant(*a.ExpiresAt)
		faults.between("expiresAt", after.ExpiresAt, now, now.Add(longestGrant))
	}
	return after, faults.err()
}

// isLive refuses a grant that is over, by its state or by the clock.
func isLive(grant models.Grant, now time.Time) error {
	switch {
	case ends(grant.State):
		return ErrWrongState.WithDetail("The grant is %s. A new consent needs a new request.", grant.State)
	case !now.Before(grant.ExpiresAt):
		return errExpired
	}
	return nil
}

// any reports whether anything is set.
func (l Limits) any() bool {
	return l.Devices != nil || l.Manufacturers != nil || l.GroupTags != nil || l.PurchaseOrders != nil
}

// over lays changes over limits: 0 devices and an empty list lift a limit.
func (l Limits) over(present Limits) Limits {
	switch {
	case l.Devices == nil:
		l.Devices = present.Devices
	case *l.Devices == 0:
		l.Devices = nil
	}
	before := present.named()
	for i, one := range l.named() {
		if *one.values == nil {
			*one.values = *before[i].values
		}
	}
	return l
}

// difference is how terms change.
type difference struct {
	narrower, wider, fewer bool // fewer: the device limit is lower
	change                 models.GrantChange
}

// compareTerms finds out in what the terms after are narrower and wider than before.
func compareTerms(before, after models.Grant) difference {
	old, now := LimitsOf(before), LimitsOf(after)
	var d difference
	d.fewer = now.Devices != nil && (old.Devices == nil || *now.Devices < *old.Devices)
	d.narrower = !scopesWithin(before.Scopes, after.Scopes) || !old.Within(now) || after.ExpiresAt.Before(before.ExpiresAt)
	later := after.ExpiresAt.After(before.ExpiresAt)
	more := !scopesWithin(after.Scopes, before.Scopes) || !now.Within(old)
	d.wider = later || more
	switch {
	case d.wider && d.narrower:
		d.change = models.GrantChanged
	case more:
		d.change = models.GrantWidened
	case later:
		d.change = models.GrantRenewed
	case d.narrower:
		d.change = models.GrantNarrowed
	}
	return d
}

// scopesWithin reports whether every scope of the one stored set is in the other.
func scopesWithin(inner, outer string) bool {
	for _, scope := range strings.Fields(inner) {
		if !hasScope(outer, scope) {
			return false
		}
	}
	return true
}

// amendGrant writes new terms: compare-and-set, a new version, the raised epoch with
// its fence when anything is narrower, and the history, all in the same transaction.
// The caller holds the grant's gate exclusively.
func amendGrant(r rows, before, after models.Grant, d difference, answered *models.RequestID, c cause) (models.Grant, error) {
	if d.change == "" {
		return before, ErrInvalid.WithDetail("The change leaves everything as it is.")
	}
	after.Version++
	if d.narrower {
		after.Epoch++
	}
	if d.fewer {
		after.RecountVersion = after.Version
	}
	amended, err := r.amendGrant(before, after)
	if err != nil {
		return before, fmt.Errorf("amend a grant: %w", err)
	}
	if !amended {
		return before, ErrWrongState
	}
	if d.narrower {
		if err := r.raiseFence(models.SubjectOfGrant, string(after.ID), after.Epoch, c.at); err != nil {
			return before, fmt.Errorf("ask for a fence: %w", err)
		}
	}
	if err := addVersion(r, after, d.change, answered, c); err != nil {
		return before, err
	}
	kind := ledger.ConsentAmended
	if d.change == models.GrantRenewed {
		kind = ledger.ConsentRenewed
	}
	return after, grantNote(r, after.State, after, kind, c)
}

// amendGrant changes the terms if grant and terms still are as in before. What is
// reserved counts anew against a lower device limit.
func (r rows) amendGrant(before, after models.Grant) (bool, error) {
	lists := after.GrantLists
	done := r.g.Exec(`UPDATE grants SET scopes = ?, device_limit = ?, manufacturers = ?, group_tags = ?, purchase_orders = ?,
			expires_at = ?, version = ?, epoch = ?, recount_version = ?,
			devices_recount = CASE WHEN recount_version < ? THEN devices_reserved ELSE devices_recount END
		WHERE id = ? AND state = ? AND epoch = ? AND version = ?`,
		after.Scopes, after.DeviceLimit, lists.Manufacturers, lists.GroupTags, lists.PurchaseOrders,
		after.ExpiresAt, after.Version, after.Epoch, after.RecountVersion, after.RecountVersion,
		before.ID, before.State, before.Epoch, before.Version)
	return done.RowsAffected == 1, done.Error
}

// Versions lists what a grant said over time, the oldest first, to whoever may see it.
func (s *Service) Versions(ctx context.Context, actor Actor, id models.GrantID) ([]models.GrantVersion, error) {
	own, err := ownScope(actor)
	if err != nil {
		return nil, err
	}
	r := s.rows(ctx)
	if _, err := r.grant(id, own); err != nil {
		return nil, err
	}
	var versions []models.GrantVersion
	if err := r.g.Where("grant_id = ?", id).Order("version").Find(&versions).Error; err != nil {
		return nil, fmt.Errorf("read the versions of a grant: %w", err)
	}
	for i := range versions {
		if actor.Kind != models.ActorOperator && versions[i].Actor != actor.Kind {
			versions[i].ActorID, versions[i].HTTPRequest, versions[i].EvidenceID = "", "", nil
		}
	}
	return versions, nil
}
