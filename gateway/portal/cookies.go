package portal

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"time"
)

// The cookies of the pages, without the prefix. Each holds a random reference or a choice
// of the reader; none holds a token of the provider or a name.
const (
	sessionCookie    = "countersign-session"
	signInCookie     = "countersign-sign-in"    // ties the provider's answer to this browser
	visitCookie      = "countersign-visit"      // who is not signed in yet: what its forms' token is derived from
	linkCookie       = "countersign-link"       // the secret of a link, from opening it to having signed in
	invitationCookie = "countersign-invitation" // the secret of a set-up invitation, until its holder has signed in
	languageCookie   = "countersign-language"   // what the reader picked
	doneCookie       = "countersign-done"       // what was done last, for the page after it
	zoneCookie       = "countersign-zone"       // the time zone the reader picked
)

// linkLifetime is how long somebody who opened a link has to sign in.
const linkLifetime = time.Hour

// doneLifetime is how long a page may take to follow a change.
const doneLifetime = time.Minute

// choiceLifetime is how long language and time zone are remembered.
const choiceLifetime = 365 * 24 * time.Hour

// tokenField is the form field that proves where a form came from.
const tokenField = "token"

// cookieName binds the cookie to this host and to https (RFC 6265bis section 4.1.3.2). In
// development there is no https, and so another name: one can never stand for the other.
func (s *server) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (v *visit) cookie(name string) string {
	c, err := v.r.Cookie(v.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie sets one for a time; 0 until the browser ends. Lax, because the way back from
// the provider is a navigation from elsewhere: a strict cookie would not come along.
func (v *visit) setCookie(name, value string, lifetime time.Duration) {
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // plain http is served in development alone
		Name: v.cookieName(name), Value: value, Path: "/", MaxAge: int(lifetime / time.Second),
		Secure: v.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (v *visit) dropCookie(name string) {
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // plain http is served in development alone
		Name: v.cookieName(name), Path: "/", MaxAge: -1, Secure: v.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// Token is what the forms of a page carry: the session's, or before signing in one that
// belongs to this browser.
func (v *visit) Token() string {
	if v.session != nil {
		return v.session.CSRF
	}
	secret := v.cookie(visitCookie)
	if secret == "" {
		secret = rand.Text() + rand.Text()
		v.r.AddCookie(&http.Cookie{Name: v.cookieName(visitCookie), Value: secret}) //nolint:gosec // of the request, for the page that may hold two forms
		v.setCookie(visitCookie, secret, 0)
	}
	return visitToken(secret)
}

// visitToken differs from the cookie, so that a page which leaks one does not give away
// the other.
func visitToken(secret string) string {
	sum := sha256.Sum256([]byte("countersign form token: " + secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// tokenFits compares in a time that says nothing.
func (v *visit) tokenFits(given string) bool {
	want := ""
	switch secret := v.cookie(visitCookie); {
	case v.session != nil:
		want = v.session.CSRF
	case secret != "":
		want = visitToken(secret)
	}
	return want != "" && subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1
}
