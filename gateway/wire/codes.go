package wire

import "slices"

// Actors who can resolve an error.
const (
	ActorPartner  = "partner"  // whoever called
	ActorCustomer = "customer" // the tenant's administrator
	ActorOperator = "operator" // who runs this service
)

// Code is one public error: our word, Partner Center's number for it, and what a
// caller can do.
type Code struct {
	Word      string
	Number    string // Partner Center's code (page "Error codes"); our own start at 9900
	Status    int    // HTTP status; under /v1/customers 405, 413 and 415 are sent as 400
	Title     string // never changes from one occurrence to the next (RFC 9457 section 3.1.3)
	NextActor string
	Retryable bool   // the same call can succeed later without anybody's doing
	Advice    string // what to do, for docs/errors.md
}

// Lookup returns the public code of a word; ok is false for a word that the table
// does not know.
func Lookup(word string) (code Code, ok bool) {
	code, ok = byWord[word]
	return code, ok
}

// Codes lists the table in the order of docs/errors.md.
func Codes() []Code { return slices.Clone(codes) }

var byWord = func() map[string]Code {
	m := make(map[string]Code, len(codes))
	for _, c := range codes {
		m[c.Word] = c
	}
	return m
}()

var codes = slices.Concat(callCodes, uploadCodes, consentCodes, askingCodes, peopleCodes, operatorCodes, serviceCodes)

// callCodes are about the call itself.
var callCodes = []Code{
	{"token_missing", "800001", 401, "No access token", ActorPartner, false, "Get a token at `/oauth2/token` and send it as `Authorization: Bearer`."},
	{"invalid_token", "400", 401, "The access token is not accepted", ActorPartner, false, "Get a new token. Tokens last ten minutes, five for clients with a secret; a frozen client or a suspended owner gets none that works."},
	{"invalid_dpop_proof", "400", 401, "The proof of possession is not valid for this request", ActorPartner, false, "The sentence says what is wrong. Make a new proof (RFC 9449) for every request: its method, its address as this service publishes it, the hash of the token, a new `jti`."},
	{"use_dpop_nonce", "400", 401, "The proof must carry a nonce", ActorPartner, false, "Repeat the request with a new proof that holds the value of this answer's `DPoP-Nonce` header."},
	{"token_in_url", "800002", 400, "A token stood in the address", ActorPartner, false, "Addresses end up in logs. Treat the token as leaked, get a new one, and send it in the Authorization header only."},
	{"insufficient_scope", "900150", 403, "The token lacks a scope", ActorPartner, false, "Ask for the scope named in `WWW-Authenticate`; an operator may have to give it to the client first."},
	{"wrong_caller", "900150", 403, "This call is for another kind of caller", ActorPartner, false, "Partners, customers and operators have calls of their own; see the API description."},
	{"route_not_found", "1000", 404, "There is nothing at this address", ActorPartner, false, "Check the path against the API description."},
	{"method_not_allowed", "800002", 405, "The address does not take this method", ActorPartner, false, "Use a method listed in the `Allow` header."},
	{"invalid_path", "800002", 400, "The path cannot be read", ActorPartner, false, "A path segment holds an encoded slash, a backslash, a control character or bytes that are not UTF-8."},
	{"invalid_customer_id", "900118", 400, "The customer id is not a GUID", ActorPartner, false, "Use the customer's tenant id."},
	{"invalid_parameter", "3000", 400, "A query parameter or header is not acceptable", ActorPartner, false, "The listed fields say which one and why."},
	{"invalid_request_id", "800002", 400, "The request id cannot be used", ActorPartner, false, "Send one MS-RequestId or Idempotency-Key of 8 to 128 letters, digits and `._:-`. The two headers may not differ."},
	{"invalid_cursor", "800002", 400, "The continuation token is not from this list", ActorPartner, false, "Start the list again without a token."},
	{"unsupported_media_type", "800002", 415, "The content type is not taken here", ActorPartner, false, "Send `application/json`, or, where devices are uploaded, `text/csv` or `application/x-ndjson`; build reports may be `application/xml`."},
	{"unsupported_encoding", "800002", 415, "The content coding is not taken", ActorPartner, false, "Send devices as they are or with one coding, `gzip` or `zstd`, and everything else without `Content-Encoding`."},
	{"body_encoding", "800002", 400, "The body is not what its content coding says", ActorPartner, false, "Send it again; if it fails again, send it without `Content-Encoding`."},
	{"body_expands", "800002", 400, "The compressed body expands too much", ActorPartner, false, "Send it without `Content-Encoding`."},
	{"body_too_large", "800002", 413, "The body is too large", ActorPartner, false, "Split the call."},
	{"body_malformed", "800002", 400, "The body cannot be read", ActorPartner, false, "The sentence names position, member and cause. Nothing was stored."},
	{"body_incomplete", "800002", 400, "The body ended early", ActorPartner, true, "The connection broke while the body was sent. Nothing was stored; send it again with the same request id."},
	{"body_timeout", "800002", 408, "The body came too slowly", ActorPartner, true, "Nothing was stored; send it again with the same request id."},
	{"rate_limit_exceeded", "429", 429, "Rate limit exceeded", ActorPartner, true, "Wait as long as `Retry-After` says. The body of this answer has Partner Center's own form."},
	{"too_much_in_flight", "429", 429, "The service holds as much as it can", ActorPartner, true, "Wait as long as `Retry-After` says and repeat the call with the same request id."},
	{"too_many_streams", "429", 429, "Too many streams are open", ActorPartner, true, "Ask for the upload itself from time to time, or close a stream."},
	{"too_much_waiting", "429", 429, "Too many of your devices wait", ActorPartner, true, "Wait as long as `Retry-After` says; what waits is being registered."},
	{"service_behind", "429", 429, "The service is behind", ActorOperator, true, "Wait as long as `Retry-After` says. Nothing was stored."},
	{"larger_than_budget", "800002", 400, "Larger than the whole budget", ActorPartner, false, "Waiting does not help. Send less at once, or ask the operator for a larger budget."},
}

// uploadCodes are about uploads, batches and devices.
var uploadCodes = []Code{
	{"csv_header", "800002", 400, "The header line of the CSV cannot be used", ActorPartner, false, "Start the file with `Device Serial Number,Windows Product ID,Hardware Hash,Manufacturer name,Device model`; further columns are fine."},
	{"product_key_secret", "800002", 400, "The body holds a 5x5 product key", ActorPartner, false, "A product key is a secret; nothing of the body was kept. Leave it out; of a factory send the file that OA3Tool /Report wrote (`ReportedXMLFile`, usually OA3.xml), not its input file."},
	{"no_devices", "800002", 400, "The body holds no device", ActorPartner, false, "Send at least one device."},
	{"too_many_devices", "800002", 400, "Too many devices in one call", ActorPartner, false, "Split the call; the sentence names the limit."},
	{"upload_larger_than_budget", "800002", 400, "The upload is larger than the whole device budget", ActorPartner, false, "Waiting does not help. Split the upload, or ask the operator for a larger budget."},
	{"invalid_batch_name", "3000", 400, "The batch name is not acceptable", ActorPartner, false, "1 to 128 characters without slash, backslash and control characters."},
	{"validate_only", "3000", 400, "The call cannot be validated without being carried out", ActorPartner, false, "Leave `Prefer: validate-only` out; nothing was done."},
	{"invalid_order_data", "3000", 400, "The order data given with the call is not acceptable", ActorPartner, false, "The listed fields say why."},
	{"batch_exists", "3000", 409, "A batch with this name exists", ActorPartner, false, "Add devices to it at the `Location` of this answer, or choose another name. Names compare without case."},
	{"batch_not_found", "1000", 404, "No such batch", ActorPartner, false, "Names are yours alone and per customer; list the batches."},
	{"expected_domain_mismatch", "3000", 409, "The customer is not the one that was meant", ActorPartner, false, "Compare the tenant id in the path with the domain you expected; nothing was stored."},
	{"case_not_found", "1000", 404, "No such attention case", ActorPartner, false, "List yours with `GET /v1/attention`. Cases of others look like cases that do not exist."},
	{"case_not_yours", "900150", 403, "The case is somebody else's to settle", ActorOperator, false, "The case names who settles it. Ask that customer, that manufacturer or the operator of this service."},
	{"case_settled", "3000", 409, "The case was settled in another way", ActorPartner, false, "Read the case. If the conflict persists, send the row again; it opens a new case."},
	{"case_outdated", "3000", 409, "The devices of the case have changed", ActorPartner, false, "Send the row again; if it still conflicts, it opens a new case. An operator may settle the old one."},
	{"settlement_invalid", "3000", 400, "The settlement does not fit the case", ActorPartner, false, "The sentence says what is missing or does not fit."},
	{"authority_ended", "900150", 403, "The right to settle was stopped", ActorOperator, false, "The client, the partner or the customer was frozen or suspended while the call was on its way. Nothing was changed."},
	{"device_not_found", "1000", 404, "No such device", ActorPartner, false, "List yours with `GET /v1/devices`, or those of the batch. Devices of others look like devices that do not exist."},
	{"upload_not_found", "1000", 404, "No such upload", ActorPartner, false, "Uploads of others and uploads older than the retention are not shown."},
	{"invalid_outcome_class", "3000", 400, "There is no such outcome class", ActorPartner, false, "The classes are listed at the end of this page; `open` stands for rows without an outcome."},
	{"idempotency_key_reused", "3000", 409, "The request id belongs to another call", ActorPartner, false, "Use a new request id for a new body; repeat a request id only with the same body."},
	{"first_call_running", "800003", 503, "The first call with this request id is still running", ActorPartner, true, "Repeat it later with the same request id and body."},
	{"call_superseded", "800003", 503, "A repeat took over", ActorPartner, true, "Repeat it with the same request id to get its answer."},
	{"upload_abandoned", "800003", 503, "The upload was given up", ActorPartner, true, "Send it again with the same request id."},
	{"outcome_unknown", "800003", 503, "It is not known whether the upload was stored", ActorPartner, true, "Repeat it with the same request id; it is never stored twice."},
	{"file_not_found", "1000", 404, "No such file", ActorPartner, false, "Create it anew; files to which nothing comes for a day are forgotten."},
	{"upload_offset", "3000", 409, "The file has another number of bytes", ActorPartner, false, "Ask for it with HEAD and go on from `Upload-Offset`."},
	{"file_length", "800002", 400, "The length of the file cannot be taken", ActorPartner, false, "Create the file with the length it has."},
	{"too_many_files", "3000", 409, "Too many files are open", ActorPartner, false, "Finish open files, or delete those that are not wanted."},
	{"tus_version", "3000", 412, "This version of the tus protocol is not spoken", ActorPartner, false, "Send `Tus-Resumable: 1.0.0`."},
	{"upload_unfinished", "3000", 409, "The upload is not finished", ActorPartner, false, "Void it when all of its rows have an outcome."},
	{"upload_not_voidable", "3000", 409, "The upload registers nothing", ActorPartner, false, "Void the upload that registered the devices."},
	{"void_count_changed", "3000", 409, "The number of devices is another one", ActorPartner, false, "Look at `/v1/uploads/{tracking}/void` again and repeat the number it shows; nothing was done."},
	{"not_foreseen", "800003", 503, "The consent changed meanwhile", ActorPartner, true, "Validate the upload again."},
	{"limit_contended", "800003", 503, "Other uploads use the same limit", ActorPartner, true, "Send the upload again."},
}

// consentCodes are about who may do what for whom.
var consentCodes = []Code{
	{"consent_not_granted", "20002", 403, "No consent of this customer", ActorCustomer, false, "Check the tenant id, ask with `POST /v1/consents`, and send the upload once the customer has agreed. An unknown tenant gets the same answer."},
	{"consent_ambiguous", "20002", 403, "Several consents let you act for this customer", ActorPartner, false, "Name the consent you mean in the header `Countersign-Grant`; the answer lists them."},
	{"consent_needs_person", "20002", 403, "A person of the customer must decide this", ActorCustomer, false, "Sign in on the pages to widen or renew a permission. A partner asks for it with `POST /v1/consents` and `amends`."},
	{"consent_count_mismatch", "3000", 409, "Another number of permissions would end", ActorCustomer, false, "Look at the list and repeat the call with the number there. Nothing ended."},
	{"link_not_found", "1000", 404, "No such link", ActorPartner, false, "Check the id with `GET /v1/partnerLinks`."},
	{"link_exists", "3000", 409, "Reseller and provider are linked already", ActorPartner, false, "Read the link with `GET /v1/partnerLinks`; the provider may still have to accept it."},
	{"link_wrong_state", "3000", 409, "The link has moved on", ActorPartner, false, "Read the link again with `GET /v1/partnerLinks`."},
	{"consent_scope_missing", "20002", 403, "The consent does not cover this action", ActorCustomer, false, "Ask the customer for a consent that names the missing scope."},
	{"consent_suspended", "20002", 403, "The customer has suspended its consent", ActorCustomer, false, "Nothing is accepted until the customer resumes it."},
	{"consent_limit_reached", "20002", 403, "The limits of the consent do not hold this upload", ActorCustomer, false, "Send fewer devices, leave out rows outside the limits, or ask the customer to widen them."},
	{"partner_suspended", "900149", 403, "The partner is suspended", ActorOperator, false, "Ask the operator of this service."},
	{"client_frozen", "2032", 403, "The OAuth client is frozen", ActorOperator, false, "Its owner or the operator can release it."},
	{"tenant_suspended", "2032", 403, "The customer is suspended at this service", ActorOperator, false, "Nothing is accepted for it until the operator resumes it."},
	{"consent_not_found", "1000", 404, "No such consent request or grant", ActorPartner, false, "List what you may see at `/v1/consents`."},
	{"receipt_not_found", "1000", 404, "No change of this consent has that number", ActorPartner, false, "The history of the consent shows the numbers; leave it out for the last change."},
	{"receipt_not_ready", "9900", 503, "The last change is not signed yet", ActorPartner, true, "It takes a second. Ask again."},
	{"consent_not_yours_to_change", "2032", 403, "This change is not yours to make", ActorPartner, false, "A customer decides about its consent, a partner may withdraw its request, an operator may only end a grant."},
	{"consent_wrong_state", "3000", 409, "The consent has moved on", ActorPartner, false, "Read it again before you decide."},
	{"consent_exists", "3000", 409, "There is a consent that has not ended", ActorPartner, false, "End it before another one is granted."},
	{"consent_limit_raced", "3000", 409, "Another upload took the last devices of the limit", ActorPartner, true, "Send the upload again."},
	{"consent_invalid", "3000", 400, "The consent request is not acceptable", ActorPartner, false, "The listed fields say why."},
}

// operatorCodes are about partners, customers and clients, which operators manage.
var operatorCodes = []Code{
	{"partner_not_found", "1000", 404, "No such partner", ActorOperator, false, "List the partners to find the id."},
	{"partner_name_taken", "3000", 409, "Another partner has this name", ActorOperator, false, "Choose a different one."},
	{"partner_name_resembles", "3000", 409, "The name looks like another partner's", ActorOperator, false, "Make sure who this is, then create it with `--name-checked`."},
	{"tenant_not_found", "1000", 404, "No such customer", ActorOperator, false, "List the customers to find the id."},
	{"tenant_exists", "3000", 409, "There is a customer with this id", ActorOperator, false, "Use the one that exists."},
	{"tenant_domain_taken", "3000", 409, "A domain belongs to another customer", ActorOperator, false, "Check the domains with the customer."},
	{"client_not_found", "1000", 404, "No such OAuth client", ActorOperator, false, "List the clients to find the id."},
	{"client_wider", "900150", 403, "The client may do more than the one that manages it", ActorOperator, false, "Use a client that may do all of it, or ask the operator of the service."},
	{"frozen_by_operator", "3000", 409, "An operator has frozen the client", ActorOperator, false, "Ask the operator of the service; make a new client meanwhile if the credential may have been stolen."},
	{"client_method_mismatch", "3000", 409, "The client authenticates in another way", ActorOperator, false, "Create a new client for the other method."},
	{"wrong_state", "3000", 409, "The state is not the one this change starts from", ActorOperator, false, "Read it again."},
	{"invalid_input", "3000", 400, "The input is not acceptable", ActorPartner, false, "The listed fields say why."},
	{"invalid_jwks", "3000", 400, "The key set is not acceptable", ActorPartner, false, "Send public keys only, each with its own kid (RFC 7517); the sentence names the fault."},
}

// serviceCodes are about the service.
var serviceCodes = []Code{
	{"dispatch_not_found", "1000", 404, "No such stopped dispatch", ActorOperator, false, "List them with `GET /v1/dispatches?state=stopped`."},
	{"storage_unavailable", "800003", 503, "The database cannot be reached", ActorOperator, true, "Repeat the call later with the same request id."},
	{"core_unavailable", "800003", 503, "The matching and registration core cannot be reached", ActorOperator, true, "Accepted uploads are kept and forwarded later. Repeat the call later."},
	{"unavailable", "800003", 503, "Not available at this moment", ActorOperator, true, "Repeat the call later with the same request id."},
	{"not_found", "1000", 404, "Not found", ActorPartner, false, "Check the ids in the path."},
	{"conflict", "3000", 409, "The call conflicts with the present state", ActorPartner, false, "Read the resource again."},
	{"forbidden", "2032", 403, "Not allowed", ActorPartner, false, "The sentence says what is missing."},
	{"invalid", "800002", 400, "The call is not acceptable", ActorPartner, false, "The sentence says why."},
	{"internal", "800003", 500, "Unexpected error", ActorOperator, true, "Repeat the call with the same request id; if it stays, give the request id to the operator."},
}
