package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/authz/signin"
	"countersign/internal/errs"
	"countersign/models"
)

// asset serves a file of the pages. Its name changes with its bytes.
func (v *visit) asset() error {
	found, ok := v.assets.published[v.params["file"]]
	if !ok {
		return errNoPage
	}
	h := v.w.Header()
	h.Set("Content-Type", found.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", found.tag)
	h.Del("Vary")
	if v.r.Header.Get("If-None-Match") == found.tag {
		v.writeStatus(http.StatusNotModified)
		return nil
	}
	v.writeStatus(http.StatusOK)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(found.body)
	}
	return nil
}

// home leads to what waits for the reader.
func (v *visit) home() error {
	if v.session == nil {
		v.redirect(signInPath)
	} else {
		v.redirect(requestPath)
	}
	return nil
}

// signInForm asks whose people somebody belongs to.
type signInForm struct {
	Organisation string
	To           string
	Link         bool // somebody opened a link before
	Problem      string
}

func (v *visit) signInPage() error {
	if v.session != nil {
		v.redirect(requestPath)
		return nil
	}
	form := signInForm{Link: v.cookie(linkCookie) != ""}
	if to := v.r.URL.Query().Get("to"); v.ownPage(to) {
		form.To = to
	}
	v.show(http.StatusOK, "sign-in", v.T("signin.title"), form)
	return nil
}

// handOver leads to the provider by a page that refreshes itself: the policy of a page
// also rules where a form may be redirected to, and providers are not in it.
type handOver struct{ URL, Host string }

func (v *visit) beginSignIn() error {
	form := signInForm{Organisation: v.field("organisation"), To: v.field("to"), Link: v.cookie(linkCookie) != ""}
	start := signin.Start{ReturnTo: v.returnTo(form.To)}
	if ref := strings.ToLower(form.Organisation); models.ValidGUID(ref) {
		start.Tenant = models.TenantID(ref)
	} else {
		start.Domain = domainOf(ref)
	}
	if start.Tenant == "" && start.Domain == "" {
		form.Problem = v.T("signin.organisation.missing")
		v.show(http.StatusBadRequest, "sign-in", v.T("signin.title"), form)
		return nil
	}
	if err := v.try(TrySignIn); err != nil {
		return err
	}
	redirect, err := v.SignIn.Begin(v.r.Context(), start)
	if err == nil {
		return v.handOver(redirect)
	}
	if kind := errs.KindOf(err); kind != errs.NotFound && kind != errs.Invalid {
		return err
	}
	form.Problem = v.T("signin.organisation.unknown")
	v.show(http.StatusNotFound, "sign-in", v.T("signin.title"), form)
	return nil
}

// domainOf takes the domain out of what people write: an address or a web address.
func domainOf(ref string) string {
	if _, after, ok := strings.Cut(ref, "@"); ok {
		ref = after
	}
	ref = strings.TrimPrefix(strings.TrimPrefix(ref, "https://"), "http://")
	ref, _, _ = strings.Cut(ref, "/")
	return strings.TrimSuffix(ref, ".")
}

// returnTo is where to go after signing in: the opened link first, else the page that
// was asked for.
func (v *visit) returnTo(to string) string {
	if v.cookie(linkCookie) != "" {
		return linkPath
	}
	if v.ownPage(to) {
		return to
	}
	return homePath
}

func (v *visit) handOver(to signin.Redirect) error {
	u, err := url.Parse(to.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errs.From(errors.New("the sign-in leads to no address"))
	}
	v.setCookie(signInCookie, to.Cookie, signin.AttemptLife)
	v.w.Header().Set("Refresh", "0; url="+u.String())
	v.show(http.StatusOK, "hand-over", v.T("handover.title"), handOver{URL: u.String(), Host: u.Host})
	return nil
}

func (v *visit) beginStepUp() error {
	to := v.field("to")
	if !v.ownPage(to) {
		to = homePath
	}
	redirect, err := v.SignIn.Begin(v.r.Context(), signin.Start{
		Tenant: v.session.Person.TenantID, ReturnTo: to, StepUp: true, Session: v.cookie(sessionCookie),
	})
	if err != nil {
		return err
	}
	return v.handOver(redirect)
}

// completeSignIn takes the provider's answer. It is the one GET that changes something.
func (v *visit) completeSignIn() error {
	q := v.r.URL.Query()
	cookie := v.cookie(signInCookie)
	v.dropCookie(signInCookie)
	welcome, err := v.SignIn.Complete(v.r.Context(), signin.Return{
		Code: q.Get("code"), State: q.Get("state"), Issuer: q.Get("iss"), Error: q.Get("error"), Cookie: cookie,
	})
	if err != nil {
		return err
	}
	v.setCookie(sessionCookie, welcome.Cookie, 0)
	v.dropCookie(visitCookie)
	v.dropCookie(invitationCookie)
	to := welcome.ReturnTo
	if !v.ownPage(to) {
		to = homePath
	}
	v.redirect(to)
	return nil
}

// signOut ends the session at this server. Without one there is nothing to end.
func (v *visit) signOut() error {
	if cookie := v.cookie(sessionCookie); v.session != nil {
		if err := v.SignIn.End(v.r.Context(), cookie); err != nil {
			return err
		}
	}
	v.dropCookie(sessionCookie)
	v.dropCookie(linkCookie)
	v.session = nil
	v.show(http.StatusOK, "signed-out", v.T("signedout.title"), nil)
	return nil
}
