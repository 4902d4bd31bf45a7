package gateway_test

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"countersign/docs"
	"countersign/gateway"
	"countersign/internal/browsertest"
)

// documentsServer is a gateway with the real descriptions.
func documentsServer(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(newEdge(t, func(d *gateway.Deps) { d.OpenAPI, d.Swagger = docs.OpenAPI, docs.Swagger }).handler)
	t.Cleanup(srv.Close)
	return srv.URL
}

// The pages work in a real browser under their own policy, and ask this server alone.
func TestDocs_inChromium(t *testing.T) {
	t.Parallel()
	origin := documentsServer(t)
	page := browsertest.Start(t).Open(origin + "/docs")
	page.Do("see the operations", chromedp.WaitVisible("#operations-consents-grantConsent", chromedp.ByQuery))
	seen := page.Text("#swagger-ui")
	for _, want := range []string{"Countersign", "OAS 3.0", "/v1/customers/{tenant}/deviceBatches", "/v1/consents/{id}/revoke", "List the rows of an upload", "Everything that was sent"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	page.Do("open an operation",
		chromedp.Click("#operations-devices-createBatch .opblock-summary-control", chromedp.ByQuery),
		chromedp.WaitVisible("#operations-devices-createBatch .opblock-section-request-body", chromedp.ByQuery))
	if body := page.Text("#operations-devices-createBatch"); !strings.Contains(body, "MS-RequestId") || !strings.Contains(body, "text/csv") {
		t.Errorf("the operation does not show its header or its forms: %s", body)
	}
	const probe = "#operations-operations-healthz"
	page.Do("try a call",
		chromedp.Click(probe+" .opblock-summary-control", chromedp.ByQuery),
		chromedp.Click(probe+" .try-out__btn", chromedp.ByQuery),
		chromedp.Click(probe+" .execute", chromedp.ByQuery),
		chromedp.WaitVisible(probe+" .live-responses-table .response-col_status", chromedp.ByQuery))
	if live := page.Text(probe + " .live-responses-table"); !strings.Contains(live, "200") || !strings.Contains(live, `"status": "ok"`) {
		t.Errorf("the call tried from the page gave %s", live)
	}
	page.Quiet(origin)
	picture(page, "docs.png")
}

func TestErrorsPage_inChromium(t *testing.T) {
	t.Parallel()
	origin := documentsServer(t)
	page := browsertest.Start(t).Open(origin + "/docs/errors#consent_not_granted")
	if entry := page.Text(":target"); !strings.Contains(entry, "consent_not_granted") || !strings.Contains(entry, "Cause") {
		t.Errorf("the anchor leads to %q", entry)
	}
	page.Accessible()
	picture(page, "errors.png")
	page.Dark()
	page.Accessible()
	picture(page, "errors-dark.png")
	page.Quiet(origin)
}

// picture is for looking at a page by hand: COUNTERSIGN_TEST_PICTURES names a folder.
func picture(page *browsertest.Page, name string) {
	if folder := os.Getenv("COUNTERSIGN_TEST_PICTURES"); folder != "" {
		page.Screenshot(folder + "/" + name)
	}
}
