package client_test

import (
	"net/http"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func TestAsking(t *testing.T) {
	t.Parallel()
	g, until := newGateway(t), time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
	g.mux.HandleFunc("POST /v1/consents/{id}/remind", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, wire.Consent{ID: r.PathValue("id"), Reminders: 1})
	})
	g.mux.HandleFunc("POST /v1/consents/{id}/link", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, wire.Consent{ID: r.PathValue("id"), Link: &wire.ConsentLink{URL: "https://pages.example/x", Until: until}})
	})
	g.mux.HandleFunc("GET /v1/customers/relationshiprequests", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, wire.RelationshipRequest{URL: "https://pages.example"})
	})
	cl := g.client(t)
	if got, err := cl.RemindConsent(t.Context(), "r1"); err != nil || got.Reminders != 1 {
		t.Errorf("reminded: %+v, %v", got, err)
	}
	if got, err := cl.RenewConsentLink(t.Context(), "r1", &until); err != nil || got.Link.URL != "https://pages.example/x" {
		t.Errorf("link: %+v, %v", got, err)
	}
	if sent := g.calls()[1].body; sent != `{"until":"2027-01-02T00:00:00Z"}` {
		t.Errorf("asked %s", sent)
	}
	if got, err := cl.RelationshipRequest(t.Context()); err != nil || got.URL != "https://pages.example" {
		t.Errorf("relationship request: %+v, %v", got, err)
	}
}

func TestBlocking(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	blocked := map[string]wire.PartnerBlock{}
	g.mux.HandleFunc("PUT /v1/consents/blocks/{partner}", func(w http.ResponseWriter, r *http.Request) {
		block := wire.PartnerBlock{Partner: wire.Party{ID: r.PathValue("partner")}, GrantID: "g1"}
		blocked[block.Partner.ID] = block
		reply(w, 200, block)
	})
	g.mux.HandleFunc("DELETE /v1/consents/blocks/{partner}", func(w http.ResponseWriter, r *http.Request) {
		delete(blocked, r.PathValue("partner"))
		w.WriteHeader(http.StatusNoContent)
	})
	g.mux.HandleFunc("GET /v1/consents/blocks", func(w http.ResponseWriter, _ *http.Request) {
		list := []wire.PartnerBlock{}
		for _, block := range blocked {
			list = append(list, block)
		}
		reply(w, 200, wire.NewPage(list, ""))
	})
	cl := g.client(t)
	made, err := cl.BlockPartner(t.Context(), "p1", wire.PartnerBlocking{Reason: "spam", EndGrant: true})
	if err != nil || made.GrantID != "g1" || g.calls()[0].body != `{"reason":"spam","endGrant":true}` {
		t.Fatalf("%+v after %s, %v", made, g.calls()[0].body, err)
	}
	if list, _, err := client.Collect(cl.BlockedPartners(t.Context()), 0); err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := cl.UnblockPartner(t.Context(), "p1"); err != nil || len(blocked) != 0 {
		t.Fatalf("%v, %v", blocked, err)
	}
}
