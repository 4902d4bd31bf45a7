package portal_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"countersign/gateway/portal"
	"countersign/internal/errs"
	"countersign/models"
)

// I3: programs that open links before the person does change nothing and use nothing up.
func TestLink_isNotUsedUpByOpening(t *testing.T) {
	k := newKit(t)
	for range 20 {
		k.browser("").get("/portal/r/"+secret).must(t, http.StatusSeeOther)
	}
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	b.get("/portal/r/"+secret).must(t, http.StatusSeeOther)
	if a := b.get("/portal/link").must(t, http.StatusSeeOther); a.location != "/portal/requests/"+waiting {
		t.Errorf("the link leads to %q", a.location)
	}
	if changed := k.world.changed(); len(changed) > 0 {
		t.Errorf("opening changed %v", changed)
	}
}

// I2, I4: unknown, used, foreign and unreadable links give the same answer to the byte,
// before and after signing in.
func TestLink_looksTheSameWhereverItDoesNotLead(t *testing.T) {
	k := newKit(t)
	here := k.world.person(fabrikam, models.PersonAdmin, true)
	elsewhere := k.world.person(contoso, models.PersonAdmin, true)
	follow := func(session, link string) answer {
		b := k.browser(session)
		opened := b.get("/portal/r/" + link)
		if opened.status != http.StatusSeeOther || opened.location != "/portal/link" || opened.body != "" {
			t.Errorf("opening %s gives %d to %q", link, opened.status, opened.location)
		}
		return b.get("/portal/link")
	}
	unknown := follow(here, strings.Repeat("z", 43)).must(t, http.StatusNotFound, "This link leads nowhere")
	k.world.requests[waiting].State = models.RequestDeclined
	used := follow(here, secret)
	k.world.requests[waiting].State = models.RequestPending
	odd := follow(here, "%C3%A4%3B%20x")
	for name, a := range map[string]answer{"used": used, "unreadable": odd} {
		if a.status != unknown.status || a.body != unknown.body {
			t.Errorf("%s: %d, not the page of an unknown link", name, a.status)
		}
	}
	// Another tenant's admin: the same to the byte, but for the frame that names the admin.
	strange, foreign := follow(elsewhere, strings.Repeat("z", 43)), follow(elsewhere, secret)
	if foreign.status != strange.status || foreign.body != strange.body {
		t.Error("a foreign link differs from an unknown one")
	}
	if strings.Contains(foreign.body, "Northwind") || strings.Contains(foreign.body, "Fabrikam") {
		t.Error("a foreign link names a partner or its tenant")
	}
}

// I6: the secret leaves the address with the first answer and is in none after it.
func TestLink_leavesTheAddressAtOnce(t *testing.T) {
	k := newKit(t)
	b := k.browser("")
	a := b.get("/portal/r/" + secret)
	if strings.Contains(a.location+a.body, secret) {
		t.Errorf("the answer repeats the secret: %q", a.location)
	}
	a = b.get(a.location)
	a = b.get(a.location).must(t, http.StatusOK, "You opened a request of a partner")
	if strings.Contains(a.body, secret) {
		t.Error("the page holds the secret")
	}
}

type limiter struct {
	left int
	from []netip.Addr
}

func (l *limiter) Guess(_ context.Context, _ string, source netip.Addr) error {
	l.from = append(l.from, source)
	if l.left--; l.left < 0 {
		return errs.New(errs.RateLimited, "too_many", "").WithRetryAfter(90 * time.Second)
	}
	return nil
}

// I8: whoever tries links is slowed down.
func TestLink_guessesAreSlowedDown(t *testing.T) {
	limit := &limiter{left: 2}
	k := newKit(t, func(d *portal.Deps) { d.Guesses = limit })
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	for range 2 {
		b.get("/portal/r/wrong")
		b.get("/portal/link").must(t, http.StatusNotFound)
	}
	b.get("/portal/r/wrong")
	if a := b.get("/portal/link").must(t, http.StatusTooManyRequests, "Too many attempts"); a.header.Get("Retry-After") != "90" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	if !limit.from[0].IsLoopback() {
		t.Errorf("the source is %v", limit.from[0])
	}
}
