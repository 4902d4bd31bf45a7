package portal

import (
	"net/http"

	"countersign/gateway/status"
	"countersign/internal/db"
	"countersign/internal/errs"
)

// Refusals of the pages themselves. Their words are keys of the messages; nothing of them
// is part of the API.
var (
	errNoPage       = errs.New(errs.NotFound, "page_not_found", "There is no such page.")
	errMethod       = errs.New(errs.Invalid, "page_method", "This page cannot be called in that way.")
	errForged       = errs.New(errs.Forbidden, "page_form_stale", "The form is not one that this session was given.")
	errFormKind     = errs.New(errs.Invalid, "page_form_kind", "The form was not understood.")
	errFormTooLarge = errs.New(errs.Invalid, "page_form_too_large", "The form is too long.")
	errSignedOut    = errs.New(errs.Unauthenticated, "page_signed_out", "The session has ended. Nothing was changed.")
	errAdminsOnly   = errs.New(errs.Forbidden, "page_admins_only", "Only an administrator may open this page.")
	errNotFresh     = errs.New(errs.Forbidden, "page_not_fresh", "The sign-in is too old to give a permission. Nothing was changed.")
)

// statusOf maps a failure to a status. It is the pages' own: a reader is told by words.
func statusOf(e *errs.Error) int {
	switch e.Code {
	case errMethod.Code:
		return http.StatusMethodNotAllowed
	case errFormTooLarge.Code:
		return http.StatusRequestEntityTooLarge
	case errFormKind.Code:
		return http.StatusUnsupportedMediaType
	}
	return status.Of(e.Kind)
}

// refusalPage is a page about something that did not happen.
type refusalPage struct {
	Heading, Text string
	StepUp        bool
	SignIn        bool
	Back          string // a path of ours; empty offers the start
	Reference     string // of the call in the log
}

// refuse writes the page about an error.
func (v *visit) refuse(err error) {
	e := errs.From(err)
	if e.Kind == errs.Internal && db.IsUnavailable(err) {
		e = errs.New(errs.Unavailable, "unavailable", "").WithCause(err)
	}
	v.refusal = e
	page := refusalPage{
		StepUp: e.Code == errNotFresh.Code, SignIn: e.Code == errSignedOut.Code && v.session == nil, Back: v.route.back(v.params),
	}
	if page.StepUp && v.route.path == "" {
		page.StepUp = false
	}
	page.Heading, page.Text = v.sentences(e)
	if e.Kind == errs.Internal {
		page.Reference = v.id
	}
	if e.Kind == errs.RateLimited || e.Kind == errs.Unavailable {
		v.w.Header().Set("Retry-After", status.Seconds(e.RetryAfter))
	}
	v.show(statusOf(e), "refusal", page.Heading, page)
}

// sentences are what a reader is told: by word, or by kind for words that a reader of
// pages meets too rarely to have a sentence of their own.
func (v *visit) sentences(e *errs.Error) (heading, text string) {
	if v.Has("refusal." + e.Code) {
		return v.T("refusal." + e.Code), v.T("refusal." + e.Code + ".text")
	}
	key := "refusal.kind." + e.Kind.String()
	return v.T(key), v.T(key + ".text")
}
