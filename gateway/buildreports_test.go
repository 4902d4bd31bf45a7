package gateway_test

import (
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/gateway/intake"
	"countersign/models"
)

const reportsPath = "/v1/oem/buildReports"

// reports makes the edge accept reports and note what came in.
func (e *edge) reports(calls *[]intake.Call, rows *[]intake.Row, id *string) {
	e.report = func(call intake.Call, src intake.ReportSource) (intake.Accepted, error) {
		*calls = append(*calls, call)
		for {
			row, err := src.Next()
			if errors.Is(err, io.EOF) {
				*id = src.ReportID()
				return intake.Accepted{TrackingID: tracking, Location: reportsPath + "/" + tracking}, nil
			}
			if err != nil {
				return intake.Accepted{}, err
			}
			*rows = append(*rows, row)
		}
	}
}

func TestBuildReport_comesInThreeForms(t *testing.T) {
	t.Parallel()
	const id = "0f6f1a10-0000-4000-8000-00000000000a"
	want := []intake.Row{
		{ProductKey: "3300000000001", KeyState: "3", HardwareHash: "T0FA", SoldTo: "4711"},
		{ProductKey: "3300000000002", KeyState: "5"},
	}
	for contentType, body := range map[string]string{
		"application/json": `{"Keys":[{"ProductKey":"3300000000001","productKeyState":3,"hardwareHash":"T0FA","soldTo":"4711"},` +
			`{"productKey":"3300000000002","productKeyState":5}],"customerReportUniqueId":"` + id + `"}`,
		"application/x-ndjson": `{"productKey":"3300000000001","productKeyState":3,"hardwareHash":"T0FA","soldTo":"4711"}` + "\n" +
			`{"productKey":"3300000000002","productKeyState":5}`,
		"application/xml; charset=utf-8": `<?xml version="1.0"?><Report><CustomerReportUniqueID>{` + strings.ToUpper(id) + `}</CustomerReportUniqueID><Keys>` +
			`<Key><ProductKeyID>3300000000001</ProductKeyID><ProductKeyState>3</ProductKeyState><HardwareHash>T0FA</HardwareHash><SoldTo>4711</SoldTo></Key>` +
			`<Key><ProductKeyID>3300000000002</ProductKeyID><ProductKeyState>5</ProductKeyState></Key></Keys></Report>`,
	} {
		t.Run(contentType, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			var calls []intake.Call
			var rows []intake.Row
			var report string
			e.reports(&calls, &rows, &report)
			resp, text := e.do("POST", "/v1/OEM//buildreports?orderNumber=7&soldTo=4712", body,
				"Authorization", "Bearer oem", "Content-Type", contentType, "MS-RequestId", "request-1")
			if resp.StatusCode != http.StatusAccepted || text != "" || resp.Header.Get("Location") != reportsPath+"/"+tracking {
				t.Fatalf("%d %s, Location %q", resp.StatusCode, text, resp.Header.Get("Location"))
			}
			if diff := cmp.Diff(want, rows); diff != "" {
				t.Error(diff)
			}
			if ndjson := strings.Contains(contentType, "ndjson"); ndjson && report != "" || !ndjson && report != id {
				t.Errorf("report id %q", report)
			}
			c := calls[0]
			if c.PartnerID != "oem-1" || c.Tenant != "" || c.SoldTo != "4712" || c.Defaults.OrderNumber != "7" || c.Key != "request-1" || c.MaxRows == 0 ||
				c.Path != reportsPath+"?ordernumber=7&soldto=4712" {
				t.Errorf("call %+v", c)
			}
		})
	}
}

func TestBuildReport_refusals(t *testing.T) {
	t.Parallel()
	const secret = "N7YYX-3VTRD-9K2QW-HB4CF-6JMPG"
	inputFile := `<Key><ProductKey>` + secret + `</ProductKey><ProductKeyID>3300000000001</ProductKeyID><ProductKeyState>2</ProductKeyState></Key>`
	for name, c := range map[string]struct {
		token, contentType, query, body string
		status                          int
		reason                          string
	}{
		"a reseller":              {"partner", "application/json", "", `[]`, 403, "wrong_caller"},
		"a customer":              {"tenant-devices.write", "application/json", "", `[]`, 403, "insufficient_scope"},
		"a form":                  {"oem", "application/x-www-form-urlencoded", "", `a=b`, 415, "unsupported_media_type"},
		"CSV":                     {"oem", "text/csv", "", `a`, 415, "unsupported_media_type"},
		"no content type":         {"oem", "", "", `[]`, 415, "unsupported_media_type"},
		"a key file":              {"oem", "application/xml", "", inputFile, 400, "product_key_secret"},
		"broken XML":              {"oem", "text/xml", "", `<Key>`, 400, "body_malformed"},
		"broken JSON":             {"oem", "application/json", "", `{"keys":[`, 400, "body_malformed"},
		"the tool's settings":     {"oem", "application/xml", "", `<OA3><FileBased/></OA3>`, 400, "body_malformed"},
		"a parameter given twice": {"oem", "application/json", "?soldTo=a&soldTo=b", `[]`, 400, "invalid_parameter"},
		"NUL":                     {"oem", "application/json", "?soldTo=a%00", `[]`, 400, "invalid_parameter"},
		"a misspelt buyer":        {"oem", "application/json", "?sold-to=a", `[]`, 400, "invalid_parameter"},
		"another call's guard":    {"oem", "application/json", "?expectedDomain=a.example", `[]`, 400, "invalid_parameter"},
		"half a query":            {"oem", "application/json", "?soldTo=a;b", `[]`, 400, "invalid_parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			var calls []intake.Call
			var rows []intake.Row
			var id string
			e.reports(&calls, &rows, &id)
			resp, body := e.do("POST", reportsPath+c.query, c.body, "Authorization", "Bearer "+c.token, "Content-Type", c.contentType)
			refused(t, resp, body, c.status, c.reason)
			if strings.Contains(body, secret[:5]) || strings.Contains(e.log.String(), secret[:5]) {
				t.Error("the answer or the log repeats a secret")
			}
		})
	}
}

func TestBuildReport_acknowledgement(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	up := upload()
	up.Kind, up.TenantID, up.ReportID, up.AcceptedAt, up.CompletedAt = models.UploadReport, "", "rep-0001", &now, nil
	e.status = func(scope intake.Scope, _ models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error) {
		if scope != (intake.Scope{Partner: "oem-1"}) {
			t.Errorf("scope %+v", scope)
		}
		return intake.UploadStatus{Upload: up}, func(yield func(intake.RowStatus, error) bool) {
			_ = yield(intake.RowStatus{
				Ordinal: 1, Identity: models.DeviceIdentity{ProductKey: "3300000000001"}, State: models.UploadFinished,
				Outcome: models.OutcomeOf(""), Sentence: "The record is kept.", SettledAt: &now,
			}, nil) && yield(intake.RowStatus{Ordinal: 2, State: models.UploadProcessing}, nil)
		}, nil
	}
	resp, body := e.do("GET", reportsPath+"/"+tracking, "", "Authorization", "Bearer oem")
	want := `{"trackingId":"` + tracking + `","customerReportUniqueId":"rep-0001","state":"processing","receivedAt":"2031-02-03T10:01:10Z",` +
		`"rows":{"total":3,"open":1,"withErrors":1},"keys":[{"row":1,"status":"finished","productKey":"3300000000001","outcomeClass":"done",` +
		`"detail":"The record is kept.","nextActor":"nobody","safeToRepeat":true,"settledAt":"2031-02-03T10:01:10Z"},{"row":2,"status":"processing"}]}`
	if diff := cmp.Diff(want+"\n", body); diff != "" {
		t.Error(diff)
	}
	tag := resp.Header.Get("ETag")
	if resp, body := e.do("GET", reportsPath+"/"+tracking, "", "Authorization", "Bearer oem", "If-None-Match", tag); resp.StatusCode != 304 || body != "" || tag == "" {
		t.Errorf("%d %s for the tag %s", resp.StatusCode, body, tag)
	}
	up.OpenRows = 0
	if resp, _ := e.do("GET", reportsPath+"/"+tracking, "", "Authorization", "Bearer oem", "If-None-Match", tag); resp.StatusCode != 200 {
		t.Errorf("after a change: %d", resp.StatusCode)
	}
	up.Kind = models.UploadRegister
	resp, body = e.do("GET", reportsPath+"/"+tracking, "", "Authorization", "Bearer oem")
	refused(t, resp, body, 404, "upload_not_found")
}
