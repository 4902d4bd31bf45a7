package browsertest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Page is a tab and what it did so far.
type Page struct {
	t   testing.TB
	ctx context.Context

	noScript bool // the page may run none

	mu       sync.Mutex
	requests []string
	faults   []string
}

// Open opens an address in a tab of its own and waits until it is loaded.
func (b *Browser) Open(url string) *Page {
	b.t.Helper()
	ctx, stop := chromedp.NewContext(b.ctx)
	b.t.Cleanup(stop)
	p := &Page{t: b.t, ctx: ctx}
	chromedp.ListenTarget(ctx, p.note)
	// The first run makes the tab, which must not have the short life of one step. A tab
	// behind another one may never be drawn.
	if err := chromedp.Run(ctx, network.Enable(), log.Enable(), runtime.Enable(), page.BringToFront()); err != nil {
		b.t.Fatalf("browsertest: open a tab: %v", err)
	}
	p.Do("open "+url, chromedp.Navigate(url))
	return p
}

// Do runs actions of chromedp; name says in the failure what did not happen.
func (p *Page) Do(name string, actions ...chromedp.Action) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	if err := chromedp.Run(ctx, actions...); err != nil {
		p.t.Fatalf("browsertest: %s: %v; requests %q, faults %q", name, err, p.Requests(), p.Faults())
	}
}

// Text returns what a reader sees of the first element that fits a CSS selector.
func (p *Page) Text(selector string) (text string) {
	p.t.Helper()
	p.Do("read "+selector, chromedp.Text(selector, &text, chromedp.ByQuery))
	return text
}

// Requests lists the addresses that the page asked for, those in its own bytes (data:)
// left out.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Faults lists the errors of the console: exceptions, refusals of the page's policy,
// files that did not load.
func (p *Page) Faults() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.faults)
}

// Quiet fails the test if anything was asked of another server than origin, such as
// http://127.0.0.1:4711, or if there is any fault.
func (p *Page) Quiet(origin string) {
	p.t.Helper()
	requests := p.Requests()
	if len(requests) == 0 {
		p.t.Error("browsertest: no request was seen")
	}
	for _, address := range requests {
		if address != origin && !strings.HasPrefix(address, origin+"/") {
			p.t.Errorf("the page asked for %s, which is not %s", address, origin)
		}
	}
	for _, fault := range p.Faults() {
		p.t.Errorf("the console says: %s", fault)
	}
}

// Dark shows the page as to a reader who prefers a dark ground.
func (p *Page) Dark() {
	p.t.Helper()
	p.prefer("dark")
}

// Light shows the page as to a reader who prefers a light ground.
func (p *Page) Light() {
	p.t.Helper()
	p.prefer("light")
}

// prefer turns the colours at once: half-way through a transition they have contrasts of
// no page.
func (p *Page) prefer(scheme string) {
	p.t.Helper()
	p.Do("prefer "+scheme, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}))
}

// Go opens another address in the same tab and waits until it is loaded.
func (p *Page) Go(url string) {
	p.t.Helper()
	p.Do("go to "+url, chromedp.Navigate(url))
}

// Wide makes the tab so many CSS pixels wide.
func (p *Page) Wide(pixels int64) {
	p.t.Helper()
	p.Do("change the width", emulation.SetDeviceMetricsOverride(pixels, 900, 1, false))
}

// Speak lets the reader prefer a language, as the browser's Accept-Language says it.
func (p *Page) Speak(language string) {
	p.t.Helper()
	p.Do("prefer a language", network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": language}))
}

// WithoutScript keeps the page from running any script. Looking at the page from outside
// still works.
func (p *Page) WithoutScript() {
	p.t.Helper()
	p.noScript = true
	p.Do("switch scripts off", emulation.SetScriptExecutionDisabled(true))
}

// scripted runs what needs scripts from outside in a page that was loaded without: its own
// never ran, and run no more when they are switched on.
func (p *Page) scripted(fn func()) {
	p.t.Helper()
	if !p.noScript {
		fn()
		return
	}
	p.Do("switch scripts on for the test", emulation.SetScriptExecutionDisabled(false))
	fn()
	p.Do("switch scripts off again", emulation.SetScriptExecutionDisabled(true))
}

// Cookie gives the browser a cookie for an address.
func (p *Page) Cookie(url, name, value string) {
	p.t.Helper()
	p.Do("set a cookie", network.SetCookie(name, value).WithURL(url))
}

// Fits fails the test when the page is wider than its window, so that a reader would have
// to scroll in two directions (WCAG 2.2, 1.4.10).
func (p *Page) Fits() {
	p.t.Helper()
	var over float64
	p.Do("measure the page", chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &over))
	if over > 0 {
		p.t.Errorf("browsertest: the page is %v pixels wider than its window", over)
	}
}

// Tab moves the focus with the keyboard until it is on an element that fits a CSS
// selector, and fails the test when that never happens or the focus cannot be seen.
func (p *Page) Tab(selector string) {
	p.t.Helper()
	const script = `(() => { const e = document.activeElement; if (!e || !e.matches(%q)) return "";
		const s = getComputedStyle(e); return s.outlineStyle === "none" || s.outlineWidth === "0px" ? "hidden" : "seen" })()`
	for range 120 {
		var focus string
		p.Do("press Tab", chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(fmt.Sprintf(script, selector), &focus))
		switch focus {
		case "seen":
			return
		case "hidden":
			p.t.Fatalf("browsertest: the focus on %s cannot be seen", selector)
		}
	}
	p.t.Fatalf("browsertest: the keyboard never reaches %s", selector)
}

// Press presses a key, such as kb.Enter, or types a text.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.Do("press a key", chromedp.KeyEvent(keys))
}

// Address is where the tab is.
func (p *Page) Address() (url string) {
	p.t.Helper()
	p.Do("read the address", chromedp.Location(&url))
	return url
}

// Screenshot writes a picture of the whole page, to be looked at by hand.
func (p *Page) Screenshot(file string) {
	p.t.Helper()
	var picture []byte
	p.Do("take a picture", chromedp.FullScreenshot(&picture, 100))
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *Page) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") {
			p.requests = append(p.requests, e.Request.URL)
		}
	case *network.EventWebSocketCreated:
		p.requests = append(p.requests, e.URL)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Source == log.SourceSecurity {
			p.faults = append(p.faults, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeAssert {
			p.faults = append(p.faults, "console."+string(e.Type)+arguments(e.Args))
		}
	}
}

func arguments(args []*runtime.RemoteObject) string {
	var out strings.Builder
	for _, a := range args {
		fmt.Fprintf(&out, " %s%s", a.Value, a.Description)
	}
	return out.String()
}
