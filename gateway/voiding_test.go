package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"testing"

	"countersign/gateway/intake"
	"countersign/gateway/wire"
	"countersign/models"
	"countersign/registration"
)

func (e *edge) Void(_ context.Context, call intake.Call, of intake.UploadStatus, devices iter.Seq2[intake.Leaving, error], expected int) (intake.Accepted, error) {
	if e.void == nil {
		return intake.Accepted{}, errUnexpected
	}
	var all []intake.Leaving
	for d, err := range devices {
		if err != nil {
			return intake.Accepted{}, err
		}
		all = append(all, d)
	}
	return e.void(call, of, all, expected)
}

// A preview and a void are about the devices of the upload that the caller may see.
func TestVoid(t *testing.T) {
	t.Parallel()
	for token, scope := range map[string]registration.Scope{
		"partner": {Partner: "partner-1", Tenant: tenant}, "tenant": {Tenant: tenant},
	} {
		e := newEdge(t)
		e.status = func(got intake.Scope, id models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error) {
			if id != tracking || got.Partner != scope.Partner || token == "tenant" && got.Tenant != tenant {
				t.Errorf("%s: upload %s within %+v", token, id, got)
			}
			at := now
			return intake.UploadStatus{Upload: models.Upload{
				TrackingID: tracking, TenantID: tenant, Kind: models.UploadRegister, RowCount: 5, ErrorRows: 2, AcceptedAt: &at,
			}}, nil, nil
		}
		e.find = func(got registration.Scope, f registration.Filter, page registration.Page) ([]registration.Device, string, error) {
			want := registration.Filter{Upload: tracking, State: models.RegistrationActive, Since: now}
			if got != scope || f != want {
				t.Errorf("%s: looked for %+v within %+v", token, f, got)
			}
			n, next := 0, ""
			if page.Cursor == "" {
				next = "more"
			} else {
				n = 1
			}
			device := registration.Device{Registration: models.Registration{ID: models.DeviceID(fmt.Sprintf("device-%d", n))}}
			device.Identity.SerialNumber = "NB-1"
			return []registration.Device{device}, next, nil
		}
		resp, text := e.do("GET", "/v1/uploads/"+tracking+"/void", "", "Authorization", "Bearer "+token)
		var preview wire.VoidPreview
		if err := json.Unmarshal([]byte(text), &preview); err != nil || resp.StatusCode != http.StatusOK ||
			preview != (wire.VoidPreview{TrackingID: tracking, Devices: 2, Rows: wire.RowCounts{Total: 5, WithErrors: 2}}) {
			t.Errorf("%s: %d %s", token, resp.StatusCode, text)
		}
		e.void = func(call intake.Call, of intake.UploadStatus, devices []intake.Leaving, expected int) (intake.Accepted, error) {
			if call.Tenant != tenant || call.Key != "request-1" || call.PartnerID != scope.Partner || of.TrackingID != tracking || expected != 2 {
				t.Errorf("%s: call %+v, %d expected", token, call, expected)
			}
			if len(devices) != 2 || devices[1].ID != "device-1" || devices[0].Identity.SerialNumber != "NB-1" {
				t.Errorf("%s: devices %+v", token, devices)
			}
			return intake.Accepted{TrackingID: "t2", Location: "/uploads/t2"}, nil
		}
		resp, text = e.do("POST", "/v1/uploads/"+tracking+"/void", `{"devices":2}`, "Authorization", "Bearer "+token, "MS-RequestId", "request-1")
		if resp.StatusCode != http.StatusAccepted || resp.Header.Get("Location") != "/uploads/t2" {
			t.Errorf("%s: %d %s", token, resp.StatusCode, text)
		}
		resp, text = e.do("POST", "/v1/uploads/"+tracking+"/void", `{"devices":2,"more":1}`, "Authorization", "Bearer "+token)
		refused(t, resp, text, 400, "body_malformed")
	}
	resp, text := newEdge(t).do("POST", "/v1/uploads/"+tracking+"/void", `{"devices":2}`, "Authorization", "Bearer operator")
	refused(t, resp, text, 403, "wrong_caller")
}
