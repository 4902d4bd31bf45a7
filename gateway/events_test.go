package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/consent"
	"countersign/internal/ledger"
	"countersign/internal/ledger/proof"
	"countersign/models"
	"countersign/registration"
)

const eventLine = `{"actor":"customer","at":"2031-02-03T10:01:10.000000Z","body":{"to":"active"},"chain":"partner/partner-1","id":"e-1",` +
	`"kind":"consent.granted","seq":5,"subject":"grant","subjectId":"g-1","v":1}`

func TestEvents_areTheCallersOwn(t *testing.T) {
	t.Parallel()
	for token, chain := range map[string]string{"partner": "partner/partner-1", "tenant": "tenant/" + tenant, "operator": "all"} {
		e := newEdge(t)
		e.events = func(got string, after int64, limit int) ([]ledger.Item, error) {
			if got != chain || after != 4 || limit != 2 {
				return nil, fmt.Errorf("asked for %s after %d, %d", got, after, limit)
			}
			return []ledger.Item{{Seq: 5, Line: []byte(eventLine), Hash: []byte{0xab, 1}, Checkpoint: "a.b.c"}}, nil
		}
		_, body := e.do("GET", "/v1/events?after=4&limit=2", "", "Authorization", "Bearer "+token)
		want := `{"items":[{"seq":5,"entry":{"v":1,"chain":"partner/partner-1","seq":5,"id":"e-1","kind":"consent.granted","subject":"grant","subjectId":"g-1",` +
			`"actor":"customer","at":"2031-02-03T10:01:10.000000Z","body":{"to":"active"}},"hash":"ab01","checkpoint":"a.b.c"}],"next":5}`
		if diff := cmp.Diff(want, body); diff != "" {
			t.Errorf("%s: %s", token, diff)
		}
	}
}

func TestEvents_waitAndAreRefused(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.events = func(string, int64, int) ([]ledger.Item, error) { return nil, nil }
	var waited time.Duration
	e.await = func(ctx context.Context, _ string, after int64) error {
		end, ok := ctx.Deadline()
		if !ok || after != 9 {
			t.Errorf("waits after %d, with an end: %v", after, ok)
		}
		waited = time.Until(end)
		return nil
	}
	_, body := e.do("GET", "/v1/events?after=9&wait=3600", "")
	if body != `{"items":[],"next":9}` || waited > 30*time.Second || waited < 20*time.Second {
		t.Errorf("%s after %v", body, waited)
	}
	for _, query := range []string{"?after=x", "?after=-1", "?wait=1.5", "?since=3"} {
		resp, body := e.do("GET", "/v1/events"+query, "")
		refused(t, resp, body, 400, "invalid_parameter")
	}
}

func TestReceipt_inThreeForms(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.receipt = func(who consent.Actor, id string, seq int64) (consent.Receipt, error) {
		if who.PartnerID != "partner-1" || id != grantID || seq != 3 {
			return consent.Receipt{}, fmt.Errorf("asked %+v %s %d", who, id, seq)
		}
		return consent.Receipt{JWS: "a.b.c", Content: proof.Receipt{ReceiptID: "r-1", Notices: []proof.Notice{{Language: "en"}, {Language: "de", May: []string{"Darf."}}}}}, nil
	}
	path := "/v1/consents/" + grantID + "/receipt?seq=3&lang=de"
	for accept, want := range map[string][2]string{
		"application/jose": {"application/jose", "a.b.c"},
		"text/plain":       {"text/plain; charset=utf-8", "- Darf."},
		"application/json": {"application/json; charset=utf-8", `{"jws":"a.b.c","receipt":{"iss":"",`},
	} {
		resp, body := e.do("GET", path, "", "Accept", accept)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != want[0] || !strings.Contains(body, want[1]) {
			t.Errorf("%s: %d %s %s", accept, resp.StatusCode, resp.Header.Get("Content-Type"), body)
		}
	}
	resp, body := e.do("GET", "/v1/consents/x/receipt", "")
	refused(t, resp, body, 404, "consent_not_found")
	resp, body = e.do("GET", path, "", "Authorization", "Bearer operator")
	refused(t, resp, body, 403, "wrong_caller")
}

func TestHistory_showsNumbers(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.history = func(consent.Actor, string) ([]models.ConsentEvent, error) {
		return []models.ConsentEvent{{ID: 8, Subject: "grant", ToState: "active", Actor: "customer", At: now}}, nil
	}
	e.places = func(_ consent.Actor, events []models.ConsentEvent) (map[int64]consent.Place, error) {
		return map[int64]consent.Place{events[0].ID: {Seq: 5, Hash: "ab01"}}, nil
	}
	_, body := e.do("GET", "/v1/consents/"+grantID+"/history", "")
	if !strings.HasPrefix(body, `{"items":[{"seq":5,"hash":"ab01","at":`) {
		t.Error(body)
	}
}

func TestAuthorization_ofADevice(t *testing.T) {
	t.Parallel()
	limit := int64(500)
	device := registration.Device{Registration: models.Registration{
		ID: madeUpID, TenantID: tenant, Authority: models.ByGrant, GrantID: grantID, TrackingID: tracking, Ordinal: 7, RegisteredAt: now,
	}}
	e := newEdge(t)
	e.device = func(registration.Scope, models.DeviceID) (registration.Device, error) { return device, nil }
	e.status = uploadStatus
	e.basis = func(who consent.Actor, grant models.GrantID, at time.Time) (*consent.Basis, error) {
		if who.PartnerID != "partner-1" || grant != grantID || !at.Equal(now) {
			return nil, fmt.Errorf("asked %+v %s %s", who, grant, at)
		}
		return &consent.Basis{
			Grant: grant, State: "active", Epoch: 3, GrantedAt: now, GrantedBy: consent.Decider{Side: "customer", Role: "approver"},
			Terms: proof.Terms{Scopes: []string{"devices.register"}, DeviceLimit: &limit, GroupTags: []string{"lab"}, Version: 2, Until: now},
			Place: consent.Place{Seq: 5, Hash: "ab01"},
		}, nil
	}
	path := "/v1/devices/" + madeUpID + "/authorization"
	_, body := e.do("GET", path, "")
	want := `{"deviceId":"` + madeUpID + `","registeredAt":"2031-02-03T10:01:10Z","acceptedAt":"2031-02-03T10:01:10Z","by":"grant","trackingId":"` + tracking + `","row":7,` +
		`"rule":"When the device was let through, the grant was active, it allowed devices.register, its limit of 500 devices was not used up, the group tag was one of lab, and it lasted until 2031-02-03T10:01:10Z.",` +
		`"grant":{"id":"` + grantID + `","epoch":3,"version":2,"state":"active","scopes":["devices.register"],"deviceLimit":500,"groupTags":["lab"],"until":"2031-02-03T10:01:10Z",` +
		`"grantedAt":"2031-02-03T10:01:10Z","grantedBy":{"side":"customer","role":"approver"},"seq":5,"hash":"ab01","history":"/v1/consents/` + grantID + `/history"}}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	device.Authority = models.ByTenant
	if _, body = e.do("GET", path, ""); !strings.Contains(body, "no partner and no consent was involved") || strings.Contains(body, `"grant":{`) {
		t.Error(body)
	}
	// Somebody else's device looks like none.
	e.device = func(registration.Scope, models.DeviceID) (registration.Device, error) {
		return registration.Device{}, registration.ErrNoDevice
	}
	resp, body := e.do("GET", path, "")
	refused(t, resp, body, 404, "device_not_found")
}
