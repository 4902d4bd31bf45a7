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
	// ErrChooseGrant: a provider acts for several resellers of the tenant.
	ErrChooseGrant = errs.New(errs.Forbidden, "consent_ambiguous",
		"You act for several resellers of this customer. Name the consent you mean in the header Countersign-Grant.")
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
	// ErrLink is the one answer for a link that opens nothing: unknown, used, replaced,
	// expired, withdrawn, or of another tenant.
	ErrLink = errs.New(errs.NotFound, "consent_link_unknown",
		"This link opens nothing. It may have been used, have expired, or be meant for somebody else. Requests that wait for you are listed when you sign in.")
	// ErrNoRight: neither a person in a role nor a client with the right.
	ErrNoRight = errs.New(errs.Forbidden, "consent_right_missing",
		"You may not decide over the consent of this organisation. An administrator of it can give the right.")
	// ErrSignInAgain: a yes needs a sign-in of just now.
	ErrSignInAgain = errs.New(errs.Forbidden, "consent_sign_in_again",
		"Giving a permission needs a sign-in that is not older than ten minutes. Sign in again and repeat it.")
	// ErrWordsChanged: what the person read is not what it would agree to.
	ErrWordsChanged = errs.New(errs.Conflict, "consent_words_changed",
		"The words of this request have changed since you read them. Read it again before you decide.")
	// ErrOpenEnough: too many questions to one tenant stand open.
	ErrOpenEnough = errs.New(errs.RateLimited, "consent_requests_open",
		"Too many of your requests to this customer wait for an answer. Withdraw one, or remind the customer of it.")
	// ErrAskedEnough: the partner has asked enough for one day.
	ErrAskedEnough = errs.New(errs.RateLimited, "consent_requests_spent",
		"You have asked as many customers as one day allows. Ask again later.")
	// ErrRemindedLately: the next reminder must wait.
	ErrRemindedLately = errs.New(errs.RateLimited, "consent_reminded_lately",
		"A customer is reminded at most once in three days, and not within three days of the request. Remind again later.")
	// ErrReminded: there will be no further reminder of this request.
	ErrReminded = errs.New(errs.Conflict, "consent_reminders_spent",
		"The customer has been reminded three times. Talk to the customer, or withdraw the request.")
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

// Refusals of changes to grants.
var (
	// ErrNeedsPerson: what becomes wider is decided by a person, not by a client.
	ErrNeedsPerson = errs.New(errs.Forbidden, "consent_needs_person",
		"Only a person of the organisation can widen or renew a permission, signed in on the pages. The partner can ask for it with a request that names the grant.")
	// ErrCount: the caller expected to end another number of grants.
	ErrCount = errs.New(errs.Conflict, "consent_count_mismatch",
		"The number of permissions to end is not the one you named, so none was ended. Look at the list and repeat it with the number there.")
)
