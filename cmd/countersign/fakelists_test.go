package main

import (
	"encoding/json"
	"net/http"
	"time"

	"countersign/gateway/wire"
)

var someDay = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func (f *fakeGateway) routeConsents(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/consents", func(w http.ResponseWriter, r *http.Request) {
		var ask wire.ConsentAsk
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
			panic(err)
		}
		c := wire.Consent{
			ID: "consent-1", Kind: "request", State: "pending", Partner: wire.Party{ID: "p1", Name: "Northwind Devices"},
			Tenant: wire.Party{Addressed: ask.Tenant}, Purpose: ask.Purpose, Scopes: ask.Scopes,
			Devices: wire.DeviceGauge{Limit: ask.DeviceLimit, Left: ask.DeviceLimit}, ExpiresAt: someDay, CreatedAt: someDay,
		}
		c.Link = &wire.ConsentLink{URL: "https://pages.example/portal/r/once", Until: someDay}
		if ask.LinkUntil != nil {
			c.Link.Until = *ask.LinkUntil
		}
		if ask.GrantUntil != nil {
			c.ExpiresAt = *ask.GrantUntil
		}
		f.putConsent(c)
		writeJSON(w, 201, c)
	})
	mux.HandleFunc("POST /v1/consents/{id}/{change}", f.changeConsent)
	mux.HandleFunc("GET /v1/consents/{id}", func(w http.ResponseWriter, r *http.Request) {
		c, ok := f.consent(r.PathValue("id"))
		if !ok {
			refuseWith(w, r, "consent_not_found", "")
			return
		}
		writeJSON(w, 200, c)
	})
	mux.HandleFunc("GET /v1/consents", func(w http.ResponseWriter, r *http.Request) {
		list := []wire.Consent{}
		if c, ok := f.consent("consent-1"); ok && (r.URL.Query().Get("state") == "" || r.URL.Query().Get("state") == c.State) {
			list = append(list, c)
		}
		writeJSON(w, 200, wire.NewPage(list, ""))
	})
	block := wire.PartnerBlock{Partner: wire.Party{ID: "p1", Name: "Northwind Devices"}, Since: someDay, By: "plant-7"}
	mux.HandleFunc("PUT /v1/consents/blocks/p1", func(w http.ResponseWriter, r *http.Request) {
		var how wire.PartnerBlocking
		if err := json.NewDecoder(r.Body).Decode(&how); err != nil {
			panic(err)
		}
		made := block
		if made.Reason = how.Reason; how.EndGrant {
			made.GrantID, made.Revocation = "consent-1", &wire.Revocation{NothingAfter: someDay}
		}
		writeJSON(w, 200, made)
	})
	mux.HandleFunc("DELETE /v1/consents/blocks/p1", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /v1/consents/blocks", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, wire.NewPage([]wire.PartnerBlock{block}, ""))
	})
	mux.HandleFunc("GET /v1/consents/{id}/history", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, wire.NewPage([]wire.HistoryEntry{{At: someDay, Subject: "request", To: "pending", Actor: "partner", ActorID: "plant-7"}}, ""))
	})
}

func (f *fakeGateway) changeConsent(w http.ResponseWriter, r *http.Request) {
	c, ok := f.consent(r.PathValue("id"))
	if !ok {
		refuseWith(w, r, "consent_not_found", "")
		return
	}
	switch r.PathValue("change") {
	case "remind":
		c.Reminders, c.RemindedAt = 1, &someDay
	case "link":
		c.Link = &wire.ConsentLink{URL: "https://pages.example/portal/r/new", Until: someDay}
	}
	after := map[string]string{"remind": "pending", "link": "pending", "grant": "active", "decline": "declined", "withdraw": "withdrawn", "suspend": "suspended", "resume": "active", "revoke": "revoking"}
	before := c.State
	c.State, c.Revocation = after[r.PathValue("change")], nil
	status := 200
	if c.State == "revoking" { // the core acknowledges when it is asked again
		c.Revocation = &wire.Revocation{NothingAfter: someDay.Add(30 * time.Second)}
		status = 202
		if before == "revoking" {
			moment := someDay.Add(2 * time.Second)
			c.State, c.Revocation.Done, c.Revocation.Moment = "revoked", true, &moment
			status = 200
		}
	}
	f.putConsent(c)
	writeJSON(w, status, c)
}

func (f *fakeGateway) consent(id string) (wire.Consent, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.consents[id]
	return c, ok
}

func (f *fakeGateway) putConsent(c wire.Consent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.consents[c.ID] = c
}

func (f *fakeGateway) routeLists(mux *http.ServeMux) {
	serial := "SN\x1b[31m-1"
	customer := wire.Customer{ID: "t1", CompanyProfile: wire.CompanyProfile{CompanyName: "Fabrikam", Domain: "fabrikam.example"}}
	mux.HandleFunc("GET /v1/customers", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, wire.NewCollection([]wire.Customer{customer}, "/customers", ""))
	})
	mux.HandleFunc("GET /v1/partners/me/budgets", func(w http.ResponseWriter, r *http.Request) {
		at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
		name := "devices"
		if r.URL.Query().Get("tenant") == "t1" {
			name = "tenant-devices"
		}
		writeJSON(w, 200, wire.Budgets{
			Items:  []wire.Budget{{Name: name, Unit: "devices", Limit: 500, PeriodSeconds: 3600, NextAt: at, FullAt: at.Add(time.Hour)}},
			Prices: []wire.Price{{Call: "an upload", Budget: name, Cost: 1, Per: "row"}},
		})
	})
	mux.HandleFunc("GET /v1/customers/t1", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, customer) })
	mux.HandleFunc("GET /v1/customers/t1/deviceBatches", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, wire.NewCollection([]wire.DeviceBatch{{ID: "north depot", DevicesCount: 2, CreationDate: "2026-11-23T10:00:00"}}, "", ""))
	})
	mux.HandleFunc("GET /v1/customers/t1/deviceBatches/{batch}/devices", func(w http.ResponseWriter, r *http.Request) {
		devices := []wire.Device{{ID: "d1", SerialNumber: &serial, UploadedDate: "2026-11-23T10:00:00"}, {ID: "d2 of " + r.PathValue("batch")}}
		writeJSON(w, 200, wire.NewCollection(devices, "", ""))
	})
	device := wire.RegisteredDevice{
		ID: "d1", TenantID: "t1", State: "active", SerialNumber: serial, ProductKey: "3300000000001", OrderData: wire.OrderData{GroupTag: "north"},
		RegisteredBy: "grant", PartnerID: "p1", TrackingID: "track-1", Row: 2, RegisteredAt: someDay, CapturedAt: someDay,
	}
	mux.HandleFunc("GET /v1/devices", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked = append(f.asked, r.URL.RawQuery)
		f.mu.Unlock()
		writeJSON(w, 200, wire.NewPage([]wire.RegisteredDevice{device}, ""))
	})
	events := []wire.DeviceEvent{
		{At: someDay, Kind: "registered", TrackingID: "track-1", Row: 2, PartnerID: "p1"},
		{At: someDay.Add(time.Hour), Kind: "seen", TrackingID: "track-2", Row: 1, Reason: "same_device"},
	}
	mux.HandleFunc("GET /v1/devices/{id}", func(w http.ResponseWriter, r *http.Request) {
		one := device
		one.ID, one.History = r.PathValue("id"), events[:1]
		if one.ID == "long" {
			one.HistoryLink = "/v1/devices/long/history?cursor=1"
		}
		writeJSON(w, 200, one)
	})
	mux.HandleFunc("GET /v1/devices/{id}/history", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, wire.NewPage(events, "")) })
	f.routeAttention(mux)
	mux.HandleFunc("GET /v1/dispatches", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, wire.NewPage([]wire.Dispatch{{ID: 4711, Kind: "register", FirstRow: 1, LastRow: 500, LastError: "core: refused", CreatedAt: someDay}}, ""))
	})
	mux.HandleFunc("POST /v1/dispatches/4711/restart", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
}

func (f *fakeGateway) routeAttention(mux *http.ServeMux) {
	open := wire.AttentionCase{
		ID: "case-1", State: "open", Settler: "customer", Rule: 9, Reason: "board-or-tpm-changed", TenantID: "t1", PartnerID: "p1",
		TrackingID: "track-1", Row: 7, Times: 2, OpenedAt: someDay, LastSeenAt: someDay.Add(time.Hour),
		Involved: []wire.Involved{{DeviceID: "d1", Record: "yours", Agreeing: []string{"S", "D"}, Conflicting: []string{"E", "U"}, Unknown: []string{"K"}}},
	}
	mux.HandleFunc("GET /v1/attention", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked = append(f.asked, r.URL.RawQuery)
		f.mu.Unlock()
		writeJSON(w, 200, wire.NewPage([]wire.AttentionCase{open}, ""))
	})
	mux.HandleFunc("GET /v1/attention/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != open.ID {
			refuseWith(w, r, "case_not_found", "")
			return
		}
		writeJSON(w, 200, open)
	})
	mux.HandleFunc("POST /v1/attention/case-1/settle", func(w http.ResponseWriter, r *http.Request) {
		var how wire.Settling
		if err := json.NewDecoder(r.Body).Decode(&how); err != nil {
			panic(err)
		}
		if how.As == "different" {
			refuseWith(w, r, "case_settled", "")
			return
		}
		done, at := open, someDay.Add(2*time.Hour)
		done.State, done.SettledAt, done.SettledAs, done.SettledBy = "settled", &at, how.As, "tenant"
		done.DeviceID, done.NewDevice, done.Note = how.Device, "d2", how.Note
		writeJSON(w, 200, done)
	})
	mux.HandleFunc("GET /v1/devices/d1/explanation", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, wire.NewPage([]wire.Explanation{
			{At: someDay, Kind: "registered", Verdict: "new", Rule: 12, Agreeing: []string{}, Conflicting: []string{}, Unknown: []string{}, TrackingID: "track-1", Row: 2},
			{At: someDay.Add(time.Hour), Kind: "attention", Verdict: "attention", Rule: 9, Reason: "board-or-tpm-changed", Agreeing: []string{"S"}, Conflicting: []string{"E"}, TrackingID: "track-1", Row: 7, CaseID: "case-1"},
		}, ""))
	})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuseWith(w http.ResponseWriter, r *http.Request, word, after string) {
	code, ok := wire.Lookup(word)
	if !ok {
		panic("no such word: " + word)
	}
	w.Header().Set("MS-RequestId", r.Header.Get("MS-RequestId"))
	if after != "" {
		w.Header().Set("Retry-After", after)
	}
	if code.Status == http.StatusTooManyRequests {
		writeJSON(w, 429, wire.Throttled{StatusCode: 429, Message: "Rate limit is exceeded."})
		return
	}
	writeJSON(w, code.Status, wire.Problem{
		Code: code.Number, Description: code.Title + ".", Title: code.Title, Status: code.Status, Detail: code.Title + ".",
		Reason: code.Word, NextActor: code.NextActor, Retryable: code.Retryable,
	})
}
