package gateway_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/consent"
	"countersign/models"
	"countersign/registration"
)

const caseNumber = "01930000-0000-7000-8000-0000000000ca"

func aCase() registration.Case {
	return registration.Case{
		AttentionCase: models.AttentionCase{
			ID: caseNumber, State: models.CaseOpen, Settler: models.SettlerCustomer, Rule: 4, Reason: "board-or-tpm-changed",
			TenantID: tenant, PartnerID: "partner-1", ClientID: "p-client", GrantID: grantID, TrackingID: tracking, Ordinal: 7, Times: 2,
			OpenedAt: now, LastSeenAt: now, Fingerprint: []byte("secret"),
		},
		Involved: []registration.Involved{
			{DeviceID: deviceID, Own: true, Compared: registration.Compared{Rule: 4, Agreeing: []string{"U", "S"}, Conflicting: []string{"E"}}},
			{Compared: registration.Compared{Unknown: []string{"D"}}},
		},
	}
}

const aCaseJSON = `{"id":"` + caseNumber + `","state":"open","settler":"customer","rule":4,"reason":"board-or-tpm-changed","tenantId":"` + tenant +
	`","partnerId":"partner-1","trackingId":"` + tracking + `","row":7,"times":2,"openedAt":"2031-02-03T10:01:10Z","lastSeenAt":"2031-02-03T10:01:10Z","involved":[` +
	`{"deviceId":"` + deviceID + `","record":"yours","agreeing":["U","S"],"conflicting":["E"],"unknown":[]},` +
	`{"record":"another record","agreeing":[],"conflicting":[],"unknown":["D"]}]}`

func TestAttention_scopeIsTheCallers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		token, query string
		want         registration.CaseScope
	}{
		{"partner", "", registration.CaseScope{Scope: registration.Scope{Partner: "partner-1"}}},
		{"partner", "?tenant=" + other + "&partner=" + other, registration.CaseScope{Scope: registration.Scope{Partner: "partner-1", Tenant: other}}},
		{"tenant", "?tenant=" + other, registration.CaseScope{Scope: registration.Scope{Tenant: tenant}}},
		{"operator", "", registration.CaseScope{Operator: true}},
		{"operator", "?tenant=" + other, registration.CaseScope{Scope: registration.Scope{Tenant: other}, Operator: true}},
	} {
		e := newEdge(t)
		var got []registration.CaseScope
		e.cases = func(s registration.CaseScope, _ registration.CaseFilter, _ registration.Page) ([]registration.Case, string, error) {
			got = append(got, s)
			return nil, "", nil
		}
		e.oneCase = func(s registration.CaseScope, _ models.CaseID) (registration.Case, error) {
			got = append(got, s)
			return aCase(), nil
		}
		for _, path := range []string{"/v1/attention", "/v1/attention/" + caseNumber} {
			if resp, body := e.do("GET", path+c.query, "", "Authorization", "Bearer "+c.token); resp.StatusCode != 200 {
				t.Errorf("%s %s%s: %d %s", c.token, path, c.query, resp.StatusCode, body)
			}
		}
		if want := []registration.CaseScope{c.want, c.want}; !slices.Equal(got, want) {
			t.Errorf("%s %s: %v, want %v", c.token, c.query, got, want)
		}
	}
}

func TestAttention_listAndOne(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	var asked registration.CaseFilter
	e.cases = func(_ registration.CaseScope, f registration.CaseFilter, p registration.Page) ([]registration.Case, string, error) {
		asked = f
		return []registration.Case{aCase()}, "n/1", nil
	}
	e.oneCase = func(_ registration.CaseScope, id models.CaseID) (registration.Case, error) {
		if id != caseNumber {
			return registration.Case{}, registration.ErrNoCase
		}
		return aCase(), nil
	}
	resp, body := e.do("GET", "/v1/attention?settler=operator&reason=thin&device="+strings.ToUpper(deviceID)+"&state=settled&limit=2", "")
	if diff := cmp.Diff(`{"items":[`+aCaseJSON+`],"nextCursor":"n/1"}`, body); diff != "" || !strings.Contains(resp.Header.Get("Link"), `rel="next"`) {
		t.Error(diff, resp.Header)
	}
	if want := (registration.CaseFilter{State: models.CaseSettled, Settler: models.SettlerOperator, Reason: "thin", Device: deviceID}); asked != want {
		t.Errorf("asked %+v", asked)
	}
	for query, state := range map[string]models.CaseState{"": models.CaseOpen, "?state=all": ""} {
		if e.do("GET", "/v1/attention"+query, ""); asked != (registration.CaseFilter{State: state}) {
			t.Errorf("%q asks for %+v", query, asked)
		}
	}
	if _, body := e.do("GET", "/v1/attention/"+strings.ToUpper(caseNumber), ""); body != aCaseJSON {
		t.Error(cmp.Diff(aCaseJSON, body))
	}
	for _, id := range []string{other, "x", "'%20OR%201=1"} {
		resp, body := e.do("GET", "/v1/attention/"+id, "")
		refused(t, resp, body, 404, "case_not_found")
	}
	for _, query := range []string{"state=gone", "settler=me", "device=x", "unknown=1", "limit=0", "reason=a%00"} {
		resp, body := e.do("GET", "/v1/attention?"+query, "")
		refused(t, resp, body, 400, "invalid_parameter")
	}
}

func TestAttention_settle(t *testing.T) {
	t.Parallel()
	epochs := []models.SubjectEpoch{{Kind: models.SubjectOfClient, ID: "x", Epoch: 3}}
	for token, want := range map[string]models.Authority{
		"tenant":   {Kind: models.ByTenant, TenantID: tenant, ClientID: "t-client"},
		"oem":      {Kind: models.ByFactory, PartnerID: "oem-1", ClientID: "o-client"},
		"operator": {Kind: models.ByOperator, ClientID: "o-client"},
	} {
		e := newEdge(t)
		e.epochs = func(who consent.Acting) (consent.Permit, error) {
			if who != (consent.Acting{Client: want.ClientID, Partner: want.PartnerID, Tenant: want.TenantID}) {
				t.Errorf("%s: epochs of %+v", token, who)
			}
			return consent.Permit{Epochs: epochs, Now: now}, nil
		}
		var got models.Settling
		e.settle = func(s models.Settling) (registration.Case, error) {
			got = s
			done := aCase()
			as := s.As
			done.State, done.SettledAs, done.SettledAt, done.SettledBy = models.CaseSettled, &as, &now, s.Authority.Kind
			done.SettledDevice, done.Note = s.Device, s.Note
			return done, nil
		}
		resp, body := e.do("POST", "/v1/attention/"+caseNumber+"/settle", `{"as":"same","device":"`+strings.ToUpper(deviceID)+`","note":" new board "}`,
			"Authorization", "Bearer "+token, "Content-Type", "application/json")
		if resp.StatusCode != 200 || !strings.Contains(body, `"settledAs":"same"`) || !strings.Contains(body, `"note":"new board"`) {
			t.Errorf("%s: %d %s", token, resp.StatusCode, body)
		}
		want.Epochs, want.NotAfter = epochs, now.Add(consent.NotAfterBound)
		if diff := cmp.Diff(models.Settling{Case: caseNumber, As: models.SettledSame, Device: deviceID, Note: "new board", Authority: want}, got); diff != "" {
			t.Errorf("%s: %s", token, diff)
		}
	}
}

func TestAttention_settleIsRefused(t *testing.T) {
	t.Parallel()
	const key = "ABCDE-12345-FGHIJ-67890-KLMNO"
	post := func(token, id, body string) (*edge, int, string) {
		e := newEdge(t)
		e.epochs = func(consent.Acting) (consent.Permit, error) { return consent.Permit{Now: now}, nil }
		e.settle = func(models.Settling) (registration.Case, error) {
			return registration.Case{}, registration.ErrNotSettler
		}
		resp, text := e.do("POST", "/v1/attention/"+id+"/settle", body, "Authorization", "Bearer "+token, "Content-Type", "application/json")
		return e, resp.StatusCode, text
	}
	for _, c := range []struct {
		name, token, id, body string
		status                int
		reason                string
	}{
		{"a reseller", "partner", caseNumber, `{"as":"same"}`, 403, "wrong_caller"},
		{"without the right", "tenant-devices.write", caseNumber, `{"as":"same"}`, 403, "insufficient_scope"},
		{"not the settler", "tenant", caseNumber, `{"as":"same"}`, 403, "case_not_yours"},
		{"no id", "tenant", "x", `{"as":"same"}`, 404, "case_not_found"},
		{"no decision", "tenant", caseNumber, `{}`, 400, "settlement_invalid"},
		{"no device id", "tenant", caseNumber, `{"as":"same","device":"x"}`, 400, "settlement_invalid"},
		{"a product key", "tenant", caseNumber, `{"as":"same","note":"key ` + key + `"}`, 400, "product_key_secret"},
		{"a long note", "tenant", caseNumber, `{"as":"same","note":"` + strings.Repeat("x", 1001) + `"}`, 400, "settlement_invalid"},
		{"an unknown member", "tenant", caseNumber, `{"as":"same","who":"me"}`, 400, "body_malformed"},
	} {
		e, status, body := post(c.token, c.id, c.body)
		if status != c.status || !strings.Contains(body, `"`+c.reason+`"`) {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
		if strings.Contains(body+e.log.String(), "FGHIJ") {
			t.Errorf("%s: the product key is repeated", c.name)
		}
	}
	e := newEdge(t)
	e.epochs = func(consent.Acting) (consent.Permit, error) { return consent.Permit{}, consent.ErrTenantSuspended }
	resp, body := e.do("POST", "/v1/attention/"+caseNumber+"/settle", `{"as":"same"}`, "Authorization", "Bearer tenant", "Content-Type", "application/json")
	refused(t, resp, body, 403, "tenant_suspended")
}

func TestDevices_explanationAndQuality(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.explain = func(s registration.Scope, id models.DeviceID, p registration.Page) ([]registration.Explanation, string, error) {
		if id != deviceID || s != (registration.Scope{Partner: "partner-1"}) || p != (registration.Page{Cursor: "c", Limit: 2}) {
			return nil, "", registration.ErrNoDevice
		}
		return []registration.Explanation{{
			At: now, Kind: models.DeviceSeen, Said: registration.SaidSame, Rule: 3, Agreeing: []string{"U", "S"}, Unknown: []string{"E"}, WithoutTPM: true,
			DeviceID: deviceID, TenantID: tenant, PartnerID: "partner-1", TrackingID: tracking, Row: 7,
		}}, "", nil
	}
	_, body := e.do("GET", "/v1/devices/"+deviceID+"/explanation?cursor=c&limit=2", "")
	want := `{"items":[{"at":"2031-02-03T10:01:10Z","kind":"seen","verdict":"same","rule":3,"agreeing":["U","S"],"conflicting":[],"unknown":["E"],"withoutTpm":true,` +
		`"deviceId":"` + deviceID + `","tenantId":"` + tenant + `","partnerId":"partner-1","trackingId":"` + tracking + `","row":7}]}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	resp, body := e.do("GET", "/v1/devices/"+other+"/explanation", "")
	refused(t, resp, body, 404, "device_not_found")
	e.device = func(registration.Scope, models.DeviceID) (registration.Device, error) {
		d := aDevice()
		d.Evidence = &registration.Quality{WindowsPE: true, Missing: []string{"EkPubHash"}, MadeAt: &now, Age: 90 * time.Second}
		return d, nil
	}
	e.story = func(registration.Scope, models.DeviceID, registration.Page) ([]models.DeviceEvent, string, error) {
		return []models.DeviceEvent{{Kind: models.DeviceReplaced, DeviceID: deviceID, OtherDevice: other, CaseID: caseNumber, TenantID: tenant, At: now}}, "", nil
	}
	_, body = e.do("GET", "/v1/devices/"+deviceID, "")
	for _, part := range []string{
		`"quality":{"tpmSeen":false,"windowsPe":true,"missing":["EkPubHash"],"hashMadeAt":"2031-02-03T10:01:10Z","ageSeconds":90}`,
		`"kind":"replaced"`, `"otherDevice":"` + other + `"`, `"caseId":"` + caseNumber + `"`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is missing in %s", part, body)
		}
	}
}
