package consent

import (
	"slices"

	"countersign/models"
)

// The life of a request and of a grant, whole. A transition that is not listed
// does not happen, whoever asks. The empty state is the one before creation.

// requestRule is one legal transition of a request.
type requestRule struct {
	from, to models.RequestState
	by       models.ActorKind
}

var requestRules = []requestRule{
	{"", models.RequestPending, models.ActorPartner},
	{models.RequestPending, models.RequestGranted, models.ActorCustomer},
	{models.RequestPending, models.RequestDeclined, models.ActorCustomer},
	{models.RequestPending, models.RequestWithdrawn, models.ActorPartner},
	{models.RequestPending, models.RequestWithdrawn, models.ActorSystem}, // what it rests on is gone
	{models.RequestPending, models.RequestExpired, models.ActorSystem},
}

// grantRule is one legal transition of a grant. One that raises the epoch also
// fences the older ones in the core.
type grantRule struct {
	from, to models.GrantState
	by       []models.ActorKind
	raises   bool
}

// enders may end a grant: the customer, the partner that gives its own back, and the
// system by a comparison with the core that found its fence ahead of ours. Operators
// end grants and never give them.
var enders = []models.ActorKind{models.ActorCustomer, models.ActorPartner, models.ActorOperator, models.ActorSystem}

var (
	customerOnly = []models.ActorKind{models.ActorCustomer}
	systemOnly   = []models.ActorKind{models.ActorSystem}
)

var grantRules = []grantRule{
	{"", models.GrantActive, customerOnly, false},
	{models.GrantActive, models.GrantSuspended, customerOnly, true},
	{models.GrantSuspended, models.GrantActive, customerOnly, true},
	{models.GrantActive, models.GrantRevoking, enders, true},
	{models.GrantSuspended, models.GrantRevoking, enders, true},
	{models.GrantRevoking, models.GrantRevoked, systemOnly, false},
	{models.GrantActive, models.GrantExpired, systemOnly, true},
	{models.GrantSuspended, models.GrantExpired, systemOnly, true},
}

// mayMoveRequest reports whether this kind of actor ever moves a request there.
// It is asked before anything is read, so a refusal tells nothing.
func mayMoveRequest(to models.RequestState, by models.ActorKind) bool {
	return slices.ContainsFunc(requestRules, func(r requestRule) bool { return r.to == to && r.by == by })
}

// mayMoveGrant is mayMoveRequest for a grant.
func mayMoveGrant(to models.GrantState, by models.ActorKind) bool {
	return slices.ContainsFunc(grantRules, func(r grantRule) bool { return r.to == to && slices.Contains(r.by, by) })
}

// checkRequestMove finds out whether the transition is legal for the actor.
func checkRequestMove(from, to models.RequestState, by models.ActorKind) error {
	if !mayMoveRequest(to, by) {
		return ErrNotYours
	}
	if !slices.Contains(requestRules, requestRule{from, to, by}) {
		return ErrWrongState.WithDetail("The request is %s. It cannot become %s.", from, to)
	}
	return nil
}

// checkGrantMove finds out whether the transition is legal for the actor, and
// returns its rule.
func checkGrantMove(from, to models.GrantState, by models.ActorKind) (grantRule, error) {
	if !mayMoveGrant(to, by) {
		return grantRule{}, ErrNotYours
	}
	for _, rule := range grantRules {
		if rule.from == from && rule.to == to && slices.Contains(rule.by, by) {
			return rule, nil
		}
	}
	return grantRule{}, ErrWrongState.WithDetail("The grant is %s. It cannot become %s.", from, to)
}
