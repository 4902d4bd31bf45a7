package gateway_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/models"
	"countersign/registration"
)

const (
	deviceID = "01930000-0000-7000-8000-000000000001"
	other    = "99999999-9999-4999-8999-999999999999"
)

func aDevice() registration.Device {
	return registration.Device{
		Registration: models.Registration{
			ID: deviceID, IdentityID: 4711, TenantID: tenant, State: models.RegistrationEnded, Authority: models.ByGrant,
			PartnerID: "partner-1", ClientID: "p-client", GrantID: grantID, TrackingID: tracking, Ordinal: 7,
			GroupTag: "kiosk", RegisteredAt: now, EndedAt: &now,
		},
		Order:      models.OrderData{GroupTag: "kiosk", PurchaseOrder: "PO 7"},
		Identity:   models.DeviceIdentity{SerialNumber: "NB-1", ProductKey: "3305123456789", Manufacturer: "Fjordtek", Model: "Skerry", Hash: []byte("secret")},
		CapturedAt: now,
	}
}

const aDeviceJSON = `"id":"` + deviceID + `","tenantId":"` + tenant + `","state":"ended","serialNumber":"NB-1","productKey":"3305123456789",` +
	`"oemManufacturerName":"Fjordtek","modelName":"Skerry","purchaseOrder":"PO 7","groupTag":"kiosk","registeredBy":"grant","partnerId":"partner-1",` +
	`"grantId":"` + grantID + `","trackingId":"` + tracking + `","row":7,"registeredAt":"2031-02-03T10:01:10Z","endedAt":"2031-02-03T10:01:10Z","capturedAt":"2031-02-03T10:01:10Z"`

func TestDevices_scopeIsTheCallers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		token, query string
		want         registration.Scope
	}{
		{"partner", "", registration.Scope{Partner: "partner-1"}},
		{"partner", "?tenant=" + other + "&partner=" + other, registration.Scope{Partner: "partner-1", Tenant: other}},
		{"tenant", "", registration.Scope{Tenant: tenant}},
		{"tenant", "?tenant=" + other + "&partner=" + strings.ToUpper(other), registration.Scope{Partner: other, Tenant: tenant}},
		{"operator", "?tenant=" + other, registration.Scope{Tenant: other}},
		{"operator", "?Partner=" + other, registration.Scope{Partner: other}},
	} {
		e := newEdge(t)
		var got []registration.Scope
		e.find = func(scope registration.Scope, _ registration.Filter, _ registration.Page) ([]registration.Device, string, error) {
			got = append(got, scope)
			return nil, "", nil
		}
		e.device = func(scope registration.Scope, _ models.DeviceID) (registration.Device, error) {
			got = append(got, scope)
			return aDevice(), nil
		}
		e.story = func(scope registration.Scope, _ models.DeviceID, _ registration.Page) ([]models.DeviceEvent, string, error) {
			got = append(got, scope)
			return nil, "", nil
		}
		for _, path := range []string{"/v1/devices", "/v1/devices/" + deviceID, "/v1/devices/" + deviceID + "/history"} {
			if resp, body := e.do("GET", path+c.query, "", "Authorization", "Bearer "+c.token); resp.StatusCode != 200 {
				t.Errorf("%s %s%s: %d %s", c.token, path, c.query, resp.StatusCode, body)
			}
		}
		if want := []registration.Scope{c.want, c.want, c.want, c.want}; !slices.Equal(got, want) {
			t.Errorf("%s %s: %v, want %v", c.token, c.query, got, want)
		}
	}
	for _, path := range []string{"/v1/devices", "/v1/devices/" + deviceID, "/v1/devices/" + deviceID + "/history"} {
		resp, body := newEdge(t).do("GET", path, "", "Authorization", "Bearer operator")
		refused(t, resp, body, 400, "invalid_parameter")
	}
}

func TestDevices_list(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	var asked registration.Filter
	var page registration.Page
	e.find = func(_ registration.Scope, f registration.Filter, p registration.Page) ([]registration.Device, string, error) {
		asked, page = f, p
		return []registration.Device{aDevice()}, "d/f", nil
	}
	resp, body := e.do("GET", "/v1/devices?SerialNumber=+nb-1&productKey=3305123456789&groupTag=a+b&state=ended&since=2031-02-03T11:01:10%2B01:00&until=2031-02-03T11:01:10Z&Cursor=abc&limit=5000", "")
	want := registration.Filter{Serial: "nb-1", ProductKey: "3305123456789", GroupTag: "a b", State: models.RegistrationEnded, Since: now, Until: now.Add(time.Hour)}
	if diff := cmp.Diff(want, asked); diff != "" || page != (registration.Page{Cursor: "abc", Limit: 1000}) {
		t.Errorf("page %+v, filter %s", page, diff)
	}
	if diff := cmp.Diff(`{"items":[{`+aDeviceJSON+`}],"nextCursor":"d/f"}`, body); diff != "" {
		t.Error(diff)
	}
	link, ok := strings.CutSuffix(resp.Header.Get("Link"), `>; rel="next"`)
	if !ok || !strings.HasPrefix(link, "</v1/devices?") || strings.Contains(link, "abc") {
		t.Errorf("Link %q", resp.Header.Get("Link"))
	}
	first := asked
	if resp, body := e.do("GET", strings.TrimPrefix(link, "<"), ""); resp.StatusCode != 200 || page.Cursor != "d/f" || asked != first {
		t.Errorf("the link leads to %d %s with %+v %+v", resp.StatusCode, body, page, asked)
	}
	for query, state := range map[string]models.RegistrationState{"": models.RegistrationActive, "?state=active": models.RegistrationActive, "?state=all": ""} {
		e.do("GET", "/v1/devices"+query, "")
		if asked != (registration.Filter{State: state}) {
			t.Errorf("%q asks for %+v", query, asked)
		}
	}
}

func TestDevices_oneWithItsHistory(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.device = func(_ registration.Scope, id models.DeviceID) (registration.Device, error) {
		if id != deviceID {
			return registration.Device{}, registration.ErrNoDevice
		}
		return aDevice(), nil
	}
	next := "n/1"
	e.story = func(_ registration.Scope, id models.DeviceID, page registration.Page) ([]models.DeviceEvent, string, error) {
		if id != deviceID {
			return nil, "", registration.ErrNoDevice
		}
		if page != (registration.Page{Limit: 100}) && page != (registration.Page{Cursor: "n/1", Limit: 2}) {
			return nil, "", fmt.Errorf("asked %+v", page)
		}
		return []models.DeviceEvent{
			{ID: 1, IdentityID: 4711, DeviceID: deviceID, Kind: models.DeviceRegistered, TenantID: tenant, PartnerID: "partner-1", ClientID: "p-client", GrantID: grantID, TrackingID: tracking, Ordinal: 7, At: now},
			{ID: 2, IdentityID: 4711, Kind: models.DeviceContested, TenantID: tenant, TrackingID: tracking, Ordinal: 8, Reason: "rule 3", At: now},
		}, next, nil
	}
	events := `[{"at":"2031-02-03T10:01:10Z","kind":"registered","deviceId":"` + deviceID + `","partnerId":"partner-1","tenantId":"` + tenant + `","trackingId":"` + tracking + `","row":7},` +
		`{"at":"2031-02-03T10:01:10Z","kind":"contested","tenantId":"` + tenant + `","trackingId":"` + tracking + `","row":8,"reason":"rule 3"}]`
	_, body := e.do("GET", "/v1/devices/"+strings.ToUpper(deviceID)+"?tenant="+tenant, "")
	want := `{` + aDeviceJSON + `,"history":` + events + `,"historyLink":"/v1/devices/` + deviceID + `/history?cursor=n%2F1\u0026tenant=` + tenant + `"}`
	if diff := cmp.Diff(strings.ReplaceAll(want, `\u0026`, "&"), body); diff != "" {
		t.Error(diff)
	}
	resp, body := e.do("GET", "/v1/devices/"+deviceID+"/history?cursor=n%2F1&limit=2", "")
	if diff := cmp.Diff(`{"items":`+events+`,"nextCursor":"n/1"}`, body); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(resp.Header.Get("Link"), `rel="next"`) {
		t.Errorf("Link %q", resp.Header.Get("Link"))
	}
	next = ""
	if _, body = e.do("GET", "/v1/devices/"+deviceID, ""); strings.Contains(body, "historyLink") {
		t.Errorf("a link to nothing: %s", body)
	}

	// Foreign, unknown and impossible ids are one answer.
	for _, tail := range []string{"", "/history"} {
		resp, unknown := e.do("GET", "/v1/devices/"+other+tail, "")
		refused(t, resp, unknown, 404, "device_not_found")
		for _, id := range []string{"x", "4711", "'%20OR%201=1%20--", "%25", deviceID + "0", "..."} {
			resp, body := e.do("GET", "/v1/devices/"+id+tail, "")
			if resp.StatusCode != 404 || body != unknown {
				t.Errorf("%s%s: %d %s\nwant %s", id, tail, resp.StatusCode, body, unknown)
			}
		}
	}
}

func TestDevices_badParameters(t *testing.T) {
	t.Parallel()
	const key = "ABCDE-12345-fghij-67890-KLMNO"
	for query, names := range map[string]string{
		"state=gone": "state", "since=yesterday": "since", "until=2031-02-03T10:00:00": "until", "limit=0": "limit", "limit=x": "limit",
		"tenant=x": "tenant", "partner='": "partner", "productKey=330512345678": "productKey", "productKey=%25": "productKey",
		"productKey=ABCDE12345fghij67890KLMNO": "productKey", "serialNumber=a%00b": "serialNumber", "serialNumber=%FF": "serialNumber",
		"serialNumber=+": "serialNumber", "groupTag=a%0Ab": "groupTag", "groupTag=a&GroupTag=b": "grouptag", "serial=NB-1": "serial",
		"serialNumber=%zz": "query", "serialNumber=a;b": "query", "batch=x": "batch", "serialNumber=" + strings.Repeat("x", 1025): "serialnumber",
		"serialNumber=" + key: "serialnumber", "groupTag=key+" + key: "grouptag", "cursor=" + key: "cursor", "limit=" + key: "limit",
		key + "=1": "query", "serialNumber=a&serialNumber=" + key: "serialnumber", "unknown=" + url.QueryEscape("x "+key): "unknown",
	} {
		e := newEdge(t)
		resp, body := e.do("GET", "/v1/devices?"+query, "")
		refused(t, resp, body, 400, "invalid_parameter")
		if !strings.Contains(body, `"field":"`+names+`"`) {
			t.Errorf("%s: the answer names something else than %s: %s", query, names, body)
		}
		for where, text := range map[string]string{"answer": body, "log": e.log.String(), "headers": fmt.Sprint(resp.Header)} {
			if text = strings.ToLower(text); strings.Contains(text, "fghij") {
				t.Errorf("%s: the product key stands in the %s", query, where)
			}
		}
	}
	for _, path := range []string{"/v1/devices/" + deviceID, "/v1/devices/" + deviceID + "/history"} {
		resp, body := newEdge(t).do("GET", path+"?state=ended", "")
		refused(t, resp, body, 400, "invalid_parameter")
	}
	e := newEdge(t)
	e.find = func(registration.Scope, registration.Filter, registration.Page) ([]registration.Device, string, error) {
		return nil, "", registration.ErrCursor
	}
	resp, body := e.do("GET", "/v1/devices?cursor=x", "")
	refused(t, resp, body, 400, "invalid_cursor")

	// What only looks dangerous is looked for as it is.
	var asked registration.Filter
	e.find = func(_ registration.Scope, f registration.Filter, _ registration.Page) ([]registration.Device, string, error) {
		asked = f
		return nil, "", nil
	}
	for _, text := range []string{"' OR 1=1 --", "%", `"; DROP TABLE registrations; --`, "<script>", "${jndi:x}", "日本"} {
		resp, body := e.do("GET", "/v1/devices?serialNumber="+url.QueryEscape(text)+"&groupTag="+url.QueryEscape(text), "")
		if resp.StatusCode != 200 || body != `{"items":[]}` || asked.Serial != text || asked.GroupTag != text {
			t.Errorf("%q: %d %s, asked %+v", text, resp.StatusCode, body, asked)
		}
	}
}

// A product key is refused wherever parameters are read, since they come back in links.
func TestParameters_productKey(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/uploads?batch=", "/v1/consents?state=", "/v1/customers/" + tenant + "/batchJobStatus/" + tracking + "?outcome="} {
		e := newEdge(t)
		resp, body := e.do("GET", path+"ABCDE-12345-FGHIJ-67890-KLMNO", "")
		refused(t, resp, body, 400, "invalid_parameter")
		if strings.Contains(body+e.log.String(), "FGHIJ") {
			t.Errorf("%s: the product key is repeated: %s", path, body)
		}
	}
}

func TestETag_ofOurOwnReads(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	serial := "NB-1"
	e.find = func(registration.Scope, registration.Filter, registration.Page) ([]registration.Device, string, error) {
		d := aDevice()
		d.Identity.SerialNumber = serial
		return []registration.Device{d}, "next", nil
	}
	first, body := e.do("GET", "/v1/devices", "")
	tag := first.Header.Get("ETag")
	if first.StatusCode != 200 || body == "" || len(tag) < 10 || !strings.HasPrefix(tag, `"`) || !strings.HasSuffix(tag, `"`) {
		t.Fatalf("%d, ETag %q", first.StatusCode, tag)
	}
	for _, match := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		for _, method := range []string{"GET", "HEAD"} {
			again, body := e.do(method, "/v1/devices", "", "If-None-Match", match)
			if again.StatusCode != 304 || body != "" || again.Header.Get("ETag") != tag || again.Header.Get("Content-Length") != "" || again.Header.Get("Link") == "" {
				t.Errorf("%s, If-None-Match %s: %d %q %v", method, match, again.StatusCode, body, again.Header)
			}
		}
	}
	if head, _ := e.do("HEAD", "/v1/devices", ""); head.StatusCode != 200 || head.Header.Get("ETag") != tag {
		t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
	}
	serial = "NB-2"
	changed, body := e.do("GET", "/v1/devices", "", "If-None-Match", tag)
	if changed.StatusCode != 200 || changed.Header.Get("ETag") == tag || !strings.Contains(body, "NB-2") {
		t.Errorf("after a change: %d %v %s", changed.StatusCode, changed.Header, body)
	}
	e.find = nil
	resp, body := e.do("GET", "/v1/devices", "", "If-None-Match", "*")
	refused(t, resp, body, 500, "internal")
	if resp.Header.Get("ETag") != "" {
		t.Errorf("a refusal has the ETag %s", resp.Header.Get("ETag"))
	}
}

// Every list and every single thing on our own surface can be asked for again cheaply.
func TestETag_everywhereOnOurOwnSurface(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.hasUpload(upload(), nil)
	e.uploads = func(intake.Scope, intake.UploadFilter, intake.Page) ([]intake.UploadStatus, string, error) {
		return nil, "", nil
	}
	e.rows = func(intake.Scope, intake.RowFilter, intake.Page) ([]intake.RowStatus, string, error) {
		return nil, "", nil
	}
	e.stopped = func(int64, int) ([]models.Dispatch, error) { return nil, nil }
	e.device = func(registration.Scope, models.DeviceID) (registration.Device, error) { return aDevice(), nil }
	e.story = func(registration.Scope, models.DeviceID, registration.Page) ([]models.DeviceEvent, string, error) {
		return nil, "", nil
	}
	granted := sampleGrant(models.GrantActive)
	e.list = func(consent.Filter) ([]consent.Consent, string, error) {
		return []consent.Consent{{Kind: consent.KindGrant, Grant: &granted}}, "", nil
	}
	e.get = func(consent.Actor, string) (consent.Consent, error) {
		return consent.Consent{Kind: consent.KindGrant, Grant: &granted}, nil
	}
	e.history = func(consent.Actor, string) ([]models.ConsentEvent, error) { return nil, nil }
	for path, token := range map[string]string{
		"/v1/uploads": "partner", "/v1/uploads/" + tracking: "partner", "/v1/uploads/" + tracking + "/rows": "partner",
		"/v1/devices/" + deviceID: "partner", "/v1/devices/" + deviceID + "/history": "tenant",
		"/v1/consents": "tenant", "/v1/consents/" + grantID: "tenant", "/v1/consents/" + grantID + "/history": "tenant",
		"/v1/dispatches?state=stopped": "operator",
	} {
		first, body := e.do("GET", path, "", "Authorization", "Bearer "+token)
		tag := first.Header.Get("ETag")
		if first.StatusCode != 200 || tag == "" {
			t.Errorf("%s: %d, ETag %q, %s", path, first.StatusCode, tag, body)
			continue
		}
		again, body := e.do("GET", path, "", "Authorization", "Bearer "+token, "If-None-Match", tag)
		if again.StatusCode != 304 || body != "" {
			t.Errorf("%s again: %d %s", path, again.StatusCode, body)
		}
	}
}
