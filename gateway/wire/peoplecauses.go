package wire

// peopleCauses are the causes of peopleCodes.
var peopleCauses = map[string]string{
	"sign_in_unknown":          "The name leads to no customer, to one whose sign-in is not set up, to one whose id is not proven, or to one that is suspended. The answer is the same in each case.",
	"sign_in_provider":         "The provider's address does not answer, its description names another issuer, or it refused our client.",
	"sign_in_refused":          "The answer belongs to another browser or another sign-in, came twice or too late, names another issuer, or the ID token does not hold.",
	"sign_in_no_role":          "The provider knows the person, and neither its claims nor an administrator gave a role.",
	"sign_in_mfa":              "The customer asks for more than one factor, and `acr` and `amr` of the ID token name none of the values that stand for it.",
	"session_ended":            "The session was ended by the person, by 15 minutes without a call, by 8 hours, or because the person was disabled or the customer suspended.",
	"session_not_fresh":        "The person last proved itself more than 10 minutes ago, or with one factor where two are asked.",
	"tenant_claimed":           "An operator tried what only an administrator of the customer may do since the first one signed in.",
	"sign_in_not_set_up":       "Neither an operator nor the customer has named an OpenID provider.",
	"sign_in_outdated":         "`version` is not that of the settings that are stored.",
	"invitation_ended":         "The link was used, replaced by a newer one, has expired, or the customer has an administrator by now.",
	"person_not_found":         "The id belongs to nobody of this customer.",
	"last_admin":               "The change would leave the customer without an active administrator.",
	"admin_needed":             "The person is an approver, or has no role.",
	"domain_challenge_missing": "The customer never asked for a token for this domain, or the token has expired.",
	"domain_not_proven":        "No TXT record at `_countersign-challenge.` below the domain holds the customer's token.",
	"domain_not_found":         "The domain is not on the customer's list.",
	"dns_unavailable":          "The DNS server did not answer, or answered with a failure.",
}
