package gateway_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/models"
)

func TestListBatches(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.batches = func(scope intake.Scope) iter.Seq2[models.Batch, error] {
		return func(yield func(models.Batch, error) bool) {
			if scope != (intake.Scope{Partner: "partner-1", Tenant: tenant}) {
				yield(models.Batch{}, fmt.Errorf("scope %+v", scope))
				return
			}
			yield(models.Batch{Name: "north depot/50%", PartnerID: "partner-1", DevicesCount: 7, CreatedAt: now}, nil)
		}
	}
	_, body := e.do("GET", "/v1/customers/"+strings.ToUpper(tenant)+"/DeviceBatches", "")
	want := `{"items":[{"id":"north depot/50%","createdBy":"partner-1","creationDate":"2031-02-03T10:01:10","devicesCount":7,` +
		`"devicesLink":{"uri":"/customers/` + tenant + `/deviceBatches/north%20depot%2F50%25/devices","method":"GET","headers":[]},` +
		`"attributes":{"objectType":"DeviceBatch"}}],"totalCount":1,"attributes":{"objectType":"Collection"}}` + "\n"
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	e.batches = nil
	resp, body := e.do("GET", "/v1/customers/"+tenant+"/deviceBatches", "")
	refused(t, resp, body, 500, "internal")
}

func TestListDevices(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.devices = func(scope intake.Scope, name string, page intake.Page) ([]intake.Device, string, error) {
		if scope.Partner != "partner-1" || scope.Tenant != tenant || name != "north depot" || page != (intake.Page{Cursor: "abc", Limit: 1000}) {
			return nil, "", fmt.Errorf("asked %+v %q %+v", scope, name, page)
		}
		return []intake.Device{{ID: "d-1", Identity: models.DeviceIdentity{SerialNumber: "NB-1", Model: "Skerry"}, RegisteredAt: now}}, "def", nil
	}
	_, body := e.do("GET", "/v1/customers/"+tenant+"/deviceBatches/north%20depot/devices?size=5000", "", "MS-ContinuationToken", "abc")
	uri := `"/customers/` + tenant + `/deviceBatches/north%20depot/devices"`
	want := `{"totalCount":1,"items":[{"id":"d-1","serialNumber":"NB-1","productKey":null,"hardwareHash":null,"modelName":"Skerry","oemManufacturerName":null,` +
		`"policies":[],"uploadedDate":"2031-02-03T10:01:10","allowedOperations":["DELETE"],"attributes":{"objectType":"Device"}}],` +
		`"links":{"self":{"uri":` + uri + `,"method":"GET","headers":[]},"next":{"uri":` + uri + `,"method":"GET","headers":[{"key":"MS-ContinuationToken","value":"def"}]}},` +
		`"continuationToken":"def","attributes":{"objectType":"Collection"}}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
}

func TestRemoveDevice(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.remove = func(call intake.Call, batch string, device models.DeviceID) (intake.Accepted, error) {
		if batch != "b 1" || device != madeUpID || call.Tenant != tenant || call.Method != "DELETE" || call.Key != "8c1d2e3f-0000-4000-8000-0000000000a1" {
			t.Errorf("asked %q %q %+v", batch, device, call)
		}
		return intake.Accepted{Location: "/customers/x/batchJobStatus/y"}, nil
	}
	resp, body := e.do("DELETE", "/v1/customers/"+tenant+"/deviceBatches/b%201/devices/"+madeUpID, "", "MS-RequestId", "8c1d2e3f-0000-4000-8000-0000000000a1")
	if resp.StatusCode != 204 || body != "" || resp.Header.Get("Location") != "/customers/x/batchJobStatus/y" {
		t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
	}
}

func TestCustomers(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	contoso := consent.Customer{ID: tenant, Name: "Contoso", Domain: "contoso.com"}
	e.customers = func(partner models.PartnerID, cursor string, limit int) ([]consent.Customer, string, error) {
		if partner != "partner-1" || cursor != "abc" || limit != 40 {
			return nil, "", fmt.Errorf("asked %s %s %d", partner, cursor, limit)
		}
		return []consent.Customer{contoso}, "def", nil
	}
	e.customer = func(models.PartnerID, models.TenantID) (consent.Customer, error) { return contoso, nil }
	one := `{"id":"` + tenant + `","companyProfile":{"tenantId":"` + tenant + `","domain":"contoso.com","companyName":"Contoso","attributes":{"objectType":"CustomerCompanyProfile"}},` +
		`"relationshipToPartner":"reseller",%s"associatedPartnerId":null,"attributes":{"objectType":"Customer"}}`
	_, body := e.do("GET", "/v1/customers?size=40&seekOperation=Next", "", "MS-ContinuationToken", "abc")
	want := `{"totalCount":1,"items":[` + fmt.Sprintf(one, "") + `],"links":{"self":{"uri":"/customers","method":"GET","headers":[]},` +
		`"next":{"uri":"/customers","method":"GET","headers":[{"key":"MS-ContinuationToken","value":"def"}]}},"continuationToken":"def","attributes":{"objectType":"Collection"}}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	_, body = e.do("GET", "/v1/customers/"+tenant, "")
	if diff := cmp.Diff(fmt.Sprintf(one, `"allowDelegatedAccess":false,`), body); diff != "" {
		t.Error(diff)
	}
}

func TestUploads_scopeIsTheCallers(t *testing.T) {
	t.Parallel()
	const other = "99999999-9999-4999-8999-999999999999"
	for _, c := range []struct {
		token, query string
		want         intake.Scope
	}{
		{"partner", "", intake.Scope{Partner: "partner-1"}},
		{"partner", "?tenant=" + other + "&partner=" + other, intake.Scope{Partner: "partner-1", Tenant: other}},
		{"tenant", "?tenant=" + other + "&partner=" + other, intake.Scope{Partner: other, Tenant: tenant}},
		{"operator", "?tenant=" + other, intake.Scope{Tenant: other}},
		{"operator", "?Partner=" + other, intake.Scope{Partner: other}},
	} {
		e := newEdge(t)
		got := map[string]intake.Scope{}
		e.uploads = func(scope intake.Scope, _ intake.UploadFilter, _ intake.Page) ([]intake.UploadStatus, string, error) {
			got["list"] = scope
			return nil, "", nil
		}
		e.status = func(scope intake.Scope, _ models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error) {
			got["one"] = scope
			return intake.UploadStatus{}, nil, nil
		}
		e.rows = func(scope intake.Scope, _ intake.RowFilter, _ intake.Page) ([]intake.RowStatus, string, error) {
			got["rows"] = scope
			return nil, "", nil
		}
		for _, path := range []string{"/v1/uploads", "/v1/uploads/" + tracking, "/v1/uploads/" + tracking + "/rows"} {
			if resp, body := e.do("GET", path+c.query, "", "Authorization", "Bearer "+c.token); resp.StatusCode != 200 {
				t.Errorf("%s %s%s: %d %s", c.token, path, c.query, resp.StatusCode, body)
			}
		}
		if diff := cmp.Diff(map[string]intake.Scope{"list": c.want, "one": c.want, "rows": c.want}, got); diff != "" {
			t.Errorf("%s %s: %s", c.token, c.query, diff)
		}
	}
	resp, body := newEdge(t).do("GET", "/v1/uploads", "", "Authorization", "Bearer operator")
	refused(t, resp, body, 400, "invalid_parameter")
}

func TestUploads_shapes(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	up := upload()
	up.PartnerID, up.TenantID, up.RequestID, up.AcceptedAt = "partner-1", tenant, "r", &now
	e.uploads = func(_ intake.Scope, filter intake.UploadFilter, page intake.Page) ([]intake.UploadStatus, string, error) {
		want := intake.UploadFilter{
			State: models.UploadFinished, Since: now, Until: now.Add(time.Hour), Batch: "a b",
			Kind: models.UploadRegister, Order: "4711 ä", RequestID: "r", CorrelationID: "c", ReportID: "rep",
		}
		if diff := cmp.Diff(want, filter); diff != "" || page != (intake.Page{Cursor: "abc", Limit: 100}) {
			return nil, "", errors.New(diff)
		}
		return []intake.UploadStatus{{Upload: up, BatchName: "a b"}}, "d/f", nil
	}
	resp, body := e.do("GET", "/v1/uploads?state=finished&since=2031-02-03T11:01:10%2B01:00&until=2031-02-03T11:01:10Z&batch=a+b&kind=register&order=4711+%C3%A4&requestId=r&correlationId=c&reportId=REP&cursor=abc", "")
	one := `{"trackingId":"` + tracking + `","kind":"register","state":"processing","partnerId":"partner-1","tenantId":"` + tenant + `","batchName":"a b",` +
		`"rows":{"total":3,"open":1,"withErrors":1},"requestId":"r","acceptedAt":"2031-02-03T10:01:10Z","startedAt":"2031-02-03T10:01:10Z","rowsLink":"/v1/uploads/` + tracking + `/rows"}`
	if diff := cmp.Diff(`{"items":[`+one+`],"nextCursor":"d/f"}`, body); diff != "" {
		t.Error(diff)
	}
	if link := resp.Header.Get("Link"); !strings.HasPrefix(link, "</v1/uploads?batch=a+b&correlationId=c&cursor=d%2Ff&") || !strings.HasSuffix(link, `>; rel="next"`) {
		t.Errorf("Link %q", link)
	}
	e.rows = func(_ intake.Scope, filter intake.RowFilter, _ intake.Page) ([]intake.RowStatus, string, error) {
		if want := (intake.RowFilter{Class: intake.FailedRows, ErrorCode: "808", SerialNumber: "s", ProductKey: "k"}); filter != want {
			return nil, "", fmt.Errorf("asked for %+v", filter)
		}
		return []intake.RowStatus{
			{
				Ordinal: 2, Identity: models.DeviceIdentity{SerialNumber: "s", Manufacturer: "m", Model: "o"}, Order: models.OrderData{GroupTag: "g"},
				State: models.UploadFinishedWithErrors, Outcome: models.OutcomeOf("808"), Sentence: "Elsewhere.", SettledAt: &now,
			},
			{Ordinal: 3, State: models.UploadQueued, Outcome: models.OutcomeOf("")},
		}, "", nil
	}
	_, body = e.do("GET", "/v1/uploads/"+tracking+"/rows?outcome=failed&errorCode=808&serialNumber=s&ProductKey=k", "")
	want := `{"items":[{"row":2,"status":"finished_with_errors","serialNumber":"s","oemManufacturerName":"m","modelName":"o","groupTag":"g","errorCode":"808",` +
		`"errorDescription":"ZtdDeviceAssignedToOtherTenant","outcomeClass":"dispute","detail":"Elsewhere.","nextActor":"operator","safeToRepeat":true,"settledAt":"2031-02-03T10:01:10Z"},` +
		`{"row":3,"status":"queued"}]}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
}

func TestDispatches(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.stopped = func(after int64, limit int) ([]models.Dispatch, error) {
		if after != 4 || limit != 2 {
			return nil, fmt.Errorf("asked %d %d", after, limit)
		}
		return []models.Dispatch{
			{ID: 5, State: models.DispatchStopped, Kind: models.UploadRegister, PartnerID: "p", TenantID: "t", FirstOrdinal: 1, LastOrdinal: 500, Attempt: 3, LastError: "no", CreatedAt: now},
			{ID: 6},
		}, nil
	}
	_, body := e.do("GET", "/v1/dispatches?state=stopped&limit=1&cursor=4", "", "Authorization", "Bearer operator")
	want := `{"items":[{"id":5,"state":"stopped","kind":"register","partnerId":"p","tenantId":"t","firstRow":1,"lastRow":500,"attempts":3,"lastError":"no","createdAt":"2031-02-03T10:01:10Z"}],"nextCursor":"5"}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	for query, reason := range map[string]string{"": "invalid_parameter", "?state=ready": "invalid_parameter", "?state=stopped&cursor=x": "invalid_cursor", "?state=stopped&cursor=-1": "invalid_cursor"} {
		resp, body := e.do("GET", "/v1/dispatches"+query, "", "Authorization", "Bearer operator")
		refused(t, resp, body, 400, reason)
	}
	e.restart = func(id int64) error {
		if id != 5 {
			return errUnexpected
		}
		return nil
	}
	if resp, _ := e.do("POST", "/v1/dispatches/5/restart", "", "Authorization", "Bearer operator"); resp.StatusCode != 204 {
		t.Errorf("restart: %d", resp.StatusCode)
	}
	resp, body := e.do("POST", "/v1/dispatches/x/restart", "", "Authorization", "Bearer operator")
	refused(t, resp, body, 404, "dispatch_not_found")
}
