package wire

// peopleCodes are about who may speak for a customer.
var peopleCodes = []Code{
	{"sign_in_unknown", "1000", 404, "Nobody can sign in for this organisation", ActorOperator, false, "Check the tenant id or the domain. An unknown customer gets the same answer."},
	{"sign_in_provider", "800003", 503, "The organisation's sign-in cannot be used", ActorCustomer, true, "Try again; if it stays, an administrator of the organisation checks issuer, client and secret."},
	{"sign_in_refused", "2032", 403, "The sign-in could not be completed", ActorCustomer, false, "Start the sign-in again, in one browser window. The reason stands in the operator's log."},
	{"sign_in_no_role", "2032", 403, "No role at this service", ActorCustomer, false, "An administrator of the organisation gives a role, or the provider's claim does (`docs/sign-in.md`)."},
	{"sign_in_mfa", "2032", 403, "A second factor is needed", ActorCustomer, false, "Sign in with a second factor; the provider must say so in `acr` or `amr` (`docs/sign-in.md`)."},
	{"session_ended", "800001", 401, "Not signed in", ActorCustomer, false, "Sign in again."},
	{"session_not_fresh", "2032", 403, "The person has to confirm that it is still there", ActorCustomer, false, "Sign in once more, then repeat the change."},
	{"tenant_claimed", "2032", 403, "The customer has administrators of its own", ActorCustomer, false, "Ask an administrator of the customer. The attempt stands in the customer's record."},
	{"sign_in_not_set_up", "1000", 404, "The sign-in is not set up", ActorCustomer, false, "Set it with `PUT /v1/tenant/signIn`."},
	{"sign_in_outdated", "3000", 409, "The sign-in was changed in the meantime", ActorCustomer, false, "Read it again and repeat the change with its version."},
	{"invitation_ended", "1000", 404, "The invitation is not valid", ActorOperator, false, "Ask the operator for a new one."},
	{"person_not_found", "1000", 404, "No such person", ActorCustomer, false, "List the people with `GET /v1/tenant/people`."},
	{"last_admin", "3000", 409, "The last administrator stays", ActorCustomer, false, "Make somebody else an administrator first."},
	{"admin_needed", "2032", 403, "Only an administrator can do this", ActorCustomer, false, "Ask an administrator of the organisation."},
	{"domain_challenge_missing", "3000", 409, "No proof of this domain was begun", ActorCustomer, false, "Begin with `POST /v1/tenant/domains`; a challenge lasts 14 days."},
	{"domain_not_proven", "3000", 409, "The DNS does not hold the record", ActorCustomer, false, "Publish the TXT record that the sentence names, wait until the DNS serves it, and verify again."},
	{"domain_not_found", "1000", 404, "The customer does not have this domain", ActorCustomer, false, "List the domains with `GET /v1/tenant/domains`."},
	{"dns_unavailable", "800003", 503, "The DNS cannot be asked", ActorOperator, true, "Verify again later."},
}
