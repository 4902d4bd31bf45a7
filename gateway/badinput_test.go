package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/gateway"
	"countersign/gateway/intake"
	"countersign/internal/errs"
)

// Every bad input of an upload: its documented error, quickly, and nothing is accepted.
func TestUpload_badInput(t *testing.T) {
	t.Parallel()
	const create, appendTo = "/v1/customers/" + tenant + "/deviceBatches", "/v1/customers/" + tenant + "/deviceBatches/b/devices"
	deep := strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20)
	for _, c := range []struct {
		name, path, body string
		headers          []string
		reason           string
		words            string
	}{
		{"truncated", create, sdkBody[:200], nil, "body_malformed", "ends too early"},
		{"wrong type", create, `{"BatchId":1,"Devices":[]}`, nil, "body_malformed", "/BatchId"},
		{"trailing garbage", create, sdkBody + "x", nil, "body_malformed", "byte"},
		{"deep nesting", create, deep, nil, "body_malformed", "deeper than 16"},
		{"member twice by case", create, `{"BatchId":"a","batchid":"b"}`, nil, "body_malformed", "twice"},
		{"invalid UTF-8", create, "{\"BatchId\":\"\xff\"}", nil, "body_malformed", "UTF-8"},
		{"a list to create", create, `[{"SerialNumber":"a"}]`, nil, "body_malformed", "must be an object"},
		{"an object to append", appendTo, sdkBody, nil, "body_malformed", "must be the list"},
		{"empty", create, " ", nil, "body_malformed", "ends too early"},
		{"past the limit", create, sdkBody + strings.Repeat(" ", 2000), nil, "body_too_large", "at most 2000"},
		{"past the limit, length not told", create, sdkBody + strings.Repeat(" ", 2000), []string{"unknown length", "1"}, "body_too_large", ""},
		{"form", create, "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, "unsupported_media_type", "text/csv"},
		{"no content type", create, sdkBody, []string{"Content-Type", ""}, "unsupported_media_type", ""},
		{"JSON in another charset", create, sdkBody, []string{"Content-Type", "application/json; charset=latin1"}, "unsupported_media_type", ""},
		{"CSV in an unknown charset", create + "?batchId=a", "x", []string{"Content-Type", "text/csv; charset=ebcdic"}, "unsupported_media_type", ""},
		{"gzip that is none", create, sdkBody, []string{"Content-Encoding", "gzip"}, "body_encoding", "without Content-Encoding"},
		{"identity named", create, sdkBody, []string{"Content-Encoding", "identity"}, "unsupported_encoding", ""},
		{"CSV without batch name", create, "Device Serial Number\na", []string{"Content-Type", "text/csv"}, "invalid_parameter", "?batchId="},
		{"CSV without header", create + "?batchId=a", "a,b,c", []string{"Content-Type", "text/csv"}, "csv_header", "Device Serial Number"},
		{"CSV with an open quotation mark", create + "?batchId=a", "serialNumber\n\"a\n", []string{"Content-Type", "text/csv"}, "body_malformed", "line 2"},
		{"parameter twice", create + "?batchId=a&BatchID=b", sdkBody, nil, "invalid_parameter", "batchid"},
		{"half a query", create + "?expectedDomain=contoso.com;x", sdkBody, nil, "invalid_parameter", "query"},
		{"a guard that names nothing", create + "?expectedDomain=", sdkBody, nil, "invalid_parameter", "expecteddomain"},
		{"customer id", "/v1/customers/contoso.com/deviceBatches", sdkBody, nil, "invalid_customer_id", "GUID"},
		{"request id", create, sdkBody, []string{"MS-RequestId", "short"}, "invalid_request_id", ""},
		{"product key for a request id", create, sdkBody, []string{"MS-RequestId", "N7YYX-3VTRD-9K2QW-HB4CF-6JMPG"}, "invalid_request_id", ""},
		{"two request ids", create, sdkBody, []string{"MS-RequestId", madeUpID, "Idempotency-Key", "another-key"}, "invalid_request_id", "equal"},
		{"token in the address", create + "?access_token=x", sdkBody, nil, "token_in_url", "in logs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t, func(d *gateway.Deps) { d.Limits.Body = 2000 })
			var calls []intake.Call
			var rows []intake.Row
			e.accepts(&calls, &rows)
			resp, body := e.do("POST", c.path, c.body, c.headers...)
			refused(t, resp, body, 400, c.reason)
			if !strings.Contains(body, c.words) || len(calls) != 0 {
				t.Errorf("%d calls accepted; %s", len(calls), body)
			}
		})
	}
}

func TestUpload_brokenDeviceIsNotTheLossOfTheUpload(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	var calls []intake.Call
	var rows []intake.Row
	e.accepts(&calls, &rows)
	body := `{"BatchId":"b","Devices":[{"SerialNumber":1},{"HardwareHash":"` + strings.Repeat("A", 1<<20) + `"},{"SerialNumber":"c"}]}`
	if resp, text := e.do("POST", "/v1/customers/"+tenant+"/deviceBatches", body); resp.StatusCode != 202 {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	if len(rows) != 3 || rows[0].Unreadable == "" || rows[1].Unreadable == "" || rows[2].Unreadable != "" {
		t.Errorf("%d rows: %.200v", len(rows), rows)
	}
}

// Whatever intake says of a body that the network broke, the caller hears of the network:
// a 409 would stop Partner Center's SDK from trying again.
func TestUpload_transportFailureOutweighsItsConsequences(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(d *gateway.Deps) { d.Limits.Body = 2000 })
	e.accept = func(_ intake.Call, src intake.Source) (intake.Accepted, error) {
		src.Digest()
		return intake.Accepted{}, intake.ErrKeyReused
	}
	resp, body := e.do("POST", "/v1/customers/"+tenant+"/deviceBatches", strings.Repeat(" ", 3000), "unknown length", "1")
	refused(t, resp, body, 400, "body_too_large")
}

func TestUpload_refusalsOfIntakeKeepTheirPlace(t *testing.T) {
	t.Parallel()
	for status, err := range map[int]error{
		409: intake.ErrBatchExists.WithLocation("/customers/x/deviceBatches/b"),
		404: intake.ErrBatchNotFound,
		503: intake.ErrStillRunning,
		500: fmt.Errorf("read rows: %w", errUnexpected),
	} {
		e := newEdge(t)
		e.accept = func(intake.Call, intake.Source) (intake.Accepted, error) { return intake.Accepted{}, err }
		resp, body := e.do("POST", "/v1/customers/"+tenant+"/deviceBatches", sdkBody)
		refused(t, resp, body, status, errs.From(err).Code)
		if resp.Header.Get("Location") != errs.From(err).Location {
			t.Errorf("%d: Location %q", status, resp.Header.Get("Location"))
		}
		if (status == 503) != (resp.Header.Get("Retry-After") != "") {
			t.Errorf("%d: Retry-After %q", status, resp.Header.Get("Retry-After"))
		}
	}
}

func TestOwnCalls_badBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, contentType string
		status                  int
		reason, words           string
	}{
		{"unknown member", `{"tenant":"x","state":"granted"}`, "", 400, "body_malformed", "/state: this call has no such member"},
		{"name in another case", `{"Tenant":"x"}`, "", 400, "body_malformed", "/Tenant"},
		{"member twice", `{"tenant":"x","tenant":"y"}`, "", 400, "body_malformed", "/tenant: the member is given twice"},
		{"wrong type", `{"deviceLimit":"many"}`, "", 400, "body_malformed", "/deviceLimit: this text does not fit"},
		{"number too large", `{"deviceLimit":99999999999999999999}`, "", 400, "body_malformed", "/deviceLimit"},
		{"list", `[]`, "", 400, "body_malformed", "a list"},
		{"trailing garbage", `{} {}`, "", 400, "body_malformed", "byte 3"},
		{"truncated", `{"tenant":"x"`, "", 400, "body_malformed", "too early"},
		{"invalid UTF-8", "{\"tenant\":\"\xff\"}", "", 400, "body_malformed", "broken at byte"},
		{"product key", `{"tenant":"x","purpose":"for N7YYX-3VTRD-9K2QW-HB4CF-6JMPG"}`, "", 400, "product_key_secret", "Leave it out"},
		{"CSV", "tenant\nx", "text/csv", 415, "unsupported_media_type", ""},
		{"too large", `{"tenant":"` + strings.Repeat("x", 70_000) + `"}`, "", 413, "body_too_large", ""},
		{"hardly too large, length not told", `{"tenant":"` + strings.Repeat("x", 70_000) + `"}`, "unknown", 413, "body_too_large", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var headers []string
			switch c.contentType {
			case "":
			case "unknown":
				headers = []string{"unknown length", "1"}
			default:
				headers = []string{"Content-Type", c.contentType}
			}
			resp, body := newEdge(t).do("POST", "/v1/consents", c.body, headers...)
			refused(t, resp, body, c.status, c.reason)
			if !strings.Contains(body, c.words) || strings.Contains(body, "int64") || strings.Contains(body, "wire.") || strings.Contains(body, "N7YYX") {
				t.Error(body)
			}
		})
	}
	resp, body := newEdge(t).do("POST", "/v1/consents", `{}`, "Content-Encoding", "gzip")
	refused(t, resp, body, 415, "unsupported_encoding")
}

func TestParameters_bad(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/v1/customers?size=0", "/v1/customers?size=-1", "/v1/customers?size=many", "/v1/uploads?limit=0", "/v1/uploads?state=done",
		"/v1/uploads?since=yesterday", "/v1/uploads?tenant=x", "/v1/consents?limit=1&limit=2", "/v1/uploads?batch=" + strings.Repeat("x", 1025),
	} {
		resp, body := newEdge(t).do("GET", path, "")
		refused(t, resp, body, 400, "invalid_parameter")
	}
}
