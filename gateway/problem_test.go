package gateway_test

import (
	"database/sql/driver"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/authz"
	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/gateway/ratelimit"
	"countersign/internal/errs"
	"countersign/models"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

// fails makes every upload end with err.
func (e *edge) fails(err error) {
	e.accept = func(intake.Call, intake.Source) (intake.Accepted, error) { return intake.Accepted{}, err }
	e.customer = func(models.PartnerID, models.TenantID) (c consent.Customer, _ error) { return c, err }
}

func TestProblem_golden(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"no_consent.txt":  consent.ErrNoConsent,
		"fields.txt":      consent.ErrInvalid.WithFields(errs.Field{Name: "scopes", Cause: "is empty"}, errs.Field{Row: 3, Name: "serialNumber", Cause: "is too long"}),
		"conflict.txt":    intake.ErrBatchExists.WithLocation("/customers/" + tenant + "/deviceBatches/b"),
		"throttled.txt":   ratelimit.ErrExhausted.WithRetryAfter(56*time.Second + time.Millisecond).WithDetail("Rate limit is exceeded. Try again in 57 seconds."),
		"internal.txt":    errors.New("pq: relation grants does not exist"),
		"unavailable.txt": fmt.Errorf("read grants: %w", driver.ErrBadConn),
		"unlisted.txt":    errs.New(errs.Conflict, "a_word_of_tomorrow", "Something that is not in the table yet."),
	} {
		e := newEdge(t)
		e.fails(err)
		resp, body := e.do("POST", createPath, sdkBody)
		var out strings.Builder
		fmt.Fprintf(&out, "%d\n", resp.StatusCode)
		for _, h := range []string{"Content-Type", "Location", "Retry-After", "WWW-Authenticate"} {
			if v := resp.Header.Get(h); v != "" {
				fmt.Fprintf(&out, "%s: %s\n", h, v)
			}
		}
		golden(t, name, out.String()+"\n"+body+"\n")
	}
}

func TestProblem_own_surface(t *testing.T) {
	t.Parallel()
	resp, body := newEdge(t).do("GET", "/v1/uploads/no-guid", "")
	refused(t, resp, body, 404, "upload_not_found")
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
}

func TestProblem_isBounded(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	fields := make([]errs.Field, 5000)
	e.fails(intake.ErrDefaults.WithDetail("%s", strings.Repeat("é", 5000)).WithFields(fields...))
	_, body := e.do("POST", createPath, sdkBody)
	if len(body) > 20_000 || strings.Count(body, `{"cause"`) != 100 || !strings.Contains(body, strings.Repeat("é", 1023)+"…") {
		t.Errorf("%d bytes: %.300s", len(body), body)
	}
}

func TestProblem_unknownTenantLooksLikeOneWithoutGrant(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.fails(consent.ErrNoConsent)
	_, one := e.do("GET", "/v1/customers/"+tenant, "")
	_, other := e.do("GET", "/v1/customers/00000000-0000-4000-8000-000000000000", "")
	if one != other || !strings.Contains(one, `"code":"20002"`) || !strings.Contains(one, `"nextActor":"customer"`) {
		t.Errorf("%s\n%s", one, other)
	}
}

func TestChallenges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, authorization, want string }{
		{"none", "", `Bearer realm="countersign"`},
		{"another scheme", "Basic eDp5", `Bearer realm="countersign"`},
		{"empty", "Bearer ", `Bearer realm="countersign", error="invalid_token", error_description="The Authorization header does not hold one Bearer token."`},
		{"two in one", "Bearer partner, Bearer partner", `Bearer realm="countersign", error="invalid_token", error_description="The Authorization header does not hold one Bearer token."`},
		{"not ours", "bearer stranger", `Bearer realm="countersign", error="invalid_token", error_description="The access token is not valid, or not valid any more. Get a new one from the token endpoint."`},
		{"without scope", "BEARER partner-devices.read", `Bearer realm="countersign", error="insufficient_scope", error_description="This call needs the scope devices.read, which the access token does not carry.", scope="devices.read"`},
	} {
		resp, _ := newEdge(t).do("GET", "/v1/uploads", "", "Authorization", c.authorization)
		want := c.want + `, resource_metadata="https://gateway.example.com/.well-known/oauth-protected-resource"`
		if got := resp.Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, want)
		}
	}
}

func TestAuth_formTokensAreNotLookedAt(t *testing.T) {
	t.Parallel()
	resp, body := newEdge(t).do("POST", "/v1/consents", "access_token=partner", "Authorization", "", "Content-Type", "application/x-www-form-urlencoded")
	refused(t, resp, body, 401, "token_missing")
}

func TestAuth_standingThatCannotBeReadLetsNobodyIn(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.verify = func(string) (p authz.Principal, _ error) {
		return p, fmt.Errorf("read the client's standing: %w", driver.ErrBadConn)
	}
	resp, body := e.do("GET", "/v1/uploads", "")
	refused(t, resp, body, 503, "unavailable")
	e = newEdge(t)
	e.request = func() (d ratelimit.Decision, _ error) { return d, errors.New("store lost") }
	resp, body = e.do("GET", "/v1/uploads", "")
	refused(t, resp, body, 503, "unavailable")
}

func TestPanic_isAnAnswerAndAStack(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.accept = func(intake.Call, intake.Source) (intake.Accepted, error) { panic("a secret detail") }
	resp, body := e.do("POST", createPath, sdkBody)
	refused(t, resp, body, 500, "internal")
	if strings.Contains(body, "secret") || !strings.Contains(e.log.String(), "problem_test.go") {
		t.Errorf("body %s, log %s", body, e.log.String())
	}
}

func TestAccessLog_holdsRouteAndCallerAndNoPath(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.fails(consent.ErrNoConsent)
	e.do("POST", createPath+"?batchId=SECRET-NAME", `{"BatchId":"SECRET-NAME"}`, "MS-RequestId", "8c1d2e3f-0000-4000-8000-0000000000a1", "User-Agent", "SECRET\r\nx")
	lines := strings.Split(strings.TrimSpace(e.log.String()), "\n")
	if len(lines) != 1 {
		t.Fatalf("%d lines: %s", len(lines), e.log.String())
	}
	for _, want := range []string{
		`"level":"INFO"`, `"msg":"request"`, `"method":"POST"`, `"route":"/v1/customers/{tenant}/deviceBatches"`, `"status":403`, `"ms":0`,
		`"client":"p-client"`, `"partner":"partner-1"`, `"code":"consent_not_granted"`, `"request_id":"8c1d2e3f-0000-4000-8000-0000000000a1"`,
	} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("the line lacks %s: %s", want, lines[0])
		}
	}
	for _, never := range []string{"SECRET", tenant, "Bearer"} {
		if strings.Contains(lines[0], never) {
			t.Errorf("the line holds %s: %s", never, lines[0])
		}
	}
}

// The ids of a call come back in its answer and stand in the log.
func TestCallIDs_holdNoProductKey(t *testing.T) {
	t.Parallel()
	const dashed, bare = "N7YYX-3VTRD-9K2QW-HB4CF-6JMPG", "N7YYX3VTRD9K2QWHB4CF6JMPG"
	for _, header := range []string{"MS-RequestId", "Idempotency-Key", "MS-CorrelationId"} {
		for _, secret := range []string{dashed, bare, "line7:" + dashed} {
			e := newEdge(t)
			resp, body := e.do("GET", "/v1/devices", "", header, secret)
			if answer := fmt.Sprint(resp.Header, body); strings.Contains(answer, secret) || strings.Contains(e.log.String(), secret) {
				t.Errorf("%s: %s comes back in the answer or stands in the log", header, secret)
			}
			if id := resp.Header.Get("MS-RequestId"); id != madeUpID {
				t.Errorf("%s: the call is called %q", header, id)
			}
		}
	}
}
