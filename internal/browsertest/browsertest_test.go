package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A helper that sees nothing would let every page pass, so each kind of fault is planted
// once.
func TestPage_seesPlantedFaults(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src *; script-src 'unsafe-inline'")
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, `<!doctype html><html><head><title>x</title><link rel="icon" href="data:,"></head><body><main>
<p style="color:#999">grey</p><img src="https://elsewhere.example/a.png" alt="a"><img src="/missing.png" alt="b"><img src="/ok.png">
<script>console.error("planted", 7); setTimeout(() => { document.title = "ready"; throw new Error("thrown"); })</script></main></body></html>`)
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	page := Start(t).Open(srv.URL + "/")
	page.Do("wait", chromedp.Poll(`document.title === "ready" && document.readyState === "complete"`, nil))
	if !slices.Contains(page.Requests(), "https://elsewhere.example/a.png") {
		t.Errorf("the request to elsewhere was not seen: %q", page.Requests())
	}
	faults := strings.Join(page.Faults(), "\n")
	for _, want := range []string{"console.error", "planted", "thrown", "404", "Content Security Policy"} {
		if !strings.Contains(faults, want) {
			t.Errorf("no fault about %q: %s", want, faults)
		}
	}
	// The policy keeps the grey of the style away, so that a missing language, a missing
	// alternative text and no heading remain.
	violations := strings.Join(page.violations(), "\n")
	for _, want := range []string{"html-has-lang", "image-alt", "page-has-heading-one"} {
		if !strings.Contains(violations, want) {
			t.Errorf("axe-core did not find %s: %s", want, violations)
		}
	}
}
