package gateway_test

import (
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/gateway/intake"
	"countersign/gateway/ratelimit"
	"countersign/models"
)

// standing has 30 of 100 requests and none of 500 devices left.
func standing(t *testing.T, e *edge, want models.TenantID) {
	e.standing = func(p authz.Principal, of models.TenantID) (ratelimit.Decision, error) {
		if p.PartnerID == "" || of != want {
			t.Errorf("asked for %+v and tenant %q", p, of)
		}
		return ratelimit.Decision{Admitted: true, States: []ratelimit.State{
			{Limit: ratelimit.Requests, Rate: ratelimit.Rate{Count: 100, Period: time.Minute}, Remaining: 30, Reset: 42 * time.Second},
			{Limit: ratelimit.Devices, Rate: ratelimit.Rate{Count: 500, Period: time.Hour}, Reset: time.Hour, Next: 7 * time.Second},
		}}, nil
	}
}

func TestBudgets_areShown(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	standing(t, e, tenant)
	resp, body := e.do("GET", "/v1/partners/me/budgets?tenant="+strings.ToUpper(tenant), "")
	if resp.StatusCode != 200 {
		t.Fatal(body)
	}
	at := func(d time.Duration) string { return now.Add(d).UTC().Format(time.RFC3339Nano) }
	for _, want := range []string{
		`"name":"requests","unit":"requests","limit":100,"periodSeconds":60,"remaining":30,"nextAt":"` + at(0) + `","fullAt":"` + at(42*time.Second) + `"`,
		`"name":"devices","unit":"devices","limit":500,"periodSeconds":3600,"remaining":0,"nextAt":"` + at(7*time.Second) + `","fullAt":"` + at(time.Hour) + `"`,
		`{"call":"an upload or a build report","budget":"devices","cost":1,"per":"row"}`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	resp, body = e.do("GET", "/v1/partners/me/budgets?tenant=fabrikam", "")
	refused(t, resp, body, 400, "invalid_parameter")
}

// Who has sent devices is told what is left of every budget that paid.
func TestBudgets_areInTheAnswerToAnUpload(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	standing(t, e, tenant)
	var calls []intake.Call
	var rows []intake.Row
	e.accepts(&calls, &rows)
	resp, body := e.do("POST", "/v1/customers/"+tenant+"/deviceBatches", sdkBody)
	if resp.StatusCode != 202 {
		t.Fatal(body)
	}
	if got := resp.Header.Get("RateLimit"); got != `"requests";r=30;t=42, "devices";r=0;t=3600` {
		t.Errorf("RateLimit: %s", got)
	}
	if got := resp.Header.Get("RateLimit-Policy"); got != `"requests";q=100;w=60, "devices";q=500;w=3600` {
		t.Errorf("RateLimit-Policy: %s", got)
	}
}
