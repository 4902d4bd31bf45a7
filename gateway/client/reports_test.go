package client_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func TestSubmitReport_repeatsWithTheSameIDAndBody(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.inTurn("POST /v1/oem/buildReports", dropped, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/oem/buildReports/track-9")
		w.Header().Set("Idempotency-Replayed", "true")
		w.WriteHeader(http.StatusAccepted)
	})
	got, err := g.client(t).SubmitReport(context.Background(), client.ReportSubmission{
		Order: wire.OrderData{OrderNumber: "4711"}, SoldTo: "p1", RequestID: "r-1",
		Body: client.BytesBody(client.NDJSON, []byte("{\"productKey\":\"33\"}\n")),
	})
	if err != nil || got.TrackingID != "track-9" || !got.Replayed {
		t.Fatalf("%+v, %v", got, err)
	}
	calls := g.calls()
	if len(calls) != 2 {
		t.Fatalf("%d calls", len(calls))
	}
	for _, c := range calls {
		if c.body != "{\"productKey\":\"33\"}\n" || c.URL.RawQuery != "orderNumber=4711&soldTo=p1" ||
			c.Header.Get("Content-Type") != "application/x-ndjson" || c.Header.Get("MS-RequestId") != "r-1" {
			t.Errorf("body %q, query %q, header %v", c.body, c.URL.RawQuery, c.Header)
		}
	}
}

func TestReportBody_isWhatTheGatewayReads(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.inTurn("POST /v1/oem/buildReports", accepted)
	body, err := client.ReportBody(wire.BuildReport{CustomerReportUniqueID: "day 7", Keys: []wire.BuildReportKey{{ProductKey: "33"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.client(t).SubmitReport(context.Background(), client.ReportSubmission{Body: body}); err != nil {
		t.Fatal(err)
	}
	if c := g.calls()[0]; c.body != `{"customerReportUniqueId":"day 7","keys":[{"productKey":"33"}]}` || c.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%q as %q", c.body, c.Header.Get("Content-Type"))
	}
}

func TestBuildReport_readsTheAcknowledgement(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.mux.HandleFunc("GET /v1/oem/buildReports/{id}", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, wire.BuildReportAcknowledgement{TrackingID: r.PathValue("id"), State: "finished", Keys: []wire.UploadRow{{Row: 1}}})
	})
	ack, err := g.client(t).BuildReport(context.Background(), "track 9")
	if err != nil || ack.TrackingID != "track 9" || len(ack.Keys) != 1 {
		t.Errorf("%+v, %v", ack, err)
	}
}

func TestSubmit_expectedDomainAndNDJSON(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.inTurn("POST /v1/customers/t1/deviceBatches", accepted)
	_, err := g.client(t).Submit(context.Background(), client.Submission{
		Tenant: "t1", Batch: "b", ExpectedDomain: "fabrikam.example", Body: client.BytesBody(client.NDJSON, []byte("{}\n")),
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := g.calls()[0]; c.URL.RawQuery != "batchId=b&expectedDomain=fabrikam.example" || c.Header.Get("Content-Type") != client.NDJSON {
		t.Errorf("query %q, header %v", c.URL.RawQuery, c.Header)
	}
}

func TestUploads_canBeFoundByWhatOneRemembers(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.mux.HandleFunc("GET /v1/uploads", func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, wire.NewPage[wire.Upload](nil, "")) })
	f := client.UploadFilter{Kind: "report", Order: "PO 4711", RequestID: "r", CorrelationID: "c", ReportID: "day 7"}
	if _, _, err := client.Collect(g.client(t).Uploads(context.Background(), f), 0); err != nil {
		t.Fatal(err)
	}
	if q := g.calls()[0].URL.RawQuery; q != "correlationId=c&kind=report&limit=1000&order=PO+4711&reportId=day+7&requestId=r" {
		t.Errorf("query %q", q)
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.mux.HandleFunc("GET /v1/devices", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") == "" {
			reply(w, 200, wire.NewPage([]wire.RegisteredDevice{{ID: "d1"}}, "next"))
			return
		}
		reply(w, 200, wire.NewPage([]wire.RegisteredDevice{{ID: "d2"}}, ""))
	})
	g.mux.HandleFunc("GET /v1/devices/{id}", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, wire.RegisteredDevice{ID: r.PathValue("id"), History: []wire.DeviceEvent{{Kind: "registered"}}})
	})
	g.mux.HandleFunc("GET /v1/devices/{id}/history", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, wire.NewPage([]wire.DeviceEvent{{Kind: "registered"}, {Kind: "removed"}}, ""))
	})
	c := g.client(t)
	f := client.DeviceFilter{
		Owner: client.Owner{Tenant: "t1", Partner: "p1"}, SerialNumber: "S 1", ProductKey: "33", GroupTag: "north", State: "active",
		Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Until: time.Date(2026, 2, 2, 3, 4, 5, 0, time.UTC),
	}
	devices, _, err := client.Collect(c.Devices(context.Background(), f), 0)
	if err != nil || len(devices) != 2 || devices[1].ID != "d2" {
		t.Errorf("%+v, %v", devices, err)
	}
	const want = "cursor=next&groupTag=north&limit=1000&partner=p1&productKey=33&serialNumber=S+1" +
		"&since=2026-01-02T03%3A04%3A05Z&state=active&tenant=t1&until=2026-02-02T03%3A04%3A05Z"
	if q := g.calls()[1].URL.RawQuery; q != want {
		t.Errorf("query %q", q)
	}
	device, err := c.Device(context.Background(), "d 1")
	if err != nil || device.ID != "d 1" || len(device.History) != 1 {
		t.Errorf("%+v, %v", device, err)
	}
	events, _, err := client.Collect(c.DeviceHistory(context.Background(), "d1"), 0)
	if err != nil || len(events) != 2 || events[1].Kind != "removed" {
		t.Errorf("%+v, %v", events, err)
	}
}
