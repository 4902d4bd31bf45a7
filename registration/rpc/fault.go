package rpc

import (
	"context"
	"errors"
	"slices"
	"time"

	"connectrpc.com/connect"

	"countersign/internal/errs"
	corev1 "countersign/registration/rpc/core/v1"
)

// Both directions of an error. Only what was made to be shown travels, and only an
// error that carries a Fault is the core's word: anything else, also a status that
// some proxy made up, leaves the outcome open.

// kinds are all kinds of errs with the code that other clients of Connect see.
var kinds = map[errs.Kind]connect.Code{
	errs.Internal:        connect.CodeInternal,
	errs.Invalid:         connect.CodeInvalidArgument,
	errs.Unauthenticated: connect.CodeUnauthenticated,
	errs.Forbidden:       connect.CodePermissionDenied,
	errs.NotFound:        connect.CodeNotFound,
	errs.Conflict:        connect.CodeFailedPrecondition,
	errs.RateLimited:     connect.CodeResourceExhausted,
	errs.Unavailable:     connect.CodeUnavailable,
}

// toWire makes of an error what may leave the core; the cause stays.
func toWire(err error) error {
	e := errs.From(err)
	fault := &corev1.Fault{
		Kind: e.Kind.String(), Code: e.Code, Detail: e.Detail, RetryAfterMs: e.RetryAfter.Milliseconds(),
	}
	for _, f := range e.Fields {
		fault.Fields = append(fault.Fields, &corev1.Field{Row: int64(f.Row), Name: f.Name, Cause: f.Cause})
	}
	out := connect.NewError(kinds[e.Kind], errors.New(e.Detail))
	if detail, err := connect.NewErrorDetail(fault); err == nil {
		out.AddDetail(detail)
	}
	return out
}

// fromWire turns what a call returned into the core's own error, or into an unknown
// outcome. answered says which: false is a failure of the line.
func fromWire(ctx context.Context, err error) (answered bool, _ error) {
	if e := faultIn(err); e != nil {
		return true, e
	}
	// Callers tell a call that ran out of time from others.
	if connect.CodeOf(err) == connect.CodeDeadlineExceeded {
		err = errors.Join(err, context.DeadlineExceeded)
	}
	return false, unavailable(errors.Join(ctx.Err(), err))
}

// faultIn is the core's own word in an error, nil if there is none.
func faultIn(err error) error {
	var wire *connect.Error
	if !errors.As(err, &wire) {
		return nil
	}
	for _, detail := range wire.Details() {
		message, err := detail.Value()
		if fault, ok := message.(*corev1.Fault); ok && err == nil {
			return readFault(fault)
		}
	}
	return nil
}

func readFault(fault *corev1.Fault) error {
	kind, known := kindNamed(fault.GetKind())
	if !known || fault.GetCode() == "" {
		return nil
	}
	e := errs.New(kind, fault.GetCode(), fault.GetDetail()).
		WithRetryAfter(time.Duration(fault.GetRetryAfterMs()) * time.Millisecond)
	for _, f := range fault.GetFields() {
		e.Fields = append(e.Fields, errs.Field{Row: int(f.GetRow()), Name: f.GetName(), Cause: f.GetCause()})
	}
	return e
}

func kindNamed(name string) (errs.Kind, bool) {
	for kind := range kinds {
		if kind.String() == name {
			return kind, true
		}
	}
	return errs.Internal, false
}

// unavailable is an unknown outcome; cause is for the log.
func unavailable(cause error) error {
	return errs.New(errs.Unavailable, "core_unavailable",
		"The registration core cannot answer now. Nothing is lost; the gateway tries again.").WithCause(cause)
}

// quiet reports whether an error is an ordinary answer that nobody needs in a log.
func quiet(err error) bool {
	return !slices.Contains([]errs.Kind{errs.Internal, errs.Unavailable}, errs.KindOf(err))
}
