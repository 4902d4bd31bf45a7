package wire

// Cause says in one sentence what leads to an error, for docs/errors.md and /docs/errors.
// Every word of the table has one; a test says which is missing.
func (c Code) Cause() string { return causes[c.Word] }

var causes = map[string]string{
	// The call itself.
	"token_missing":          "The call came without `Authorization: Bearer`.",
	"invalid_token":          "The token has expired, was not issued here, is for another address, or its client was frozen or its owner suspended since.",
	"token_in_url":           "The query held `access_token` or the like.",
	"insufficient_scope":     "The client did not ask for the scope of this call, or never got it.",
	"wrong_caller":           "The token is good, but belongs to a partner, a customer or an operator while the call is for another of them.",
	"route_not_found":        "No call of the API has this path.",
	"method_not_allowed":     "The path exists; it does not take this method.",
	"invalid_path":           "A path segment holds an encoded slash, a backslash, a control character or bytes that are not UTF-8, so that two readers could understand it differently.",
	"invalid_customer_id":    "The part of the path that names the customer is not a GUID, for example a domain or a name.",
	"invalid_parameter":      "A parameter has a value that it does not take, is given twice, or is too long.",
	"invalid_request_id":     "`MS-RequestId` or `Idempotency-Key` is too short, too long, has other characters, is given twice, or the two differ.",
	"invalid_cursor":         "The token was changed on the way, or comes from another list or filter.",
	"unsupported_media_type": "`Content-Type` is missing or names a form this call does not read.",
	"unsupported_encoding":   "The call has a `Content-Encoding`.",
	"body_too_large":         "The body has more bytes than this call takes.",
	"body_malformed":         "The body is not what its content type says, has a member this call does not know, or the same member twice.",
	"body_incomplete":        "The connection broke, or fewer bytes came than `Content-Length` said.",
	"body_timeout":           "No byte of the body came for 30 seconds.",
	"rate_limit_exceeded":    "The client has used its requests of this minute, or the partner its devices of this hour.",
	"larger_than_budget":     "This one call needs more than its budget ever holds.",

	// Uploads, batches and devices.
	"csv_header":                "The first line has not the columns that name a device, or names one of them twice.",
	"no_devices":                "The list is empty, or the file has a header only.",
	"too_many_devices":          "The call holds more devices than one call may.",
	"upload_larger_than_budget": "The upload alone has more devices than the partner's budget for an hour.",
	"invalid_batch_name":        "The name is empty, longer than 128 characters, or holds a slash, a backslash or a control character.",
	"invalid_order_data":        "An order field of the call is too long or holds control characters.",
	"batch_exists":              "The partner has used this name for this customer before.",
	"batch_not_found":           "The partner has no batch of this name for this customer.",
	"device_not_found":          "You may see no device of this id; in a batch, it may have been removed.",
	"expected_domain_mismatch":  "The customer in the path has no verified domain like the one in `expectedDomain`.",
	"product_key_secret":        "A 5x5 product key stood in the body, as in the input file of the factory tool. Nothing of the body was kept.",
	"upload_not_found":          "The id belongs to nobody, to somebody else, or to an upload older than the retention.",
	"invalid_outcome_class":     "`outcome` is a word that is no outcome class.",
	"idempotency_key_reused":    "An earlier call with this request id had another body, path or client.",
	"first_call_running":        "The same call was sent twice at once, and the first has not been answered.",
	"call_superseded":           "This call was slow, and a repeat with the same request id was finished in its place.",
	"upload_abandoned":          "The server stopped or the sender fell silent before the upload was complete. Nothing of it was kept.",
	"outcome_unknown":           "The database did not confirm in time whether it has stored the upload.",
	"limit_contended":           "Several uploads wanted the last devices of one limit at the same moment.",

	// Who may do what for whom.
	"consent_not_granted":         "The customer was never asked, has not answered, has declined, has revoked, its consent has expired, or there is no such customer. The answer is the same in each case.",
	"consent_scope_missing":       "The customer agreed to something else, for example to registering but not to removing.",
	"consent_suspended":           "The customer, or an operator for it, has suspended the consent for now.",
	"consent_limit_reached":       "The consent names a number of devices, and fewer are left than this upload has.",
	"partner_suspended":           "The operator has suspended the partner.",
	"client_frozen":               "The credential was frozen, for example because its secret leaked.",
	"tenant_suspended":            "The operator has suspended the customer.",
	"consent_not_found":           "The id belongs to nobody, or to a consent between others.",
	"consent_not_yours_to_change": "The caller may see this consent but has another part in it.",
	"consent_wrong_state":         "It was decided, withdrawn or ended meanwhile, or the change does not start from its state.",
	"consent_exists":              "The partner and the customer have a consent already.",
	"consent_limit_raced":         "Two uploads wanted the last devices of the consent's limit, and the other one was first.",
	"consent_invalid":             "A field of the request is missing, too long, or asks for more than may be asked.",

	// Partners, customers and clients.
	"partner_not_found":      "No partner has this id.",
	"partner_name_taken":     "Names of partners are unique, so that customers can tell them apart.",
	"tenant_not_found":       "No customer has this id.",
	"tenant_exists":          "The tenant id is registered here already.",
	"tenant_domain_taken":    "A domain names one customer, and this one names another.",
	"client_not_found":       "No OAuth client has this id.",
	"client_method_mismatch": "A secret was given to a client that authenticates with keys, or the other way round.",
	"wrong_state":            "It is suspended, frozen or released already, or was changed meanwhile.",
	"invalid_input":          "A field is missing, too long or of another form.",
	"invalid_jwks":           "The text is no key set, or holds a private, weak, unnamed or repeated key.",

	// The service.
	"dispatch_not_found":  "No dispatch has this id, or it is not stopped.",
	"storage_unavailable": "The database does not answer, refuses connections, or is being switched over.",
	"core_unavailable":    "The core does not answer in time.",
	"unavailable":         "The replica is starting, stopping or overloaded, or something it needs does not answer.",
	"not_found":           "What the path names does not exist for this caller.",
	"conflict":            "Something changed between reading and writing.",
	"forbidden":           "The caller is known and may not do this.",
	"invalid":             "Some part of the call does not fit.",
	"internal":            "A defect of this service; the log holds the cause under the request id.",
}
