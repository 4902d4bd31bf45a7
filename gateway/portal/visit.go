package portal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"countersign/authz/signin"
	"countersign/consent"
	"countersign/internal/errs"
	"countersign/models"
)

// visit is one call of one page.
type visit struct {
	*server
	reader
	w       http.ResponseWriter
	r       *http.Request
	id      string // of the call, for the log
	route   route
	params  map[string]string
	session *signin.Session
	form    url.Values
	status  int // that was written
	refusal *errs.Error
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := s.Now()
	v := &visit{server: s, w: w, r: r, id: s.NewID(), params: map[string]string{}}
	v.reader = s.readerOf(r, started)
	v.setHeaders()
	if err := v.guarded(); err != nil {
		v.refuse(err)
	}
	v.record(started)
}

// setHeaders sets what every answer carries, whatever it is.
func (v *visit) setHeaders() {
	h := v.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", permissions)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers that do not read frame-ancestors
	h.Set("Vary", "Accept-Language, Cookie")
	if v.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}

// policy lets a page load style and pictures of this server and send forms to it. There
// is no script, so none may run.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// permissions switches everything off that a page could ask a browser for.
const permissions = "accelerometer=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), gyroscope=(), " +
	"hid=(), microphone=(), midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=()"

// guarded finds the route, checks what it needs, and runs it.
func (v *visit) guarded() (err error) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if broken, ok := cause.(error); ok && errors.Is(broken, http.ErrAbortHandler) {
			panic(cause)
		}
		v.Logger.ErrorContext(v.r.Context(), "panic", "route", v.route.path, "request_id", v.id,
			"value", fmt.Sprint(cause), "stack", string(debug.Stack()))
		err = errs.From(fmt.Errorf("panic: %v", cause))
	}()
	if v.route, v.params, err = v.find(v.r.Method, v.r.URL.EscapedPath()); err != nil {
		_ = v.readSession() // only for the frame around the refusal
		return err
	}
	if err := v.readSession(); err != nil {
		return err
	}
	if v.r.Method == http.MethodPost {
		if err := v.readForm(); err != nil {
			return err
		}
	}
	if done, err := v.admit(); done || err != nil {
		return err
	}
	return v.route.handler(v)
}

// readSession finds out who is there. A session that has ended is the same as none.
func (v *visit) readSession() error {
	cookie := v.cookie(sessionCookie)
	if cookie == "" || v.route.access == toAnybody {
		return nil
	}
	session, err := v.SignIn.Session(v.r.Context(), cookie)
	if err != nil {
		if errs.KindOf(err) == errs.Unauthenticated {
			return nil
		}
		return err
	}
	v.session = &session
	return nil
}

// admit checks what the table asks for. It is done when the visitor was sent to sign in.
func (v *visit) admit() (done bool, err error) {
	switch v.route.access {
	case toAnybody, toVisitors:
		return false, nil
	case toPeople, toAdmins:
		if v.session == nil && v.r.Method == http.MethodPost {
			return false, errSignedOut
		}
		if v.session == nil {
			v.redirect(signInPath + "?to=" + url.QueryEscape(v.r.URL.RequestURI()))
			return true, nil
		}
		if v.route.access == toAdmins && v.session.Person.Role != models.PersonAdmin {
			return false, errAdminsOnly
		}
		return false, nil
	}
	return false, errNoPage // a line of the table that says nothing lets nobody through
}

// readForm reads the fields of a POST and makes sure that it came from one of our pages:
// the browser says so, and the token of the session proves it to those that do not.
func (v *visit) readForm() error {
	if err := v.cross.Check(v.r); err != nil {
		return errForged.WithCause(err)
	}
	kind, _, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return errFormKind
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return errFormTooLarge
		}
		return errFormKind.WithCause(err)
	}
	v.form = v.r.PostForm
	if v.session == nil && v.route.access != toVisitors && v.route.access != toAnybody {
		return errSignedOut
	}
	if !v.tokenFits(v.form.Get(tokenField)) {
		return errForged
	}
	return nil
}

// field is one field of the form without outer blanks.
func (v *visit) field(name string) string { return strings.TrimSpace(v.form.Get(name)) }

// actor is who decides: a person of the tenant, with the evidence of the sign-in.
func (v *visit) actor() consent.Actor {
	p := v.session.Person
	return consent.Actor{
		Kind: models.ActorCustomer, ID: string(p.ID), TenantID: p.TenantID, HTTPRequest: v.id,
		Person: &consent.Evidence{
			ID: p.ID, Name: p.Name, Issuer: p.Issuer, Subject: p.Subject, Role: p.Role,
			ACR: v.session.ACR, AMR: slices.Clone(v.session.AMR), AuthTime: v.session.AuthTime,
			Stale: !v.session.Fresh,
		},
	}
}

// done redirects after a change, and lets the next page say what was done.
func (v *visit) done(word, path string) {
	v.setCookie(doneCookie, word, doneLifetime)
	v.redirect(path)
}

// notice is what has just been done, once.
func (v *visit) notice() string {
	word := v.cookie(doneCookie)
	if word == "" || v.r.Method != http.MethodGet {
		return ""
	}
	v.dropCookie(doneCookie)
	if !v.Has("done." + word) {
		return ""
	}
	return v.T("done." + word)
}

// redirect answers with another page of ours (RFC 9110 section 15.4.4).
func (v *visit) redirect(path string) {
	v.w.Header().Set("Location", path)
	v.writeStatus(http.StatusSeeOther)
}

func (v *visit) writeStatus(status int) {
	v.status = status
	v.w.WriteHeader(status)
}

// try asks whether the visitor may try once more.
func (v *visit) try(what string) error {
	if v.Guesses == nil {
		return nil
	}
	return v.Guesses.Guess(v.r.Context(), what, v.Source(v.r))
}

// record writes the access line. It holds no path: links and ids stand there.
func (v *visit) record(started time.Time) {
	attrs := []slog.Attr{
		slog.String("method", knownMethod(v.r.Method)), slog.String("route", v.route.path), slog.Int("status", v.status),
		slog.Float64("ms", float64(v.Now().Sub(started).Microseconds())/1000), slog.String("request_id", v.id),
	}
	if v.session != nil {
		attrs = append(attrs, slog.String("tenant", string(v.session.Person.TenantID)), slog.String("person", string(v.session.Person.ID)))
	}
	level := slog.LevelInfo
	if e := v.refusal; e != nil {
		attrs = append(attrs, slog.String("code", e.Code))
		if v.status >= http.StatusInternalServerError {
			level = slog.LevelError
			attrs = append(attrs, slog.Any("cause", e.Unwrap()))
		}
	}
	v.Logger.LogAttrs(context.WithoutCancel(v.r.Context()), level, "page", attrs...)
}

// knownMethod keeps words that callers made up out of the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
