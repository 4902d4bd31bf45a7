package signin

import (
	"countersign/internal/db"
	"countersign/internal/errs"
)

// The named refusals. Those of a sign-in tell a person what to do and an attacker
// nothing: which tenants exist, and which check failed, stands in the log.
var (
	// ErrCannotSignIn: there is no way to sign in for this tenant or domain. A tenant
	// nobody knows, one without a provider and one that is suspended look the same.
	ErrCannotSignIn = errs.New(errs.NotFound, "sign_in_unknown", "Nobody can sign in for this organisation here. Check the name; an administrator of your organisation or the operator of this service sets up the sign-in.")
	// ErrProvider: the tenant's provider cannot be used at this moment.
	ErrProvider = errs.New(errs.Unavailable, "sign_in_provider", "The sign-in of your organisation cannot be reached, or is not set up as it was. Try again; if it stays, an administrator of your organisation has to look at it.")
	// ErrSignInRefused: what came back is not the answer to a sign-in of this browser,
	// or the provider's word does not hold.
	ErrSignInRefused = errs.New(errs.Forbidden, "sign_in_refused", "The sign-in could not be completed. Start it again, in one window.")
	// ErrNotAllowed: the person is known to its provider and has no role here.
	ErrNotAllowed = errs.New(errs.Forbidden, "sign_in_no_role", "You are signed in, and have no role here. An administrator of your organisation can give you one; your name is on the list.")
	// ErrMoreFactors: the tenant wants more than one factor, and its provider did not
	// say that there was one.
	ErrMoreFactors = errs.New(errs.Forbidden, "sign_in_mfa", "Your organisation wants a second factor for this, and its sign-in did not confirm one. Sign in again with a second factor.")
	// ErrNoSession: there is no session, or not any more.
	ErrNoSession = errs.New(errs.Unauthenticated, "session_ended", "You are not signed in, or not any more. Sign in again.")
	// ErrNotFresh: the person must prove itself again before this.
	ErrNotFresh = errs.New(errs.Forbidden, "session_not_fresh", "Confirm that it is you before this change: sign in once more.")
	// ErrTenantClaimed: the tenant has an admin of its own; no operator speaks for it.
	ErrTenantClaimed = errs.New(errs.Forbidden, "tenant_claimed", "This customer has administrators of its own. Only they can change this; the attempt was recorded for them to read.")
	// ErrNotSetUp: nothing is set about the tenant's sign-in.
	ErrNotSetUp = errs.New(errs.NotFound, "sign_in_not_set_up", "The sign-in of this customer is not set up.")
	// ErrInvitation: the invitation does not exist, was used, replaced or has expired.
	ErrInvitation = errs.New(errs.NotFound, "invitation_ended", "This invitation is not valid, or not any more. Ask the operator of this service for a new one.")
	// ErrPersonNotFound: no person of this tenant has this id.
	ErrPersonNotFound = errs.New(errs.NotFound, "person_not_found", "There is no such person. List the people to find the id.")
	// ErrLastAdmin: somebody must remain who can give roles.
	ErrLastAdmin = errs.New(errs.Conflict, "last_admin", "This is the last administrator. Make somebody else one first.")
	// ErrNotAdmin: only an admin of the tenant may do this.
	ErrNotAdmin = errs.New(errs.Forbidden, "admin_needed", "Only an administrator of your organisation can do this.")
	// ErrTenantUnknown: no tenant has this id.
	ErrTenantUnknown = errs.New(errs.NotFound, "tenant_not_found", "There is no tenant with this id. List the tenants to find it.")
	// ErrOutdated: the settings were changed since they were read.
	ErrOutdated = errs.New(errs.Conflict, "sign_in_outdated", "The sign-in was changed in the meantime. Read it again.")
	// ErrInvalid: the input breaks a rule; the fields say which.
	ErrInvalid = errs.New(errs.Invalid, "invalid_input", "The input is not acceptable. The listed fields say why.")
	// ErrCursor: the continuation is not one of this list.
	ErrCursor = errs.New(errs.Invalid, "invalid_cursor", "The continuation is not one this list gave out. Start again without it.")
	// ErrUnavailable: the database cannot serve now.
	ErrUnavailable = errs.New(errs.Unavailable, "storage_unavailable", "The database cannot be reached at this moment, and it is unknown whether anything was changed. Look before you repeat the change.")
)

// stored classifies an error of the database that no rule of this package named.
func stored(err error) error {
	if db.IsUnavailable(err) {
		return ErrUnavailable.WithCause(err)
	}
	return err
}
