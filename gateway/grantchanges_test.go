package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/consent"
	"countersign/models"
)

func TestConsent_amended(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.amend = func(who consent.Actor, id models.GrantID, a consent.Amendment) (models.Grant, error) {
		want := consent.Amendment{
			Scopes: []string{"devices.register"}, Limits: consent.Limits{Devices: ptr(int64(0)), GroupTags: []string{}}, Reason: "less",
		}
		if diff := cmp.Diff(want, a); diff != "" || who.Kind != models.ActorCustomer || id != grantID {
			t.Errorf("%s asked for %s: %s", who.Kind, id, diff)
		}
		g := sampleGrant(models.GrantActive)
		g.Version, g.LastUsedAt = 2, &now
		return g, nil
	}
	resp, body := e.do("POST", "/v1/consents/"+grantID+"/amend", `{"scopes":["devices.register"],"deviceLimit":0,"groupTags":[],"reason":"less"}`, "Authorization", "Bearer tenant")
	if resp.StatusCode != 200 || !strings.Contains(body, `"version":2,"lastUsedAt":"2031-02-03T10:01:10Z"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp, body = e.do("POST", "/v1/consents/"+grantID+"/amend", `{"deviceLimits":1}`, "Authorization", "Bearer tenant")
	if resp.StatusCode != 400 {
		t.Errorf("an unknown member: %d %s", resp.StatusCode, body)
	}
}

func TestConsent_versionsAndPreview(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.versions = func(models.GrantID) ([]models.GrantVersion, error) {
		return []models.GrantVersion{{Version: 1, Change: models.GrantGiven, Scopes: "devices.register", ExpiresAt: now, Actor: models.ActorCustomer, At: now}}, nil
	}
	_, body := e.do("GET", "/v1/consents/"+grantID+"/versions", "", "Authorization", "Bearer partner")
	want := `{"items":[{"version":1,"change":"given","scopes":["devices.register"],"expiresAt":"2031-02-03T10:01:10Z","actor":"customer","at":"2031-02-03T10:01:10Z"}]}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	e.preview = func(id models.GrantID) (consent.Consequences, error) {
		child, root := sampleGrant(models.GrantActive), sampleGrant(models.GrantActive)
		child.DerivedFrom, child.DevicesUsed, child.DevicesReserved, child.DeviceLimit = ptr(id), 7, 1, nil
		return consent.Consequences{Waiting: 3, Stay: 412, Derived: []consent.Consent{{Kind: consent.KindGrant, Grant: &child, Root: &root, PartnerName: "Distributor"}}}, nil
	}
	_, body = e.do("GET", "/v1/consents/"+grantID+"/end", "", "Authorization", "Bearer tenant")
	for _, part := range []string{
		`"waitingDevices":3,"devicesThatStay":412`, `"outcomesStay":true`, `"name":"Distributor"`,
		`"devices":{"limit":500,"used":30,"reserved":20,"left":450}`, `"derivedFrom":{"grantId":"` + grantID + `"`, `"used":7,"reserved":1}`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is not in %s", part, body)
		}
	}
}

func TestConsent_givenBackAndAllRevoked(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.revoke = func(who consent.Actor, _ models.GrantID, _ string) (consent.Revocation, error) {
		if who.Kind != models.ActorPartner {
			t.Errorf("given back by %s", who.Kind)
		}
		return consent.Revocation{Grant: sampleGrant(models.GrantRevoked), Done: true, Moment: now, NothingAfter: now, Last: models.LastDevice{
			TrackingID: ptr(models.TrackingID(tracking)), Row: ptr(7), DeviceID: ptr(models.DeviceID(madeUpID)), RegisteredAt: &now,
		}}, nil
	}
	resp, body := e.do("POST", "/v1/consents/"+grantID+"/giveBack", "", "Authorization", "Bearer partner")
	want := fmt.Sprintf(`"lastDevice":{"trackingId":%q,"row":7,"deviceId":%q,"registeredAt":"2031-02-03T10:01:10Z"}`, tracking, madeUpID)
	if resp.StatusCode != 200 || !strings.Contains(body, want) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	e.revokeAll = func(partner models.PartnerID, n int, reason string) ([]consent.Revocation, error) {
		if partner != madeUpID || n != 2 || reason != "enough" {
			t.Errorf("asked %s %d %q", partner, n, reason)
		}
		return []consent.Revocation{
			{Grant: sampleGrant(models.GrantRevoked), Done: true, Moment: now, NothingAfter: now},
			{Grant: sampleGrant(models.GrantRevoking), NothingAfter: now.Add(time.Second)},
		}, nil
	}
	resp, body = e.do("POST", "/v1/revokeAll", `{"count":2,"partner":"`+strings.ToUpper(madeUpID)+`","reason":"enough"}`, "Authorization", "Bearer tenant")
	if resp.StatusCode != 202 || strings.Count(body, `"revocation"`) != 2 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestPartnerLinks(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	var did []string
	e.link = func(what string, who consent.Actor, id, reason string) (models.PartnerLink, error) {
		did = append(did, fmt.Sprintf("%s %s %s %q", what, who.Kind, id, reason))
		return models.PartnerLink{ID: madeUpID, ResellerID: "r", ProviderID: "p", State: models.LinkActive, CreatedAt: now, AcceptedAt: &now}, nil
	}
	link := `{"id":"` + madeUpID + `","reseller":"r","provider":"p","state":"active","createdAt":"2031-02-03T10:01:10Z","acceptedAt":"2031-02-03T10:01:10Z"}`
	for _, c := range []struct {
		method, call, body, want string
		status                   int
	}{
		{"GET", "", "", `{"items":[` + link + `]}`, 200},
		{"POST", "", `{"provider":"` + madeUpID + `"}`, link, 201},
		{"POST", "/" + madeUpID + "/accept", "", link, 200},
		{"POST", "/" + madeUpID + "/end", `{"reason":"over"}`, link, 200},
	} {
		resp, body := e.do(c.method, "/v1/partnerLinks"+c.call, c.body, "Authorization", "Bearer partner")
		if resp.StatusCode != c.status || body != c.want {
			t.Errorf("%s %s: %d %s", c.method, c.call, resp.StatusCode, body)
		}
	}
	want := []string{
		`list partner  ""`, `offer partner ` + madeUpID + ` ""`, `accept partner ` + madeUpID + ` ""`, `end partner ` + madeUpID + ` "over"`,
	}
	if !slices.Equal(did, want) {
		t.Errorf("%q", did)
	}
	resp, body := e.do("POST", "/v1/partnerLinks/x/accept", "", "Authorization", "Bearer partner")
	refused(t, resp, body, 404, "link_not_found")
}

func TestConsent_askedForOtherTerms(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.ask = func(_ consent.Actor, ask consent.NewRequest) (consent.Asked, error) {
		if ask.Amends != grantID || *ask.Limits.Devices != 0 || ask.Scopes != nil {
			t.Errorf("asked %+v", ask)
		}
		made := sampleRequest()
		made.Amends = ptr(models.GrantID(grantID))
		return consent.Asked{ConsentRequest: made}, nil
	}
	resp, body := e.do("POST", "/v1/consents", `{"amends":"`+grantID+`","purpose":"more","deviceLimit":0}`, "Authorization", "Bearer partner")
	if resp.StatusCode != 201 || !strings.Contains(body, `"amends":"`+grantID+`"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
