package gateway

import "countersign/internal/errs"

// The refusals of the edge itself, matched by errors.Is. gateway/wire's table says what
// each means to callers.
var (
	errTokenMissing = errs.New(errs.Unauthenticated, "token_missing", "The call needs an access token in the Authorization header, with the scheme Bearer. Get one at /oauth2/token.")
	errInvalidToken = errs.New(errs.Unauthenticated, "invalid_token", "The Authorization header does not hold one Bearer token.")
	errTokenInURL   = errs.New(errs.Invalid, "token_in_url", "An access token stood in the address and is now in logs. It was not used. Get a new one and send it in the Authorization header.")
	errScopeMissing = errs.New(errs.Forbidden, "insufficient_scope", "The access token lacks the scope this call needs.")
	errWrongCaller  = errs.New(errs.Forbidden, "wrong_caller", "This call is for another kind of caller.")

	errNoRoute          = errs.New(errs.NotFound, "route_not_found", "There is nothing at this address.")
	errNoPages          = errs.New(errs.NotFound, "pages_not_set_up", "This service has no pages for customers. Their administrators decide by their own tools.")
	errMethod           = errs.New(errs.Invalid, "method_not_allowed", "The address does not take this method. The Allow header lists those it takes.")
	errInvalidPath      = errs.New(errs.Invalid, "invalid_path", "A segment of the path holds an encoded slash, a backslash, a control character or bytes that are not UTF-8.")
	errCustomerID       = errs.New(errs.Invalid, "invalid_customer_id", "The customer id in the path is not a GUID. Use the tenant id of the customer.")
	errParameter        = errs.New(errs.Invalid, "invalid_parameter", "A parameter of the call is not acceptable.")
	errInvalidRequestID = errs.New(errs.Invalid, "invalid_request_id", "Send one MS-RequestId or Idempotency-Key of 8 to 128 letters, digits, dots, colons, dashes and underscores. If both are sent they must be equal.")

	errMediaType      = errs.New(errs.Invalid, "unsupported_media_type", "The content type is not taken here.")
	errEncoding       = errs.New(errs.Invalid, "unsupported_encoding", "This Content-Encoding is not taken here. Devices are taken as they are, or with one coding, gzip or zstd; every other body without Content-Encoding.")
	errTooManyStreams = errs.New(errs.RateLimited, "too_many_streams", "As many streams are open as may be. Ask for the upload itself from time to time, or close a stream.")
	errCoding         = errs.New(errs.Invalid, "body_encoding", "The body is not what its Content-Encoding says.")
	errExpands        = errs.New(errs.Invalid, "body_expands", "The compressed body becomes more than 100 times as large, as no list of devices does. Nothing was stored. Send it without Content-Encoding.")
	errBodyTooLarge   = errs.New(errs.Invalid, "body_too_large", "The body is larger than this call takes.")
	errBodyMalformed  = errs.New(errs.Invalid, "body_malformed", "The body cannot be read.")
	errBodyIncomplete = errs.New(errs.Invalid, "body_incomplete", "The body ended early. Nothing was stored; send it again.")
	errBodyTimeout    = errs.New(errs.Unavailable, "body_timeout", "The body came too slowly and was given up. Nothing was stored; send it again.")

	errCrowded    = errs.New(errs.RateLimited, "too_much_in_flight", "The service is taking in as much as it can hold at this moment. Nothing was read. Send the upload again in a moment.")
	errTusVersion = errs.New(errs.Invalid, "tus_version", "The version of the tus protocol in Tus-Resumable is not spoken here.")

	errUnavailable = errs.New(errs.Unavailable, "unavailable", "The service cannot answer at this moment. Repeat the call later.")
)

// badParameter names a parameter or header and what is wrong with it.
func badParameter(name, cause string) error {
	return errParameter.WithDetail("%s: %s.", name, cause).WithFields(errs.Field{Name: name, Cause: cause})
}
