package browsertest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience bounds everything that a test asks of the browser. It is generous because
// machines that run tests are busy; nothing waits for it to pass.
const patience = 90 * time.Second

// Browser is one Chromium with an empty profile.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// Start starts a browser that ends with the test. It reaches 127.0.0.1 alone, so that a
// page which asks for anything else shows it.
func Start(t testing.TB) *Browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(find(t)),
		chromedp.NoSandbox, // root may not have one, and the pages are our own
		chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(patience),
		chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	ctx, stop := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(stop)
	ctx, stopAllocator := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stopAllocator)
	ctx, stopBrowser := chromedp.NewContext(ctx)
	t.Cleanup(stopBrowser)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("browsertest: Chromium does not start: %v", err)
	}
	return &Browser{t: t, ctx: ctx}
}

// names are what the browser is called by the systems it comes with.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"}

func find(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("COUNTERSIGN_TEST_BROWSER"); path != "" {
		return path
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("browsertest: none of %v is installed. Run make setup, or install Chromium (on Debian or Ubuntu: apt-get install chromium), or name it in COUNTERSIGN_TEST_BROWSER.", names)
	return ""
}
