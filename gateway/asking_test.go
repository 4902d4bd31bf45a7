package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/authz"
	"countersign/consent"
	"countersign/gateway"
	"countersign/models"
)

const (
	portalURL  = "https://pages.example"
	linkSecret = "c2VjcmV0LW9mLTI1Ni1iaXRzLWluLWJhc2U2NC11cmw"
)

func withPortal(d *gateway.Deps) { d.PortalURL = portalURL }

// askedSample is a request as the partner that asked gets it back.
func askedSample() consent.Asked {
	request := sampleRequest()
	request.TenantID, request.LinkUntil = nil, &now
	return consent.Asked{ConsentRequest: request, Secret: linkSecret}
}

// I1: the link stands in the answer to who asked, and nowhere else: not in what the
// partner reads later, not in the log, not in a metric.
func TestLink_toldOnce(t *testing.T) {
	t.Parallel()
	e := newEdge(t, withPortal)
	e.ask = func(_ consent.Actor, in consent.NewRequest) (consent.Asked, error) {
		if !in.LinkUntil.Equal(now) {
			t.Errorf("until %v", in.LinkUntil)
		}
		return askedSample(), nil
	}
	e.newLink = func(_ consent.Actor, id models.RequestID, until *time.Time) (consent.Asked, error) {
		if id != requestID || until != nil {
			t.Errorf("asked for %s until %v", id, until)
		}
		return askedSample(), nil
	}
	e.get = func(consent.Actor, string) (consent.Consent, error) {
		request := askedSample().ConsentRequest
		return consent.Consent{Kind: consent.KindRequest, Request: &request}, nil
	}
	want := `"link":{"url":"` + portalURL + "/portal/r/" + linkSecret + `","until":"2031-02-03T10:01:10Z"}`
	ask := `{"tenant":"contoso.com","purpose":"roll-out","scopes":["devices.register"],"linkUntil":"2031-02-03T10:01:10Z"}`
	for call, body := range map[string]string{"/v1/consents": ask, "/v1/consents/" + requestID + "/link": ""} {
		if resp, got := e.do("POST", call, body); resp.StatusCode >= 300 || !strings.Contains(got, want) || strings.Contains(resp.Header.Get("Location"), linkSecret) {
			t.Errorf("%s: %d %s", call, resp.StatusCode, got)
		}
	}
	_, later := e.do("GET", "/v1/consents/"+requestID, "")
	if strings.Contains(later, linkSecret) || !strings.Contains(later, `"link":{"until":`) {
		t.Errorf("read later: %s", later)
	}
	// Somebody pastes the link's path at the API's own address.
	e.do("GET", "/portal/r/"+linkSecret, "")
	_, metrics := e.do("GET", "/metrics", "")
	if log := e.log.String(); log == "" || strings.Contains(log, linkSecret) || strings.Contains(metrics, linkSecret) {
		t.Errorf("the secret is in the log or the metrics:\n%s", log)
	}
}

// I5: a refusal tells when the next request is taken, on our own surface, rounded up.
func TestCaps_retryAfter(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	refusal := consent.ErrAskedEnough
	e.ask = func(consent.Actor, consent.NewRequest) (consent.Asked, error) {
		return consent.Asked{}, refusal.WithRetryAfter(90*time.Minute + time.Millisecond)
	}
	e.decide = func(string, consent.Actor, string, string) (models.ConsentRequest, error) {
		return models.ConsentRequest{}, consent.ErrRemindedLately.WithRetryAfter(time.Hour)
	}
	ask := `{"tenant":"contoso.com","purpose":"roll-out","scopes":["devices.register"]}`
	if resp, body := e.do("POST", "/v1/consents", ask); resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "5401" {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	if resp, body := e.do("POST", "/v1/consents/"+requestID+"/remind", ""); resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "3600" {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
}

// Without pages no link is shown that would lead nowhere.
func TestLink_needsPages(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.ask = func(consent.Actor, consent.NewRequest) (consent.Asked, error) { return askedSample(), nil }
	_, body := e.do("POST", "/v1/consents", `{"tenant":"contoso.com","purpose":"roll-out","scopes":["devices.register"]}`)
	if strings.Contains(body, linkSecret) {
		t.Error(body)
	}
	resp, body := e.do("GET", "/v1/customers/relationshiprequests", "")
	refused(t, resp, body, 404, "pages_not_set_up")
}

// Partner Center's own shape, beside the route of one customer: the address is the same
// for every customer, and holds no secret.
func TestRelationshipRequest(t *testing.T) {
	t.Parallel()
	e := newEdge(t, withPortal)
	want := `{"url":"` + portalURL + `/portal/requests?partner=partner-1","attributes":{"objectType":"RelationshipRequest"}}`
	for _, path := range []string{"/v1/customers/relationshiprequests", "/v1//customers/RelationshipRequests"} {
		resp, body := e.do("GET", path, "")
		if diff := cmp.Diff(want, body); diff != "" || resp.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, diff)
		}
	}
	resp, body := e.do("GET", "/v1/customers/relationshiprequests", "", "Authorization", "Bearer tenant")
	refused(t, resp, body, 403, "wrong_caller")
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	const partner = "01234567-89ab-cdef-0123-456789abcdef"
	ended := consent.Revocation{Grant: sampleGrant(models.GrantRevoked), Done: true, Moment: now, NothingAfter: now}
	e.block = func(who consent.Actor, id models.PartnerID, how consent.Blocking) (consent.Block, error) {
		if who.TenantID != tenant || id != partner || how != (consent.Blocking{Reason: "spam", EndGrant: true}) {
			t.Errorf("%v blocks %s: %+v", who, id, how)
		}
		return consent.Block{Partner: id, PartnerName: "Contoso", Reason: how.Reason, By: who.ID, Since: now, Ended: &ended}, nil
	}
	e.unblock = func(_ consent.Actor, id models.PartnerID) error {
		if id != partner {
			return consent.ErrNotFound
		}
		return nil
	}
	e.blocked = func(consent.Actor) ([]consent.Block, error) {
		return []consent.Block{{Partner: partner, PartnerName: "Contoso", By: "t-client", Since: now}}, nil
	}
	asTenant := []string{"Authorization", "Bearer tenant"}
	resp, body := e.do("PUT", "/v1/consents/Blocks/"+strings.ToUpper(partner), `{"reason":"spam","endGrant":true}`, asTenant...)
	want := `{"partner":{"id":"` + partner + `","name":"Contoso"},"reason":"spam","since":"2031-02-03T10:01:10Z","by":"t-client","grantId":"` + grantID +
		`","revocation":{"done":true,"moment":"2031-02-03T10:01:10Z","nothingLandsAfter":"2031-02-03T10:01:10Z"}}`
	if diff := cmp.Diff(want, body); diff != "" || resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, diff)
	}
	resp, body = e.do("GET", "/v1/consents/blocks", "", asTenant...)
	want = `{"items":[{"partner":{"id":"` + partner + `","name":"Contoso"},"since":"2031-02-03T10:01:10Z","by":"t-client"}]}`
	if diff := cmp.Diff(want, body); diff != "" || resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, diff)
	}
	if resp, _ := e.do("DELETE", "/v1/consents/blocks/"+partner, "", asTenant...); resp.StatusCode != http.StatusNoContent {
		t.Errorf("unblock: %d", resp.StatusCode)
	}
	resp, body = e.do("DELETE", "/v1/consents/blocks/nobody", "", asTenant...)
	refused(t, resp, body, 404, "consent_not_found")
	resp, body = e.do("PUT", "/v1/consents/blocks/"+partner, "") // by a partner
	refused(t, resp, body, 403, "wrong_caller")
}

// The right that is read from a client's row has the name of the scope that gives it.
func TestRightToDecideIsTheScope(t *testing.T) {
	t.Parallel()
	if consent.RightToDecide != authz.ScopeConsentsDecide {
		t.Errorf("%q is not %q", consent.RightToDecide, authz.ScopeConsentsDecide)
	}
}
