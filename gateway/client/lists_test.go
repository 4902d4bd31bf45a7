package client_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func TestUploadRows_walksThePages(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.mux.HandleFunc("GET /v1/uploads/u/rows", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			reply(w, 200, wire.NewPage([]wire.UploadRow{{Row: 1}, {Row: 2}}, "c2"))
		case "c2":
			reply(w, 200, wire.NewPage([]wire.UploadRow{{Row: 3}}, ""))
		}
	})
	rows, more, err := client.Collect(g.client(t).UploadRows(context.Background(), client.Owner{Partner: "p1"}, "u", client.RowFilter{Outcome: "fix_row", SerialNumber: "S 1", ProductKey: "33", ErrorCode: "803"}), 0)
	if err != nil || more || len(rows) != 3 || rows[2].Row != 3 {
		t.Fatalf("%v, %v, %v", rows, more, err)
	}
	if q := g.calls()[1].URL.Query(); q.Get("outcome") != "fix_row" || q.Get("partner") != "p1" || q.Get("limit") != "1000" ||
		q.Get("serialNumber") != "S 1" || q.Get("productKey") != "33" || q.Get("errorCode") != "803" {
		t.Errorf("second page asked with %v", q)
	}
	first, more, err := client.Collect(g.client(t).UploadRows(context.Background(), client.Owner{Partner: "p1"}, "u", client.RowFilter{}), 2)
	if err != nil || !more || len(first) != 2 {
		t.Errorf("%v, %v, %v", first, more, err)
	}
}

func TestBatchDevices_followsTheContinuationToken(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.mux.HandleFunc("GET /v1/customers/t1/deviceBatches/{batch}/devices", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("MS-ContinuationToken") == "" {
			reply(w, 200, wire.NewCollection([]wire.Device{{ID: r.PathValue("batch")}}, "/self", "next-1"))
			return
		}
		reply(w, 200, wire.NewCollection([]wire.Device{{ID: r.Header.Get("MS-ContinuationToken")}}, "/self", ""))
	})
	devices, _, err := client.Collect(g.client(t).BatchDevices(context.Background(), "t1", "north depot 50%"), 0)
	if err != nil || len(devices) != 2 || devices[0].ID != "north depot 50%" || devices[1].ID != "next-1" {
		t.Errorf("%+v, %v", devices, err)
	}
}

func TestLists_stopAtTheFirstError(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.inTurn("GET /v1/uploads", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, wire.NewPage([]wire.Upload{{TrackingID: "u1"}}, "c"))
	}, refuse("invalid_cursor"))
	filter := client.UploadFilter{Owner: client.Owner{Tenant: "t1"}, State: "finished", Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))}
	uploads, _, err := client.Collect(g.client(t).Uploads(context.Background(), filter), 0)
	var refusal *client.APIError
	if len(uploads) != 1 || !errors.As(err, &refusal) {
		t.Errorf("%v, %v", uploads, err)
	}
	if q := g.calls()[0].URL.Query(); q.Get("since") != "2026-01-02T02:04:05Z" || q.Get("tenant") != "t1" || q.Get("state") != "finished" || q.Has("until") {
		t.Errorf("query %v", q)
	}
}

func TestReads_areRepeatedWhenTheAnswerBreaksOff(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.inTurn("GET /v1/uploads/u", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"trackingId":`))
	}, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, wire.Upload{TrackingID: "u", State: "finished"})
	})
	upload, err := g.client(t).Upload(context.Background(), client.Owner{}, "u")
	if err != nil || upload.State != "finished" {
		t.Errorf("%+v, %v", upload, err)
	}
}

func TestNewRequestID_isARandomUUID(t *testing.T) {
	t.Parallel()
	a, b := client.NewRequestID(), client.NewRequestID()
	if len(a) != 36 || a[14] != '4' || a == b {
		t.Errorf("%q and %q", a, b)
	}
}

func TestRemoveDevice_namesTheUploadThatTellsTheOutcome(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.inTurn("DELETE /v1/customers/t1/deviceBatches/{batch}/devices/d1", dropped, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/customers/t1/batchJobStatus/"+r.PathValue("batch"))
		w.Header().Set("Idempotency-Replayed", "true")
		w.WriteHeader(http.StatusNoContent)
	})
	got, err := g.client(t).RemoveDevice(context.Background(), "t1", "b", "d1", "id-of-the-caller")
	if err != nil || got.TrackingID != "b" || !got.Replayed {
		t.Fatalf("%+v, %v", got, err)
	}
	if calls := g.calls(); len(calls) != 2 || calls[1].Header.Get("MS-RequestId") != "id-of-the-caller" {
		t.Errorf("%d calls", len(calls))
	}
}
