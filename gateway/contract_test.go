package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/gateway"
	"countersign/gateway/intake"
	"countersign/models"
)

const sdkBody = `{"BatchId":"north depot 07","Devices":[{"Id":null,"SerialNumber":"NB-4471-A","ProductKey":null,"HardwareHash":null,` +
	`"OemManufacturerName":"Fjordtek AS","ModelName":"Skerry 14","Policies":null,"UploadedDate":"0001-01-01T00:00:00",` +
	`"AllowedOperations":null,"Attributes":{"ObjectType":"Device"}}],"Attributes":{"ObjectType":"DeviceBatchCreationRequest"}}`

// raw sends bytes as they are to a real server and returns all it answers.
func raw(t *testing.T, e *edge, request string) string {
	t.Helper()
	srv := httptest.NewServer(e.handler)
	t.Cleanup(srv.Close)
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	answer.Header.Del("Date")
	answer.Header.Del("MS-CV")
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s\n", answer.Proto, answer.Status)
	_ = answer.Header.Write(&out)
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n") + "\n" + string(body)
}

const commonHeaders = `Cache-Control: no-store
%sContent-Security-Policy: default-src 'none'; frame-ancestors 'none'
%sCross-Origin-Resource-Policy: same-origin
%sMs-Correlationid: 8c1d2e3f-0000-4000-8000-00000000c0de
Ms-Requestid: 8c1d2e3f-0000-4000-8000-0000000000a1
Ms-Serverid: replica-a
Referrer-Policy: no-referrer
Strict-Transport-Security: max-age=31536000
X-Content-Type-Options: nosniff
`

const idHeaders = `Authorization: Bearer partner
MS-RequestId: 8c1d2e3f-0000-4000-8000-0000000000a1
MS-CorrelationId: 8c1d2e3f-0000-4000-8000-00000000c0de
`

func TestContract_createBatchAsTheSDKSendsIt(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/v1/customers/" + tenant + "/deviceBatches",
		"/v1//customers/" + tenant + "/DeviceBatches",
		"//V1/Customers/" + strings.ToUpper(tenant) + "/devicebatches/",
	} {
		e := newEdge(t)
		var calls []intake.Call
		var rows []intake.Row
		e.accepts(&calls, &rows)
		got := raw(t, e, "POST "+path+" HTTP/1.1\nHost: gateway.example.com\n"+idHeaders+
			"Accept: application/json\nMS-Contract-Version: v1\nContent-Type: application/json; charset=utf-8\n"+
			fmt.Sprintf("Content-Length: %d\n\n", len(sdkBody))+sdkBody)
		want := "HTTP/1.1 202 Accepted\n" + fmt.Sprintf(commonHeaders, "Content-Length: 0\n", "",
			"Location: /customers/"+tenant+"/batchJobStatus/"+tracking+"\n") + "\n"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if len(calls) != 1 || len(rows) != 1 {
			t.Fatalf("%s: %d calls with %d rows", path, len(calls), len(rows))
		}
		wantCall := intake.Call{
			Caller: intake.Caller{PartnerID: "partner-1", PartnerKind: models.DirectReseller, ClientID: "p-client"},
			Tenant: tenant, BatchName: "north depot 07", Method: "POST", Path: "/v1/customers/" + tenant + "/deviceBatches",
			Key: "8c1d2e3f-0000-4000-8000-0000000000a1", CorrelationID: "8c1d2e3f-0000-4000-8000-00000000c0de", MaxRows: 100_000,
		}
		if diff := cmp.Diff(wantCall, calls[0]); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		wantRow := intake.Row{SerialNumber: "NB-4471-A", Manufacturer: "Fjordtek AS", Model: "Skerry 14"}
		if diff := cmp.Diff(wantRow, rows[0]); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestContract_appendKeepsTheBatchNameAsSent(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"north%20depot%2007": "north depot 07", "50%25+tax": "50%+tax", "a+b": "a+b", "%e7%ab%af": "端",
		"Devices": "Devices", "a%3Fb%3Dc": "a?b=c", "a;b": "a;b",
	} {
		e := newEdge(t)
		var calls []intake.Call
		var rows []intake.Row
		e.accepts(&calls, &rows)
		resp, body := e.do("POST", "/v1/customers/"+tenant+"/DeviceBatches/"+sent+"/Devices", `[{"SerialNumber":"A"},{"SerialNumber":"B"}]`)
		if resp.StatusCode != http.StatusAccepted || len(calls) != 1 || len(rows) != 2 {
			t.Fatalf("%s: %d %s, %d calls", sent, resp.StatusCode, body, len(calls))
		}
		if calls[0].BatchName != want || !calls[0].Append {
			t.Errorf("%s became %q, append %t", sent, calls[0].BatchName, calls[0].Append)
		}
	}
}

func TestContract_csvCreate(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	var calls []intake.Call
	var rows []intake.Row
	e.accepts(&calls, &rows)
	resp, body := e.do("POST", "/v1/customers/"+tenant+"/deviceBatches?BatchID=north%20depot&purchaseOrder=PO-7", "\ufeffDevice Serial Number;Manufacturer name;Device model;Group Tag\nA;F;S;g\n",
		"Content-Type", "text/csv; charset=UTF-8", "Prefer", "respond-async, handling=strict", "Idempotency-Key", `"order-4711"`)
	if resp.StatusCode != http.StatusAccepted || resp.Header.Get("Preference-Applied") != "handling=strict" {
		t.Fatalf("%d %s %v", resp.StatusCode, body, resp.Header)
	}
	want := intake.Call{
		Caller: intake.Caller{PartnerID: "partner-1", PartnerKind: models.DirectReseller, ClientID: "p-client"},
		Tenant: tenant, BatchName: "north depot", Method: "POST", MaxRows: 1_000_000, Strict: true,
		Path: "/v1/customers/" + tenant + "/deviceBatches?batchid=north+depot&purchaseorder=PO-7",
		Key:  "order-4711", CorrelationID: madeUpID, Defaults: models.OrderData{PurchaseOrder: "PO-7"},
	}
	if diff := cmp.Diff(want, calls[0]); diff != "" {
		t.Error(diff)
	}
	if len(rows) != 1 || rows[0].SerialNumber != "A" || rows[0].Order.GroupTag != "g" {
		t.Errorf("rows %+v", rows)
	}
}

func TestContract_replayIsMarked(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.accept = func(intake.Call, intake.Source) (intake.Accepted, error) {
		return intake.Accepted{Location: "/customers/x", Replayed: true}, nil
	}
	resp, _ := e.do("POST", "/v1/customers/"+tenant+"/deviceBatches", sdkBody)
	if resp.StatusCode != http.StatusAccepted || resp.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

// statusRows are three devices: registered, unknown, open.
func statusRows(yield func(intake.RowStatus, error) bool) {
	_ = yield(intake.RowStatus{
		Ordinal: 1, Identity: models.DeviceIdentity{SerialNumber: "NB-1"}, State: models.UploadFinished,
		Outcome: models.OutcomeOf(""), Sentence: "The device is registered to this customer.", DeviceID: "d-1",
	}, nil) && yield(intake.RowStatus{
		Ordinal: 2, Identity: models.DeviceIdentity{ProductKey: "3305123456789"}, State: models.UploadFinishedWithErrors,
		Outcome: models.OutcomeOf(models.OutcomeNotFound), Sentence: "No such <device>.", Warnings: []string{"productKey: trimmed."},
	}, nil) && yield(intake.RowStatus{Ordinal: 3, State: models.UploadProcessing}, nil)
}

func (e *edge) hasUpload(up models.Upload, rows iter.Seq2[intake.RowStatus, error]) {
	e.status = func(scope intake.Scope, id models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error) {
		if id != tracking || scope.Partner != "partner-1" && scope.Tenant != tenant {
			return intake.UploadStatus{}, nil, intake.ErrUploadNotFound
		}
		return intake.UploadStatus{Upload: up, BatchName: "north depot"}, rows, nil
	}
}

func upload() models.Upload {
	return models.Upload{TrackingID: tracking, Kind: models.UploadRegister, State: models.UploadProcessing, StartedAt: &now, RowCount: 3, OpenRows: 1, ErrorRows: 1}
}

func TestContract_batchJobStatus(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.hasUpload(upload(), statusRows)
	got := raw(t, e, "GET /v1//customers/"+tenant+"/batchjobstatus/"+tracking+" HTTP/1.1\nHost: x\n"+idHeaders+"\n")
	const attributes = `"attributes":{"objectType":"DeviceUploadDetails"}}`
	want := "HTTP/1.1 200 OK\n" + fmt.Sprintf(commonHeaders, "Content-Length: 1054\n", "Content-Type: application/json; charset=utf-8\n", "Etag: \"K2maTpLX64ISswuW\"\n") + "\n" +
		`{"batchTrackingId":"` + tracking + `","status":"processing","startedTime":"2031-02-03T10:01:10","completedTime":"0001-01-01T00:00:00","devicesStatus":[` +
		`{"deviceId":"d-1","serialNumber":"NB-1","productKey":null,"status":"finished","errorCode":null,"errorDescription":null,"row":1,` +
		`"outcomeClass":"done","detail":"The device is registered to this customer.","nextActor":"nobody","safeToRepeat":true,` + attributes + `,` +
		`{"deviceId":null,"serialNumber":null,"productKey":"3305123456789","status":"finished_with_errors","errorCode":"812","errorDescription":"ZtdDeviceNotFound","row":2,` +
		`"outcomeClass":"ask_manufacturer","detail":"No such <device>.","nextActor":"manufacturer","safeToRepeat":true,"warnings":["productKey: trimmed."],` + attributes + `,` +
		`{"deviceId":null,"serialNumber":null,"productKey":null,"status":"processing","errorCode":null,"errorDescription":null,"row":3,` + attributes + `],` +
		`"attributes":{"objectType":"BatchUploadDetails"}}` + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBatchJobStatus_unchangedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.hasUpload(upload(), statusRows)
	path := "/v1/customers/" + tenant + "/batchJobStatus/" + tracking
	first, _ := e.do("GET", path, "")
	tag := first.Header.Get("ETag")
	again, body := e.do("GET", path, "", "If-None-Match", `"other", W/`+tag)
	if again.StatusCode != http.StatusNotModified || body != "" || again.Header.Get("ETag") != tag {
		t.Errorf("%d %q %v", again.StatusCode, body, again.Header)
	}
	up := upload()
	up.OpenRows = 0
	e.hasUpload(up, statusRows)
	if changed, _ := e.do("GET", path, "", "If-None-Match", tag); changed.StatusCode != http.StatusOK || changed.Header.Get("ETag") == tag {
		t.Errorf("after another outcome: %d %v", changed.StatusCode, changed.Header)
	}
}

func TestBatchJobStatus_pagesAndClassesAreOptIn(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.hasUpload(upload(), func(func(intake.RowStatus, error) bool) { t.Error("the whole list was read") })
	e.rows = func(_ intake.Scope, filter intake.RowFilter, page intake.Page) ([]intake.RowStatus, string, error) {
		if filter != (intake.RowFilter{Class: models.ClassFixRow}) || page != (intake.Page{Cursor: "abc", Limit: 2}) {
			t.Errorf("asked for %+v, page %+v", filter, page)
		}
		return []intake.RowStatus{{Ordinal: 9, State: models.UploadQueued}}, "next", nil
	}
	path := "/v1/customers/" + tenant + "/batchJobStatus/" + tracking
	_, body := e.do("GET", path+"?size=2&outcome=fix_row", "", "MS-ContinuationToken", "abc")
	if !strings.Contains(body, `"row":9`) || !strings.Contains(body, `"continuationToken":"next"`) {
		t.Error(body)
	}
	_, body = e.do("GET", path+"?size=2&outcome=fix_row&continuationToken=abc", "")
	if !strings.Contains(body, `"row":9`) {
		t.Error(body)
	}
	resp, body := e.do("GET", path+"?outcome=fixrow", "")
	refused(t, resp, body, 400, "invalid_parameter")
}

func TestBatchJobStatus_hugeListIsElsewhere(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(d *gateway.Deps) { d.Limits.StatusRows = 2 })
	e.hasUpload(upload(), func(func(intake.RowStatus, error) bool) { t.Error("the list was read") })
	_, body := e.do("GET", "/v1/customers/"+tenant+"/batchJobStatus/"+tracking, "")
	if !strings.Contains(body, `"devicesStatus":[],"rowsLink":"/v1/uploads/`+tracking+`/rows"`) {
		t.Error(body)
	}
}

func TestBatchJobStatus_earlyFailureIsAWholeAnswer(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.hasUpload(upload(), func(yield func(intake.RowStatus, error) bool) {
		_ = yield(intake.RowStatus{Ordinal: 1}, nil) && yield(intake.RowStatus{}, errors.New("connection lost"))
	})
	resp, body := e.do("GET", "/v1/customers/"+tenant+"/batchJobStatus/"+tracking, "")
	refused(t, resp, body, 500, "internal")
	if resp.Header.Get("ETag") != "" || strings.Contains(body, "connection lost") {
		t.Errorf("%v %s", resp.Header, body)
	}
}

func TestBatchJobStatus_lateFailureBreaksTheConnection(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.hasUpload(upload(), func(yield func(intake.RowStatus, error) bool) {
		for i := range 10_000 {
			if !yield(intake.RowStatus{Ordinal: i + 1}, nil) {
				return
			}
		}
		yield(intake.RowStatus{}, errors.New("connection lost"))
	})
	srv := httptest.NewServer(e.handler)
	defer srv.Close()
	req, _ := http.NewRequest("GET", srv.URL+"/v1/customers/"+tenant+"/batchJobStatus/"+tracking, nil)
	req.Header.Set("Authorization", "Bearer partner")
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("half a list arrived as a whole one")
	}
}
