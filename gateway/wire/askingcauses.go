package wire

// askingCauses are the causes of askingCodes.
var askingCauses = map[string]string{
	"consent_link_unknown":    "The link was never given out, has been used, replaced or withdrawn, has expired, or is another organisation's.",
	"pages_not_set_up":        "The service was started without an address for the pages.",
	"consent_right_missing":   "The person has no role or lost it, or the client never got the right to decide, or the right ended when the first administrator signed in.",
	"consent_sign_in_again":   "A yes needs a person who signed in within the last ten minutes, by the database's clock.",
	"consent_words_changed":   "The page the person answered showed other words than those that would be agreed to.",
	"consent_requests_open":   "As many requests as allowed wait for an answer at this id or domain.",
	"consent_requests_spent":  "The partner has made as many requests in 24 hours as allowed.",
	"consent_reminded_lately": "The request, or the last reminder of it, is less than three days old.",
	"consent_reminders_spent": "Three reminders of the request were sent.",
}
