package partners

import (
	"countersign/internal/db"
	"countersign/internal/errs"
)

// The named refusals. Their readers are operators, except for the errors of
// kind NotFound, which also tell authentication that nobody holds an id.
var (
	// ErrPartnerNotFound: no partner has this id.
	ErrPartnerNotFound = errs.New(errs.NotFound, "partner_not_found", "There is no partner with this id. List the partners to find it.")
	// ErrTenantNotFound: no tenant has this id.
	ErrTenantNotFound = errs.New(errs.NotFound, "tenant_not_found", "There is no tenant with this id. List the tenants to find it.")
	// ErrClientNotFound: no OAuth client has this id.
	ErrClientNotFound = errs.New(errs.NotFound, "client_not_found", "There is no OAuth client with this id. List the clients to find it.")
	// ErrNameTaken: partner names are unique.
	ErrNameTaken = errs.New(errs.Conflict, "partner_name_taken", "Another partner has this name. Choose a different one.")
	// ErrNameResembles: the name could be taken for another partner's.
	ErrNameResembles = errs.New(errs.Conflict, "partner_name_resembles", "The name looks like that of another partner. Make sure who this is; then create it with --name-checked.")
	// ErrTenantExists: the given tenant id is in use.
	ErrTenantExists = errs.New(errs.Conflict, "tenant_exists", "There is a tenant with this id already.")
	// ErrDomainTaken: a domain belongs to one tenant only.
	ErrDomainTaken = errs.New(errs.Conflict, "tenant_domain_taken", "One of the domains belongs to another tenant. Check the domains with the customer.")
	// ErrWrongState: the switch already stands where it was to be put.
	ErrWrongState = errs.New(errs.Conflict, "wrong_state", "The state is not the one this change starts from. Read it again.")
	// ErrWrongMethod: secrets and keys belong to different ways of authenticating.
	ErrWrongMethod = errs.New(errs.Conflict, "client_method_mismatch", "This OAuth client authenticates in another way. Create a new client for the other method.")
	// ErrInvalid: the input breaks a rule; the fields say which.
	ErrInvalid = errs.New(errs.Invalid, "invalid_input", "The input is not acceptable. The listed fields say why.")
	// ErrCursor: the continuation is not one of this list.
	ErrCursor = errs.New(errs.Invalid, "invalid_cursor", "The continuation is not one this list gave out. Start again without it.")
	// ErrTenantClaimed: the tenant has an admin of its own, so no operator can make or
	// renew a credential that speaks for it.
	ErrTenantClaimed = errs.New(errs.Forbidden, "tenant_claimed", "This customer has administrators of its own. Only they can let a client speak for it; the attempt was recorded for them to read.")
	// ErrNoChallenge: no proof of this domain was begun, or its token has expired.
	ErrNoChallenge = errs.New(errs.Conflict, "domain_challenge_missing", "No proof of this domain was begun, or its token has expired. Ask for a token first.")
	// ErrNotProven: the DNS does not hold the token.
	ErrNotProven = errs.New(errs.Conflict, "domain_not_proven", "The DNS does not hold the record that proves the domain.")
	// ErrNoDomain: the tenant does not have this domain.
	ErrNoDomain = errs.New(errs.NotFound, "domain_not_found", "The customer does not have this domain. List its domains.")
	// ErrDNS: the DNS cannot be asked at this moment.
	ErrDNS = errs.New(errs.Unavailable, "dns_unavailable", "The DNS cannot be asked at this moment. Verify again later.")
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
