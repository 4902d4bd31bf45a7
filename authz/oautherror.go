package authz

import (
	"fmt"

	"countersign/internal/errs"
)

// OAuthError is a refusal of the token endpoint (RFC 6749 section 5.2). Code and
// Description are the members error and error_description of the answer. Kind
// is Invalid for a faulty request, Unauthenticated for a client that did not
// prove itself (the answer then carries a Basic challenge), and what the store
// reported otherwise. Retrying the same request helps only for the last.
type OAuthError struct {
	Code        string
	Description string
	Kind        errs.Kind
	cause       error // for the log only
}

// Error gives code and description, and the cause for the log.
func (e *OAuthError) Error() string {
	msg := e.Code + ": " + e.Description
	if e.cause != nil {
		msg += ": " + e.cause.Error()
	}
	return msg
}

// Unwrap returns the cause.
func (e *OAuthError) Unwrap() error { return e.cause }

// authenticationFailed is the one answer to everything that could tell a
// stranger whether a client exists, is frozen or has another secret.
const authenticationFailed = "Client authentication failed. Check the client id and its secret or key with your operator."

// errUnproven is invalid_client without a word about the reason.
func errUnproven(cause error) *OAuthError {
	return &OAuthError{Code: "invalid_client", Description: authenticationFailed, Kind: errs.Unauthenticated, cause: cause}
}

// errBadCredential is invalid_client with a reason that is evident from the
// request alone, so that an integrator can mend it.
func errBadCredential(format string, args ...any) *OAuthError {
	return &OAuthError{Code: "invalid_client", Description: fmt.Sprintf(format, args...), Kind: errs.Unauthenticated}
}

func errBadRequest(format string, args ...any) *OAuthError {
	return &OAuthError{Code: "invalid_request", Description: fmt.Sprintf(format, args...), Kind: errs.Invalid}
}

// errServer is a failure on our side; the client may try again.
func errServer(cause error) *OAuthError {
	return &OAuthError{
		Code:        "server_error",
		Description: "The server could not answer this request now. Try again in a moment.",
		Kind:        errs.KindOf(cause),
		cause:       cause,
	}
}
