package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/internal/browsertest"
	"countersign/internal/db"
)

// walk is one way to go through the pages.
type walk struct {
	name     string
	keyboard bool // no mouse is used
	prepare  func(*browsertest.Page)
}

// walks are the ways in which the same story must be possible.
var walks = []walk{
	{"mouse-dark", false, func(p *browsertest.Page) { p.Speak("en"); p.Dark() }},
	{"keyboard-narrow", true, func(p *browsertest.Page) { p.Speak("de"); p.Wide(320) }},
	{"without-script", false, func(p *browsertest.Page) { p.Speak("en"); p.WithoutScript() }},
}

// visitor walks through the pages of a running server in a real browser, looking at every
// page for what is not accessible, cut off, or asked of another server.
type visitor struct {
	t    *testing.T
	page *browsertest.Page
	walk walk
	step int
}

// use presses what a selector names, by mouse or by keyboard, and waits for what follows.
func (v *visitor) use(selector, then string) {
	v.t.Helper()
	if v.walk.keyboard {
		v.page.Tab(selector)
		v.page.Press(kb.Enter)
	} else {
		v.page.Do("click "+selector, chromedp.Click(selector, chromedp.ByQuery))
	}
	v.page.Do("see "+then, chromedp.WaitVisible(then, chromedp.ByQuery))
}

// tick chooses a box.
func (v *visitor) tick(selector string) {
	v.t.Helper()
	if v.walk.keyboard {
		v.page.Tab(selector)
		v.page.Press(" ")
		return
	}
	v.page.Do("tick "+selector, chromedp.Click(selector, chromedp.ByQuery))
}

// write fills a field.
func (v *visitor) write(selector, text string) {
	v.t.Helper()
	if v.walk.keyboard {
		v.page.Tab(selector)
		v.page.Press(text)
		return
	}
	v.page.Do("write into "+selector, chromedp.SendKeys(selector, text, chromedp.ByQuery))
}

// look examines the page and takes a picture.
func (v *visitor) look(name string) {
	v.t.Helper()
	v.step++
	v.page.Accessible()
	v.page.Fits()
	folder := filepath.Join("..", "..", "pictures", "story-"+v.walk.name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		v.t.Fatal(err)
	}
	v.page.Screenshot(filepath.Join(folder, string(rune('0'+v.step))+"-"+name+".png"))
}

// A partner asks, a person of the customer opens the link, signs in, reads, allows, sees
// the device that came, and ends the permission; then nothing more is accepted. By mouse
// on a dark ground, by keyboard alone at 320 pixels, and without script.
func TestPortal_fromTheQuestionToTheEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.Postgres)
	address := freeAddress(t)
	r := s.startOn(address, "COUNTERSIGN_PUBLIC_URL=http://"+address)
	p := newPeople(t, s)
	b := browsertest.Start(t)
	for _, w := range walks {
		t.Run(w.name, func(t *testing.T) {
			var tenant struct{ ID string }
			domain := w.name + ".example"
			s.admin(&tenant, "tenant", "create", "--name", "Fabrikam "+w.name, "--domain", domain)
			s.admin(nil, "tenant", "sign-in", "set", tenant.ID, "--dev")
			limit := int64(500)
			ask, err := p.as(r, p.reseller).RequestConsent(t.Context(), wire.ConsentAsk{
				Tenant: domain, Purpose: "Notebooks for the new office in Lyon, delivered in four lots.", Reference: "PO 2026-0815",
				Scopes: []string{"devices.register", "devices.remove"}, DeviceLimit: &limit,
			})
			if err != nil || ask.Link == nil {
				t.Fatalf("asked: %+v, %v", ask, err)
			}
			page := b.Open("about:blank")
			v := &visitor{t: t, page: page, walk: w}
			w.prepare(page)
			grant := v.allow(ask.Link.URL, domain)
			v.receive(p, r, tenant.ID)
			v.revoke(grant)
			cl := p.as(r, p.reseller)
			_, err = cl.Submit(t.Context(), p.delivery(tenant.ID, 1).Submission)
			if refusal := (*client.APIError)(nil); !errors.As(err, &refusal) || refusal.Reason != "consent_not_granted" {
				t.Errorf("an upload after the end gives %v", err)
			}
			v.leave()
			page.Quiet(r.url)
			for _, request := range page.Requests()[1:] {
				if strings.Contains(request, ask.Link.URL[strings.LastIndex(ask.Link.URL, "/")+1:]) {
					t.Errorf("I6: the secret of the link is in a later request: %s", request) // only the first may have it
				}
			}
		})
	}
}

// allow opens the link, signs in, reads and allows; it returns the permission's address.
func (v *visitor) allow(link, domain string) string {
	v.t.Helper()
	v.page.Go(link)
	v.page.Do("see the sign-in", chromedp.WaitVisible("#field-organisation", chromedp.ByQuery))
	v.look("sign-in")
	v.write("#field-organisation", domain)
	v.use("main form button[type=submit]", "input[name=person]")
	v.use("button[type=submit]", "#decide")
	v.look("request")
	v.tick("input[name=scope][value='devices.register']")
	v.use(".answer-yes", ".action-end")
	v.look("permission")
	return v.page.Address()
}

// receive lets the partner register a device and looks for it on the pages.
func (v *visitor) receive(p *people, r *replica, tenant string) {
	v.t.Helper()
	cl := p.as(r, p.reseller)
	receipt := p.send(cl, p.delivery(tenant, 1))
	if got := p.outcome(cl, tenant, receipt.TrackingID, 30*time.Second); got.Status != "finished" {
		v.t.Fatalf("the upload is %s", got.Status)
	}
	v.use("a[href$='/devices']", "table tbody tr")
	v.look("devices")
	v.use(".over a", ".action-end")
}

// revoke ends the permission and reads the moment.
func (v *visitor) revoke(grant string) {
	v.t.Helper()
	v.use(".action-end", "button.danger")
	v.look("end")
	v.use("button.danger", ".moment")
	// The core may need a moment; the page looks again by itself.
	await(v.t, 20*time.Second, "the end to be final", func(context.Context) bool {
		var done bool
		v.page.Do("look for the end", chromedp.Evaluate(`!!document.querySelector(".emblem-done")`, &done))
		return done
	})
	v.look("ended")
	if !strings.HasPrefix(v.page.Address(), grant) {
		v.t.Errorf("the end is at %s, the permission at %s", v.page.Address(), grant)
	}
}

// leave signs out.
func (v *visitor) leave() {
	v.t.Helper()
	v.use("form[action='/portal/sign-out'] button", ".emblem")
}
