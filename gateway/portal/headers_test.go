package portal_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign/gateway/portal"
	"countersign/models"
)

// headers are what every answer carries over https (W6), and the policy (W4).
var headers = map[string]string{
	"Cache-Control":                "no-store",
	"Content-Security-Policy":      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"Strict-Transport-Security":    "max-age=31536000; includeSubDomains",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
}

func checkHeaders(t *testing.T, name string, h http.Header) {
	t.Helper()
	for key, want := range headers {
		if got := h.Values(key); len(got) != 1 || got[0] != want {
			if key == "Cache-Control" && strings.Contains(name, "/assets/{file}") {
				continue
			}
			t.Errorf("%s: %s is %q", name, key, got)
		}
	}
	if p := h.Get("Permissions-Policy"); !strings.Contains(p, "camera=()") || strings.Contains(p, "self") {
		t.Errorf("%s: Permissions-Policy is %q", name, p)
	}
}

// fill puts the ids of the tests into a path of the table.
func fill(path string) string {
	id := waiting
	if strings.HasPrefix(path, "/portal/permissions") {
		id = live
	}
	if strings.HasPrefix(path, "/portal/devices") {
		id = "0190eeee-0000-7000-8000-000000000001"
	}
	if strings.HasPrefix(path, "/portal/people") {
		id = "0190ffff-0000-7000-8000-000000000002"
	}
	if strings.HasPrefix(path, "/portal/partners") {
		id = string(northwind)
	}
	return strings.NewReplacer("{id}", id, "{file}", "nothing.css", "{secret}", secret, "{partner}", string(northwind), "{client}", string(machine)).Replace(path)
}

// table is every route as method and path.
func (k *kit) table() (routes [][2]string) {
	k.t.Helper()
	handler, err := portal.New(k.deps)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, line := range handler.(interface{ Routes() []string }).Routes() {
		method, path, _ := strings.Cut(line, " ")
		routes = append(routes, [2]string{method, path})
	}
	return routes
}

// W4, W6: every route, called properly, without session, with the wrong method, with too
// much, while everything is broken: the same headers.
func TestHeaders_onEveryAnswer(t *testing.T) {
	k := newKit(t, func(d *portal.Deps) { d.URL = "https://portal.example" })
	session := k.world.person(fabrikam, models.PersonAdmin, true)
	visit := func(name, method, path string, signedIn bool, form url.Values) answer {
		req, err := http.NewRequestWithContext(t.Context(), method, k.server.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if signedIn {
			req.Header.Set("Cookie", "__Host-countersign-session="+session)
		}
		a := k.browser("").do(req)
		checkHeaders(t, fmt.Sprintf("%s %s %s: %d", name, method, path, a.status), a.header)
		return a
	}
	token := url.Values{"token": {"token-of-" + session}}
	for _, r := range k.table() {
		if strings.HasSuffix(r[1], "/sign-out") {
			continue // the session is needed below
		}
		path := fill(r[1])
		visit("called", r[0], path, true, token)
		visit("without session", r[0], path, false, nil)
		if a := visit("wrong method", http.MethodPatch, path, true, nil); a.status != http.StatusMethodNotAllowed {
			t.Errorf("PATCH %s gives %d", path, a.status)
		}
	}
	if a := visit("nowhere", http.MethodGet, "/portal/nowhere", true, nil); a.status != http.StatusNotFound {
		t.Errorf("an unknown page gives %d", a.status)
	}
	large := url.Values{"token": token["token"], "reason": {strings.Repeat("x", 70_000)}}
	if a := visit("too large", http.MethodPost, fill("/portal/permissions/{id}/suspend"), true, large); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large form gives %d", a.status)
	}
	k.world.fail = errors.New("pq: relation grants does not exist")
	if a := visit("broken", http.MethodGet, "/portal/permissions", true, nil); a.status != http.StatusInternalServerError || strings.Contains(a.body, "pq:") {
		t.Errorf("a failure gives %d: %s", a.status, a.body)
	}
}

// A path that is not in the table, or a line of it without access, lets nobody through.
func TestRoutes_needASessionUnlessTheySayOtherwise(t *testing.T) {
	k := newKit(t)
	public := []string{"/portal/set-up", "/portal/set-up/sign-in", "/portal/set-up/{secret}", "/", "/portal/assets/{file}", "/portal/r/{secret}", "/portal", "/portal/", "/portal/preferences", "/portal/sign-in", "/portal/sign-in/return", "/portal/sign-out"}
	for _, r := range k.table() {
		if slices.Contains(public, r[1]) {
			continue
		}
		b := k.browser("")
		if r[0] == http.MethodGet {
			a := b.get(fill(r[1]))
			if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/portal/sign-in?to=") {
				t.Errorf("GET %s without session gives %d to %q", r[1], a.status, a.location)
			}
		} else if a := b.post(fill(r[1])); a.status != http.StatusUnauthorized {
			t.Errorf("POST %s without session gives %d", r[1], a.status)
		}
	}
	if changed := k.world.changed(); len(changed) > 0 {
		t.Errorf("changed without session: %v", changed)
	}
}

// W1: cookies are bound to host and https, unreadable to scripts, Lax.
func TestCookies_areBoundToTheHost(t *testing.T) {
	for _, row := range []struct {
		url, name string
		secure    bool
	}{{"https://portal.example", "__Host-countersign-link", true}, {"http://127.0.0.1", "countersign-link", false}} {
		k := newKit(t, func(d *portal.Deps) { d.URL = row.url })
		a := k.browser("").get("/portal/r/" + secret)
		cookies := (&http.Response{Header: a.header}).Cookies()
		if len(cookies) != 1 {
			t.Fatalf("cookies %v", cookies)
		}
		c := cookies[0]
		if c.Name != row.name || c.Secure != row.secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("%s: %v", row.url, c)
		}
	}
}

// W3: a form without its token, with another session's, from another site, or of another
// kind changes nothing.
func TestForms_comeFromThePagesOfTheSession(t *testing.T) {
	k := newKit(t)
	mine, other := k.world.person(fabrikam, models.PersonAdmin, true), k.world.person(fabrikam, models.PersonAdmin, true)
	path := "/portal/permissions/" + live + "/end"
	send := func(token string, change func(*http.Request)) int {
		req := k.postRequest(path, url.Values{"token": {token}})
		if change != nil {
			change(req)
		}
		return k.browser(mine).do(req).status
	}
	cross := func(key, value string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(key, value) } }
	for name, got := range map[string]int{
		"no token":             send("", nil),
		"another's token":      send("token-of-"+other, nil),
		"from another origin":  send("token-of-"+mine, cross("Origin", "https://evil.example")),
		"from another site":    send("token-of-"+mine, cross("Sec-Fetch-Site", "cross-site")),
		"from a sibling":       send("token-of-"+mine, cross("Sec-Fetch-Site", "same-site")),
		"of unknown beginning": send("token-of-"+mine, cross("Origin", "null")),
	} {
		if got != http.StatusForbidden {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := send("token-of-"+mine, cross("Content-Type", "text/plain")); got != http.StatusUnsupportedMediaType {
		t.Errorf("another kind of form: %d", got)
	}
	if changed := k.world.changed(); len(changed) > 0 {
		t.Fatalf("changed: %v", changed)
	}
	if got := send("token-of-"+mine, nil); got != http.StatusSeeOther {
		t.Errorf("the proper form: %d", got)
	}
}

// W3: before signing in the token belongs to the browser.
func TestSignInForm_needsTheTokenOfItsBrowser(t *testing.T) {
	k := newKit(t)
	b := k.browser("")
	page := b.get("/portal/sign-in").must(t, http.StatusOK)
	_, rest, _ := strings.Cut(page.body, `name="token" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	stranger := k.browser("")
	stranger.token = token
	stranger.post("/portal/sign-in", "organisation", "fabrikam.example").must(t, http.StatusForbidden)
	b.token = token
	b.post("/portal/sign-in", "organisation", "fabrikam.example").must(t, http.StatusOK, "https://login.fabrikam.example/authorize")
}

// W3: no GET of a signed-in person changes anything.
func TestGets_changeNothing(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	seen := map[string]bool{}
	for _, r := range k.table() {
		if r[0] == http.MethodGet {
			k.crawl(b, fill(r[1]), seen)
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d pages were found", len(seen))
	}
	if changed := k.world.changed(); len(changed) > 0 {
		t.Errorf("GETs changed: %v", changed)
	}
}

// crawl opens a page and every page it links to.
func (k *kit) crawl(b *browser, path string, seen map[string]bool) {
	path, _, _ = strings.Cut(path, "#")
	if seen[path] || !strings.HasPrefix(path, "/portal") || len(seen) > 300 {
		return
	}
	seen[path] = true
	a := b.get(path)
	if a.status >= http.StatusInternalServerError {
		k.t.Errorf("%s gives %d", path, a.status)
	}
	for _, part := range strings.Split(a.body, `href="`)[1:] {
		next, _, _ := strings.Cut(part, `"`)
		k.crawl(b, strings.ReplaceAll(next, "&amp;", "&"), seen)
	}
}

// R10: after signing in only a page of ours is gone to.
func TestReturn_staysWithinThePages(t *testing.T) {
	for _, to := range []string{"//evil.example", "https:evil.example", `\\evil.example`, "/\\evil.example", "/portal/../../evil", "https://evil.example/portal/requests", "/portal/requests\r\nX: y", "%2f%2fevil.example", "/portal//evil.example", "/portal/assets/x", "/v1/consents", "javascript:alert(1)"} {
		k := newKit(t)
		b := k.browser("")
		page := b.get("/portal/sign-in?to="+url.QueryEscape(to)).must(t, http.StatusOK, `name="to" value=""`)
		_, rest, _ := strings.Cut(page.body, `name="token" value="`)
		b.token, _, _ = strings.Cut(rest, `"`)
		b.post("/portal/sign-in", "organisation", "fabrikam.example", "to", to).must(t, http.StatusOK)
		if a := b.get("/portal/sign-in/return?state=s&code=c").must(t, http.StatusSeeOther); a.location != "/portal/" {
			t.Errorf("%q led to %q", to, a.location)
		}
	}
}

// W7: the pages know no bearer token.
func TestPages_refuseTokensOfTheAPI(t *testing.T) {
	k := newKit(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, k.server.URL+"/portal/permissions", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer x")
	if a := k.browser("").do(req); a.status != http.StatusSeeOther {
		t.Errorf("a token gives %d", a.status)
	}
	for _, path := range []string{"/v1/consents", "/oauth2/token", "/metrics", "/docs"} {
		if a := k.browser(k.world.person(fabrikam, models.PersonAdmin, true)).get(path); a.status != http.StatusNotFound {
			t.Errorf("%s gives %d", path, a.status)
		}
	}
}
