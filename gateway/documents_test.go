package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"countersign/gateway/wire"
	"countersign/models"
)

// Both descriptions are fetched once and asked about afterwards.
func TestDescriptions_answer304(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	tags := map[string]string{}
	for _, path := range []string{"/openapi.json", "/swagger.json"} {
		first, body := e.do("GET", path, "", "Authorization", "")
		tag := first.Header.Get("ETag")
		if first.StatusCode != 200 || body == "" || tag == "" || tags[tag] != "" {
			t.Fatalf("%s: %d, ETag %q", path, first.StatusCode, tag)
		}
		tags[tag] = path
		again, body := e.do("GET", path, "", "Authorization", "", "If-None-Match", `W/`+tag)
		if again.StatusCode != 304 || body != "" || again.Header.Get("ETag") != tag {
			t.Errorf("%s: %d %q, ETag %q", path, again.StatusCode, body, again.Header.Get("ETag"))
		}
		if other, _ := e.do("GET", path, "", "Authorization", "", "If-None-Match", `"other"`); other.StatusCode != 200 {
			t.Errorf("%s: %d for a tag it never had", path, other.StatusCode)
		}
	}
}

// Error bodies link to an anchor of this page, and every entry says all there is.
func TestErrorsPage_hasEveryErrorAndOutcome(t *testing.T) {
	t.Parallel()
	resp, page := newEdge(t).do("GET", "/docs/errors", "", "Authorization", "")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" || resp.Header.Get("ETag") == "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	ids := make([]string, 0, 100)
	for _, c := range wire.Codes() {
		ids = append(ids, c.Word)
	}
	for _, o := range models.Outcomes() {
		if id := "outcome-" + string(o.Code); o.Code != models.OutcomeRegistered {
			ids = append(ids, id)
		}
	}
	for _, id := range append(ids, "outcome-none") {
		_, entry, found := strings.Cut(page, `<article class="entry" id="`+id+`">`)
		if !found || strings.Count(page, `id="`+id+`"`) != 1 {
			t.Errorf("there is not one entry %s", id)
			continue
		}
		entry, _, _ = strings.Cut(entry, "</article>")
		for _, part := range []string{"Cause", "Cure", "Who acts next", "Repeating"} {
			if !regexp.MustCompile(`<dt>`+part+`</dt><dd>[^<]*\S`).MatchString(entry) && !strings.Contains(entry, "<dt>"+part+"</dt><dd><code>") {
				t.Errorf("%s does not say: %s", id, part)
			}
		}
	}
	if strings.ContainsAny(page, "`") || strings.Contains(page, "<script") || strings.Contains(page, "style=") {
		t.Error("the page has Markdown, a script or a style of its own in it")
	}
}

// A browser keeps the files for ever, because another version has another name.
func TestAssets(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(newEdge(t).handler)
	defer srv.Close()
	_, home := newEdge(t).do("GET", "/docs", "", "Authorization", "")
	addresses := regexp.MustCompile(`(?:src|href)="(/docs/assets/[^"]+)"`).FindAllStringSubmatch(home, -1)
	if len(addresses) != 4 {
		t.Fatalf("the page loads %v", addresses)
	}
	for _, m := range addresses {
		resp, err := http.Head(srv.URL + m[1])
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		h := resp.Header
		want := map[bool]string{true: "text/css; charset=utf-8", false: "text/javascript; charset=utf-8"}[strings.HasSuffix(m[1], ".css")]
		if resp.StatusCode != 200 || resp.ContentLength < 100 || h.Get("Content-Type") != want || !strings.Contains(h.Get("Cache-Control"), "immutable") {
			t.Errorf("HEAD %s: %d, %d bytes, %v", m[1], resp.StatusCode, resp.ContentLength, h)
		}
		again, body := newEdge(t).do("GET", m[1], "", "Authorization", "", "If-None-Match", h.Get("ETag"))
		if again.StatusCode != 304 || body != "" {
			t.Errorf("GET %s with its tag: %d", m[1], again.StatusCode)
		}
	}
}

func TestAssets_areOnlyThoseOfTheList(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	for _, name := range []string{"pages.css", "nothing.js", "README.md", "..", "assets", ".", "%2e%2e"} {
		resp, body := e.do("GET", "/docs/assets/"+name, "", "Authorization", "")
		refused(t, resp, body, 404, "route_not_found")
	}
	for _, name := range []string{"..%2Fpages.css", "..%5Cpages.css", "%2Fetc%2Fpasswd"} {
		resp, body := e.do("GET", "/docs/assets/"+name, "", "Authorization", "")
		refused(t, resp, body, 400, "invalid_path")
	}
}
