// Package errs holds the one error type that crosses package borders. It names
// the kind of a failure, a stable public code and a sentence that is safe to
// show; the cause stays for the log. It knows nothing of HTTP: the gateway maps
// kinds to status codes in exactly one place.
package errs

import (
	"errors"
	"fmt"
	"time"
)

// Kind classifies a failure for programs. The zero value is Internal, so that an
// error nobody classified is never shown to a caller.
type Kind int

// The kinds. Invalid, Unauthenticated, Forbidden, NotFound and Conflict are
// permanent refusals; RateLimited and Unavailable pass by waiting.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	RateLimited
	Unavailable
)

var kindNames = [...]string{
	"internal", "invalid", "unauthenticated", "forbidden",
	"not_found", "conflict", "rate_limited", "unavailable",
}

// String returns the kind's name in logs.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "internal"
	}
	return kindNames[k]
}

// Field points at what was wrong in the caller's input.
type Field struct {
	Row   int    // 1-based row or device number; 0 when the whole call is meant
	Name  string // the field as the caller wrote it
	Cause string // what is wrong with it, without echoing secrets or hashes
}

// Error is a failure that may be shown to a caller.
type Error struct {
	Kind       Kind
	Code       string        // stable public word, listed in docs/errors.md, e.g. "consent_not_granted"
	Detail     string        // one or two sentences for the caller; never SQL, secrets, hashes or other tenants' data
	Fields     []Field       // where in the input, if known
	RetryAfter time.Duration // for RateLimited and Unavailable: not before; 0 means unknown
	Location   string        // the existing resource a Conflict is about, if the caller may see it
	cause      error
}

// New makes an Error of a kind with its public code and sentence.
func New(kind Kind, code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// Newf is New with a formatted sentence.
func Newf(kind Kind, code, format string, args ...any) *Error {
	return New(kind, code, fmt.Sprintf(format, args...))
}

// Error gives the code and sentence, and the cause for the log.
func (e *Error) Error() string {
	msg := e.Code + ": " + e.Detail
	if e.cause != nil {
		msg += ": " + e.cause.Error()
	}
	return msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target carries the same code, so that a package's named
// errors match their copies made by the With methods.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// WithCause returns a copy that carries cause for the log.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// WithDetail returns a copy with another sentence.
func (e *Error) WithDetail(format string, args ...any) *Error {
	c := *e
	c.Detail = fmt.Sprintf(format, args...)
	return &c
}

// WithFields returns a copy that points at fields of the input.
func (e *Error) WithFields(fields ...Field) *Error {
	c := *e
	c.Fields = fields
	return &c
}

// WithRetryAfter returns a copy that names the earliest useful retry.
func (e *Error) WithRetryAfter(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// WithLocation returns a copy that names the existing resource.
func (e *Error) WithLocation(location string) *Error {
	c := *e
	c.Location = location
	return &c
}

// From returns the Error inside err. An error that carries none is Internal,
// says nothing, and keeps err as its cause. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return New(Internal, "internal", "An unexpected error occurred. It has been logged under the request id.").WithCause(err)
}

// KindOf returns the kind of err; Internal for an error nobody classified.
func KindOf(err error) Kind { return From(err).Kind }
