package wire

// askingCodes are about asking customers and about who answers for them.
var askingCodes = []Code{
	{"consent_link_unknown", "1000", 404, "The link opens nothing", ActorPartner, false, "Sign in and look under the requests that wait, or ask the partner for a new link. Every link that opens nothing gets the same answer."},
	{"pages_not_set_up", "1000", 404, "There are no pages for customers", ActorOperator, false, "The operator sets `COUNTERSIGN_PORTAL_URL`."},
	{"consent_right_missing", "2032", 403, "No right to decide for the customer", ActorCustomer, false, "An administrator of the customer gives the right to a person or a client."},
	{"consent_sign_in_again", "2032", 403, "The sign-in is too old for this", ActorCustomer, false, "Sign in again and repeat the decision within ten minutes."},
	{"consent_words_changed", "3000", 409, "The words have changed", ActorCustomer, false, "Read the request again, then decide."},
	{"consent_requests_open", "429", 429, "Too many requests to this customer wait", ActorPartner, true, "Withdraw one, or wait until one expires: `Retry-After` says how long. The number is counted by what you wrote, whoever it reaches."},
	{"consent_requests_spent", "429", 429, "Enough requests for one day", ActorPartner, true, "Ask again after `Retry-After`; the operator can set another number."},
	{"consent_reminded_lately", "429", 429, "It is too early for a reminder", ActorPartner, true, "Remind again after `Retry-After`."},
	{"consent_reminders_spent", "3000", 409, "There are no reminders left", ActorPartner, false, "Talk to the customer, or withdraw the request and ask anew."},
}
