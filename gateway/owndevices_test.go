package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/gateway/intake"
	"countersign/models"
	"countersign/registration"
)

func TestOwnDevices_registration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ contentType, body string }{
		"list":           {"application/json", `[{"hardwareHash":"T0FA","groupTag":"sales"}]`},
		"object":         {"application/json", `{"devices":[{"HardwareHash":"T0FA","groupTag":"sales"}],"batchId":"ignored"}`},
		"customers' CSV": {"text/csv", "Device Serial Number,Windows Product ID,Hardware Hash,Group Tag\n,,T0FA,sales\n"},
		"lines":          {"application/x-ndjson", `{"hardwareHash":"T0FA","groupTag":"sales"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			var calls []intake.Call
			var rows []intake.Row
			e.accepts(&calls, &rows)
			resp, body := e.do("POST", "/v1/devices?orderNumber=7", c.body, "Authorization", "Bearer tenant", "Content-Type", c.contentType, "Idempotency-Key", "request-1")
			if resp.StatusCode != http.StatusAccepted || body != "" {
				t.Fatalf("%d %s", resp.StatusCode, body)
			}
			call := calls[0]
			if call.PartnerID != "" || call.Tenant != tenant || call.ClientID != "t-client" || call.BatchName != "" || call.Append || call.Key != "request-1" || call.Defaults.OrderNumber != "7" {
				t.Errorf("call %+v", call)
			}
			if len(rows) != 1 || rows[0].HardwareHash != "T0FA" || rows[0].Order.GroupTag != "sales" {
				t.Errorf("rows %+v", rows)
			}
		})
	}
	for token, reason := range map[string]string{"partner": "wrong_caller", "operator": "wrong_caller", "tenant-devices.write": "insufficient_scope"} {
		resp, body := newEdge(t).do("POST", "/v1/devices", `[]`, "Authorization", "Bearer "+token)
		refused(t, resp, body, 403, reason)
	}
	resp, body := newEdge(t).do("POST", "/v1/devices", `a`, "Authorization", "Bearer tenant", "Content-Type", "application/xml")
	refused(t, resp, body, 415, "unsupported_media_type")
}

// A customer's own devices may be compressed like a partner's, in every format.
func TestOwnDevices_compressed(t *testing.T) {
	t.Parallel()
	for media, body := range map[string]string{
		"application/json":     `[{"hardwareHash":"T0FA"}]`,
		"application/x-ndjson": `{"hardwareHash":"T0FA"}`,
		"text/csv":             "Device Serial Number,Windows Product ID,Hardware Hash\n,,T0FA\n",
	} {
		rows, _ := uploaded(t, "/v1/devices", gzipped(t, body), "Authorization", "Bearer tenant", "Content-Type", media, "Content-Encoding", "gzip")
		if len(rows) != 1 || rows[0].HardwareHash != "T0FA" {
			t.Errorf("%s: rows %+v", media, rows)
		}
	}
}

// Whose device it is says for which customer the call is; a partner reaches what it
// registered, a customer all of its own.
func TestOwnDevices_removalAndReplacement(t *testing.T) {
	t.Parallel()
	for token, scope := range map[string]registration.Scope{"partner": {Partner: "partner-1"}, "tenant": {Tenant: tenant}} {
		e := newEdge(t)
		e.device = func(got registration.Scope, id models.DeviceID) (registration.Device, error) {
			if got != scope || id != deviceID {
				t.Errorf("%s: device %s within %+v", token, id, got)
			}
			return registration.Device{Registration: models.Registration{ID: id, TenantID: tenant, TrackingID: tracking}}, nil
		}
		want := intake.Registered{ID: deviceID, Upload: tracking}
		accepted := intake.Accepted{TrackingID: tracking, Location: "/v1/uploads/" + tracking}
		e.removeDevice = func(call intake.Call, device intake.Registered) (intake.Accepted, error) {
			if call.Tenant != tenant || call.PartnerID != scope.Partner || device != want || call.Path != "/v1/devices/"+deviceID {
				t.Errorf("%s: call %+v about %+v", token, call, device)
			}
			return accepted, nil
		}
		e.replace = func(call intake.Call, device intake.Registered, row intake.Row) (intake.Accepted, error) {
			wantRow := intake.Row{HardwareHash: "T0FA", Order: models.OrderData{OrderNumber: "RMA 7"}}
			if diff := cmp.Diff(wantRow, row); diff != "" || call.Tenant != tenant || device != want {
				t.Errorf("%s: call %+v about %+v: %s", token, call, device, diff)
			}
			return accepted, nil
		}
		upper := strings.ToUpper(deviceID)
		for _, call := range [][]string{{"DELETE", "/v1/devices/" + upper, ""}, {"POST", "/v1/devices/" + upper + "/replace", `{"hardwareHash":"T0FA","orderNumber":"RMA 7"}`}} {
			resp, body := e.do(call[0], call[1], call[2], "Authorization", "Bearer "+token)
			if resp.StatusCode != http.StatusAccepted || resp.Header.Get("Location") != accepted.Location {
				t.Errorf("%s %s: %d %s", token, call[0], resp.StatusCode, body)
			}
		}
		e.device = func(registration.Scope, models.DeviceID) (registration.Device, error) {
			return registration.Device{}, registration.ErrNoDevice
		}
		for path, status := range map[string]int{"/v1/devices/" + deviceID: 404, "/v1/devices/x": 404, "/v1/devices/" + deviceID + "?force=1": 400} {
			resp, body := e.do("DELETE", path, "", "Authorization", "Bearer "+token)
			refused(t, resp, body, status, map[int]string{404: "device_not_found", 400: "invalid_parameter"}[status])
		}
		resp, body := e.do("POST", "/v1/devices/"+deviceID+"/replace", `{"hash":"x"}`, "Authorization", "Bearer "+token)
		refused(t, resp, body, 404, "device_not_found")
	}
	resp, body := newEdge(t).do("DELETE", "/v1/devices/"+deviceID, "", "Authorization", "Bearer operator")
	refused(t, resp, body, 403, "wrong_caller")
}
