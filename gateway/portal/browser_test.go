package portal_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"countersign/internal/browsertest"
	"countersign/models"
)

// pictures is where the tests put what the pages look like: a folder that is not kept.
func pictures(t *testing.T) string {
	t.Helper()
	folder := filepath.Join("..", "..", "pictures")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// allPages are the pages that somebody sees, by the name of their picture.
func allPages() map[string]string {
	return map[string]string{
		"requests": "/portal/requests", "request": requestPage, "unexpected": requestPage + "/unexpected",
		"permissions": "/portal/permissions", "permissions-ended": "/portal/permissions?state=ended", "permission": "/portal/permissions/" + live,
		"suspend": "/portal/permissions/" + live + "/suspend", "end": "/portal/permissions/" + live + "/end",
		"ended": "/portal/permissions/" + gone + "/ended", "ending": "/portal/permissions/" + ending + "/ended?stay=1",
		"devices": "/portal/permissions/" + live + "/devices", "device": "/portal/devices/0190eeee-0000-7000-8000-000000000001",
		"partners": "/portal/partners?find=none", "partner": "/portal/partners/" + string(northwind), "history": "/portal/history",
		"change": "/portal/permissions/" + live + "/change", "renew": "/portal/permissions/" + live + "/renew",
		"receipt": "/portal/permissions/" + live + "/receipt", "give": "/portal/partners/" + string(northwind) + "/give",
		"organisation": "/portal/organisation", "people": "/portal/people", "sign-in-settings": "/portal/organisation/sign-in",
		"clients": clientsPage, "end-all": "/portal/permissions/end-all", "preferences": "/portal/preferences", "nowhere": "/portal/nowhere", "declined": "/portal/requests?state=declined",
	}
}

// Every page, in a wide window in English and at 320 pixels in German, on a light ground and
// on a dark one: axe-core finds nothing, nothing is cut off or runs out of the window, and
// the browser asks this server alone.
func TestEveryPage_isAccessible(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*browsertest.Page){
		"wide-en":   func(p *browsertest.Page) { p.Wide(1280); p.Speak("en") },
		"narrow-de": func(p *browsertest.Page) { p.Wide(320); p.Speak("de") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.world.blocked = []models.PartnerID{northwind}
			session := k.world.person(fabrikam, models.PersonAdmin, true)
			page := browsertest.Start(t).Open("about:blank")
			prepare(page)
			look := func(picture, path string) {
				page.Go(k.server.URL + path)
				page.Fits()
				for ground, turn := range map[string]func(){"light": page.Light, "dark": page.Dark} {
					turn()
					page.Accessible()
					page.Screenshot(filepath.Join(pictures(t), picture+"-"+name+"-"+ground+".png"))
				}
			}
			look("sign-in", "/portal/sign-in")
			page.Cookie(k.server.URL, "countersign-invitation", secret)
			look("set-up", "/portal/set-up")
			page.Cookie(k.server.URL, "countersign-session", session)
			for picture, path := range allPages() {
				look(picture, path)
			}
			for _, request := range page.Requests() {
				if !strings.HasPrefix(request, k.server.URL) && request != "about:blank" {
					t.Errorf("the page asked for %s", request)
				}
			}
		})
	}
}

// W4: what a partner writes runs nothing, in a real browser.
func TestHostileText_runsNothing(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.world.partner.Name = `<script>document.title="taken"</script><img src=x onerror='document.title="taken"'>`
	k.world.requests[waiting].Purpose = `<svg onload='document.title="taken"'>` + "\u2028" + `</blockquote><script>document.title="taken"</script>`
	page := browsertest.Start(t).Open(k.server.URL + "/portal/sign-in")
	page.Cookie(k.server.URL, "countersign-session", k.world.person(fabrikam, models.PersonAdmin, true))
	page.Go(k.server.URL + requestPage)
	if title := page.Text("h1"); title == "" || page.Text("title") == "taken" {
		t.Errorf("the title is %q", page.Text("title"))
	}
	page.Quiet(k.server.URL)
}

// W1, W5, R9: the sign-in leaves for another origin although forms may be sent to this one
// alone, and comes back with its cookie; the browser's storage stays empty and no script
// can read a cookie.
func TestSignIn_goesToAnotherOriginAndBack(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><head><title>Provider</title><link rel="icon" href="data:,"></head><body><main><h1>Provider</h1>
<a id="back" href="`+k.server.URL+`/portal/sign-in/return?state=s&amp;code=c">Sign in</a></main></body></html>`)
	}))
	t.Cleanup(provider.Close)
	k.world.provider = provider.URL + "/authorize"
	page := browsertest.Start(t).Open(k.server.URL + "/portal/requests")
	page.Do("say whose people one belongs to",
		chromedp.SendKeys("#field-organisation", "adele@fabrikam.example", chromedp.ByQuery),
		chromedp.Click("main form button[type=submit]", chromedp.ByQuery), chromedp.WaitVisible("#back", chromedp.ByQuery))
	page.Do("sign in", chromedp.Click("#back", chromedp.ByQuery), chromedp.WaitVisible(".tabs", chromedp.ByQuery))
	if at := page.Address(); at != k.server.URL+"/portal/requests" {
		t.Errorf("it came back to %s", at)
	}
	var kept string
	page.Do("look into the browser's storage", chromedp.Evaluate(`document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)`, &kept))
	if kept != "{}{}" {
		t.Errorf("a script could read %s", kept)
	}
	for _, fault := range page.Faults() {
		t.Errorf("the console says: %s", fault)
	}
}

// W6: no page can be framed, in a real browser.
func TestPages_cannotBeFramed(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><head><title>x</title><link rel="icon" href="data:,"></head><body><iframe id="frame" src="`+k.server.URL+`/portal/sign-in"></iframe></body></html>`)
	}))
	t.Cleanup(evil.Close)
	page := browsertest.Start(t).Open(evil.URL + "/")
	if faults := strings.Join(page.Faults(), " "); !strings.Contains(faults, "frame-ancestors") {
		t.Errorf("the frame was not refused: %q", faults)
	}
}
