package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/consent"
	"countersign/models"
)

func ptr[T any](v T) *T { return &v }

func sampleRequest() models.ConsentRequest {
	return models.ConsentRequest{
		ID: requestID, PartnerID: "partner-1", TenantRef: "contoso.com", TenantID: ptr(models.TenantID(tenant)), State: models.RequestPending,
		Purpose: "roll-out", Scopes: "devices.register devices.read", DeviceLimit: ptr(int64(500)),
		GrantUntil: now.Add(time.Hour), ExpiresAt: now.Add(time.Minute), CreatedAt: now,
	}
}

func sampleGrant(state models.GrantState) models.Grant {
	return models.Grant{
		ID: grantID, RequestID: ptr(models.RequestID(requestID)), PartnerID: "partner-1", TenantID: tenant, State: state, Scopes: "devices.register",
		DeviceLimit: ptr(int64(500)), DevicesReserved: 20, DevicesUsed: 30, ExpiresAt: now.Add(time.Hour), CreatedAt: now,
	}
}

const (
	wireRequest = `{"id":"` + requestID + `","kind":"request","state":"pending","partner":{"id":"partner-1"%s},"tenant":{%s"addressed":"contoso.com"},` +
		`"purpose":"roll-out","scopes":["devices.register","devices.read"],"devices":{"limit":500,"used":0,"reserved":0,"left":500},` +
		`"expiresAt":"2031-02-03T11:01:10Z","answerUntil":"2031-02-03T10:02:10Z","createdAt":"2031-02-03T10:01:10Z",` +
		`"links":{"self":"/v1/consents/` + requestID + `","history":"/v1/consents/` + requestID + `/history","receipt":"/v1/consents/` + requestID + `/receipt"}}`
	wireGrant = `{"id":"` + grantID + `","kind":"grant","state":"%s","partner":{"id":"partner-1"},"tenant":{"id":"` + tenant + `"},` +
		`"scopes":["devices.register"],"devices":{"limit":500,"used":30,"reserved":20,"left":450},` +
		`"expiresAt":"2031-02-03T11:01:10Z","createdAt":"2031-02-03T10:01:10Z","requestId":"` + requestID + `",%s` +
		`"links":{"self":"/v1/consents/` + grantID + `","history":"/v1/consents/` + grantID + `/history","receipt":"/v1/consents/` + grantID + `/receipt"}}`
)

func TestConsent_asked(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.ask = func(who consent.Actor, in consent.NewRequest) (consent.Asked, error) {
		want := consent.Actor{Kind: models.ActorPartner, ID: "p-client", PartnerID: "partner-1", HTTPRequest: madeUpID}
		if diff := cmp.Diff(want, who); diff != "" {
			t.Error(diff)
		}
		asked := consent.NewRequest{Tenant: "contoso.com", Purpose: "roll-out", Reference: "R-7", Scopes: []string{"devices.register"}, Limits: consent.Limits{Devices: ptr(int64(500))}, GrantUntil: &now}
		if diff := cmp.Diff(asked, in); diff != "" {
			t.Error(diff)
		}
		return consent.Asked{ConsentRequest: sampleRequest()}, nil
	}
	resp, body := e.do("POST", "/v1/consents", `{"tenant":"contoso.com","purpose":"roll-out","reference":"R-7","scopes":["devices.register"],"deviceLimit":500,"grantUntil":"2031-02-03T10:01:10Z"}`)
	if resp.StatusCode != 201 || resp.Header.Get("Location") != "/v1/consents/"+requestID {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	// The partner is not told that the domain belongs to a tenant.
	if diff := cmp.Diff(fmt.Sprintf(wireRequest, "", ""), body); diff != "" {
		t.Error(diff)
	}
}

func TestConsent_listed(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	grant, request := sampleGrant(models.GrantActive), sampleRequest()
	e.list = func(f consent.Filter) ([]consent.Consent, string, error) {
		want := consent.Filter{
			Viewer:    consent.Actor{Kind: models.ActorCustomer, ID: "t-client", TenantID: tenant, HTTPRequest: madeUpID},
			PartnerID: madeUpID, State: "active", Cursor: "abc", Limit: 10,
		}
		if diff := cmp.Diff(want, f); diff != "" {
			t.Error(diff)
		}
		return []consent.Consent{
			{Kind: consent.KindGrant, Grant: &grant}, {Kind: consent.KindRequest, Request: &request, PartnerName: "Reseller", TenantName: "Contoso"},
		}, "def", nil
	}
	resp, body := e.do("GET", "/v1/consents?state=active&cursor=abc&limit=10&partner="+madeUpID, "", "Authorization", "Bearer tenant")
	want := `{"items":[` + fmt.Sprintf(wireGrant, "active", "") + `,` + fmt.Sprintf(wireRequest, `,"name":"Reseller"`, `"id":"`+tenant+`","name":"Contoso",`) + `],"nextCursor":"def"}`
	if diff := cmp.Diff(want, body); diff != "" || resp.Header.Get("Link") == "" {
		t.Errorf("%v %s", resp.Header, diff)
	}
}

func TestConsent_readWithHistory(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.get = func(who consent.Actor, id string) (consent.Consent, error) {
		if who.Kind != models.ActorOperator || id != grantID {
			t.Errorf("asked by %+v for %s", who, id)
		}
		g := sampleGrant(models.GrantRevoked)
		g.EndedAt, g.EndedBy, g.EndReason = &now, ptr(models.ActorCustomer), ptr("contract over")
		return consent.Consent{Kind: consent.KindGrant, Grant: &g}, nil
	}
	e.history = func(consent.Actor, string) ([]models.ConsentEvent, error) {
		return []models.ConsentEvent{{Subject: models.SubjectGrant, ToState: "active", Actor: models.ActorCustomer, ActorID: "t-client", HTTPRequest: "r", At: now}}, nil
	}
	_, body := e.do("GET", "/v1/consents/"+grantID, "", "Authorization", "Bearer operator")
	if diff := cmp.Diff(fmt.Sprintf(wireGrant, "revoked", `"ended":{"at":"2031-02-03T10:01:10Z","by":"customer","reason":"contract over"},`), body); diff != "" {
		t.Error(diff)
	}
	_, body = e.do("GET", "/v1/consents/"+grantID+"/history", "", "Authorization", "Bearer operator")
	want := `{"items":[{"at":"2031-02-03T10:01:10Z","subject":"grant","to":"active","actor":"customer","actorId":"t-client","requestId":"r"}]}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	resp, body := e.do("GET", "/v1/consents/nothing", "")
	refused(t, resp, body, 404, "consent_not_found")
}

func TestConsent_decisions(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	var did []string
	note := func(what string, who consent.Actor, id, reason string) {
		did = append(did, fmt.Sprintf("%s %s %s %q", what, who.Kind, id, reason))
	}
	e.decide = func(what string, who consent.Actor, id, reason string) (models.ConsentRequest, error) {
		note(what, who, id, reason)
		return sampleRequest(), nil
	}
	e.change = func(what string, who consent.Actor, id models.GrantID, reason string) (models.Grant, error) {
		note(what, who, string(id), reason)
		return sampleGrant(models.GrantActive), nil
	}
	e.grant = func(who consent.Actor, id models.RequestID, terms consent.Terms) (models.Grant, error) {
		note("grant", who, string(id), fmt.Sprint(terms.Scopes))
		return sampleGrant(models.GrantActive), nil
	}
	for _, c := range []struct {
		token, call, body string
		status            int
	}{
		{"partner", requestID + "/withdraw", "", 200},
		{"partner", requestID + "/withdraw", `{"reason":"mistake"}`, 200},
		{"tenant", requestID + "/decline", `{"reason":"no"}`, 200},
		{"tenant", requestID + "/grant", "", 201},
		{"tenant", requestID + "/Grant", `{"scopes":["devices.read"]}`, 201},
		{"tenant", grantID + "/suspend", "", 200},
		{"tenant", grantID + "/resume", "", 200},
	} {
		if resp, body := e.do("POST", "/v1/consents/"+c.call, c.body, "Authorization", "Bearer "+c.token); resp.StatusCode != c.status {
			t.Errorf("%s: %d %s", c.call, resp.StatusCode, body)
		}
	}
	want := []string{
		`withdraw partner ` + requestID + ` ""`, `withdraw partner ` + requestID + ` "mistake"`, `decline customer ` + requestID + ` "no"`,
		`grant customer ` + requestID + ` "[]"`, `grant customer ` + requestID + ` "[devices.read]"`,
		`suspend customer ` + grantID + ` ""`, `resume customer ` + grantID + ` ""`,
	}
	if diff := cmp.Diff(want, did); diff != "" {
		t.Error(diff)
	}
}

func TestConsent_revoked(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	answer := consent.Revocation{Grant: sampleGrant(models.GrantRevoked), Done: true, Moment: now, NothingAfter: now.Add(time.Second)}
	e.revoke = func(_ consent.Actor, id models.GrantID, reason string) (consent.Revocation, error) {
		if id != grantID || reason != "over" {
			t.Errorf("asked %s %q", id, reason)
		}
		return answer, nil
	}
	resp, body := e.do("POST", "/v1/consents/"+grantID+"/revoke", `{"reason":"over"}`, "Authorization", "Bearer tenant")
	want := fmt.Sprintf(wireGrant, "revoked", `"revocation":{"done":true,"moment":"2031-02-03T10:01:10Z","nothingLandsAfter":"2031-02-03T10:01:11Z"},`)
	if diff := cmp.Diff(want, body); diff != "" || resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, diff)
	}
	answer = consent.Revocation{Grant: sampleGrant(models.GrantRevoking), NothingAfter: now.Add(35 * time.Second)}
	resp, body = e.do("POST", "/v1/consents/"+grantID+"/revoke", `{"reason":"over"}`, "Authorization", "Bearer operator")
	want = fmt.Sprintf(wireGrant, "revoking", `"revocation":{"done":false,"nothingLandsAfter":"2031-02-03T10:01:45Z"},`)
	if diff := cmp.Diff(want, body); diff != "" || resp.StatusCode != 202 {
		t.Errorf("%d %s", resp.StatusCode, diff)
	}
	if got := resp.Header.Get("Operation-Location"); got != publicURL+"/v1/consents/"+grantID {
		t.Errorf("Operation-Location %q", got)
	}
}
