package consent

import (
	"countersign/internal/errs"
)

// Refusals at the gate. All of them are permanent for the call; the sentence
// says who acts next.
var (
	// ErrNoConsent is the one answer for a tenant nobody knows, a tenant that
	// never agreed, and a grant that has ended.
	ErrNoConsent = errs.New(errs.Forbidden, "consent_not_granted",
		"There is no active consent of this customer. Ask the customer for consent, and check the tenant id; the customer decides.")
	// ErrScopeMissing: there is a grant, but not for this.
	ErrScopeMissing = errs.New(errs.Forbidden, "consent_scope_missing",
		"The customer's consent does not cover this action. Ask the customer for a consent with the missing scope.")
	// ErrSuspended: the customer has paused the grant.
	ErrSuspended = errs.New(errs.Forbidden, "consent_suspended",
		"The customer has suspended its consent. Nothing is accepted until the customer resumes it.")
	// ErrPartnerSuspended: an operator has stopped the whole partner.
	ErrPartnerSuspended = errs.New(errs.Forbidden, "partner_suspended",
		"This partner is suspended. Ask the operator of this service.")
	// ErrClientFrozen: this one credential is stopped.
	ErrClientFrozen = errs.New(errs.Forbidden, "client_frozen",
		"This OAuth client is frozen. Ask its owner or the operator of this service.")
	// ErrTenantSuspended: an operator has stopped the customer. Only a partner
	// that holds a grant of the tenant is told.
	ErrTenantSuspended = errs.New(errs.Forbidden, "tenant_suspended",
		"The customer is suspended at this service. Nothing is accepted for it until the operator resumes it.")
)

// Refusals of changes and readings.
var (
	// ErrNotFound: no such request or grant, or none the caller may see.
	ErrNotFound = errs.New(errs.NotFound, "consent_not_found",
		"There is no consent request or grant with this id that you may see.")
	// ErrNotYours: this kind of caller never makes this change.
	ErrNotYours = errs.New(errs.Forbidden, "consent_not_yours_to_change",
		"This change is not yours to make: a customer decides about its consent, a partner may withdraw its own request, an operator may only end a grant.")
	// ErrWrongState: the request or grant has moved on.
	ErrWrongState = errs.New(errs.Conflict, "consent_wrong_state",
		"The state has changed in the meantime. Read it again before you decide.")
	// ErrExists: a partner has at most one live grant of a tenant.
	ErrExists = errs.New(errs.Conflict, "consent_exists",
		"This partner already has a consent that has not ended. End it before you grant another one.")
	// ErrLimitRaced: the devices left were taken by another upload after they
	// were counted. The caller runs its transaction again and counts anew.
	ErrLimitRaced = errs.New(errs.Conflict, "consent_limit_raced",
		"Another upload took the devices that the consent still allowed. Send this one again.")
	// ErrInvalid: the input breaks a rule; the fields say which.
	ErrInvalid = errs.New(errs.Invalid, "consent_invalid", "The consent request is not acceptable. The listed fields say why.")
	// ErrCursor: the continuation belongs to no page of this list.
	ErrCursor = errs.New(errs.Invalid, "invalid_cursor",
		"The continuation is not one this list gave out. Start again without it.")
)

// refusals maps the reason of a standing to what a partner is told at the edge.
var refusals = map[string]*errs.Error{
	ReasonUnknown: ErrNoConsent, ReasonRevoked: ErrNoConsent, ReasonExpired: ErrNoConsent,
	ReasonScope: ErrScopeMissing, ReasonSuspended: ErrSuspended, ReasonPartnerSuspended: ErrPartnerSuspended,
	ReasonClientFrozen: ErrClientFrozen, ReasonTenantSuspended: ErrTenantSuspended,
}
