package portal_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/authz/signin"
	"countersign/consent"
	"countersign/gateway/portal"
	"countersign/internal/errs"
	"countersign/internal/ledger/proof"
	"countersign/models"
	"countersign/registration"
)

// The people and partners of the tests.
const (
	fabrikam  models.TenantID  = "0190aaaa-0000-7000-8000-000000000001"
	contoso   models.TenantID  = "0190aaaa-0000-7000-8000-000000000002"
	northwind models.PartnerID = "0190bbbb-0000-7000-8000-000000000001"
	waiting                    = "0190cccc-0000-7000-8000-000000000001"
	live                       = "0190dddd-0000-7000-8000-000000000001"
	gone                       = "0190dddd-0000-7000-8000-000000000002"
	ending                     = "0190dddd-0000-7000-8000-000000000003"
	derived                    = "0190dddd-0000-7000-8000-00000000000d"
	secret                     = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
)

var now = time.Date(2026, 11, 26, 14, 5, 0, 0, time.UTC)

// world is what stands behind the pages: one request, some permissions, two people. It
// counts what was changed.
type world struct {
	mu       sync.Mutex
	requests map[string]*models.ConsentRequest
	grants   map[string]*models.Grant
	events   map[string][]models.ConsentEvent
	sessions map[string]*signin.Session
	devices  []registration.Device
	changes  []string
	blocked  []models.PartnerID
	others   []string // providers of the partner
	partner  models.Partner
	fail     error  // every reading fails with it
	provider string // where sign-ins are sent to; empty takes an address nobody opens
	actors   []consent.Actor
	readings []consent.Reading
}

func newWorld() *world {
	limit := int64(500)
	tenant := fabrikam
	w := &world{
		requests: map[string]*models.ConsentRequest{}, grants: map[string]*models.Grant{},
		events: map[string][]models.ConsentEvent{}, sessions: map[string]*signin.Session{},
		partner: models.Partner{ID: northwind, Kind: models.DirectReseller, Name: "Northwind Devices", MPNID: "4711004", State: models.PartnerActive, CreatedAt: now.AddDate(-2, 0, 0)},
	}
	w.requests[waiting] = &models.ConsentRequest{
		ID: waiting, PartnerID: northwind, TenantRef: "fabrikam.example", TenantID: &tenant, State: models.RequestPending,
		Purpose: "Notebooks for the new office in Lyon, delivered in four lots from January on.", Reference: "PO 2026-0815",
		Scopes: "devices.register devices.remove", DeviceLimit: &limit,
		GrantUntil: now.AddDate(1, 0, 0), ExpiresAt: now.AddDate(0, 0, 7), CreatedAt: now.Add(-26 * time.Hour),
	}
	w.events[waiting] = []models.ConsentEvent{{Subject: models.SubjectRequest, ToState: "pending", Actor: models.ActorPartner, At: now.Add(-26 * time.Hour)}}
	w.addGrant(live, models.GrantActive, 412, 16)
	w.addGrant(gone, models.GrantRevoked, 88, 0)
	w.addGrant(ending, models.GrantRevoking, 12, 3)
	for i := range 3 {
		w.devices = append(w.devices, device(i))
	}
	return w
}

func (w *world) addGrant(id string, state models.GrantState, used, reserved int64) {
	limit := int64(500)
	g := &models.Grant{
		ID: models.GrantID(id), PartnerID: northwind, TenantID: fabrikam, State: state, Epoch: 1, Scopes: "devices.register devices.read",
		DeviceLimit: &limit, DevicesUsed: used, DevicesReserved: reserved, ExpiresAt: now.AddDate(0, 7, 3), CreatedAt: now.AddDate(0, -4, -12),
	}
	lately := now.Add(-3 * time.Hour)
	g.LastUsedAt = &lately
	history := []models.ConsentEvent{{Subject: models.SubjectGrant, ToState: "active", Actor: models.ActorCustomer, At: g.CreatedAt}}
	if state != models.GrantActive {
		at := now.Add(-time.Minute)
		g.EndedAt = &at
		history = append(history, models.ConsentEvent{Subject: models.SubjectGrant, FromState: "active", ToState: "revoking", Actor: models.ActorCustomer, Reason: "The roll-out is over.", At: at})
	}
	if state == models.GrantRevoked {
		history = append(history, models.ConsentEvent{Subject: models.SubjectGrant, FromState: "revoking", ToState: "revoked", Actor: models.ActorSystem, At: now.Add(-59*time.Second + 217*time.Millisecond)})
	}
	w.grants[id], w.events[id] = g, history
}

func device(i int) registration.Device {
	return registration.Device{
		Registration: models.Registration{
			ID: models.DeviceID(fmt.Sprintf("0190eeee-0000-7000-8000-00000000000%d", i+1)), TenantID: fabrikam, State: models.RegistrationActive,
			PartnerID: northwind, GrantID: live, GroupTag: "LYON", RegisteredAt: now.Add(-time.Duration(i) * time.Hour),
		},
		Identity: models.DeviceIdentity{SerialNumber: fmt.Sprintf("5CG4%06d", 730100+i), Manufacturer: "Contoso Hardware", Model: "Book 14 G9"},
	}
}

// person signs somebody in and returns the cookie.
func (w *world) person(tenant models.TenantID, role models.PersonRole, fresh bool) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	cookie := fmt.Sprintf("session-%d", len(w.sessions)+1)
	w.sessions[cookie] = &signin.Session{
		Person: models.Person{ID: "0190ffff-0000-7000-8000-000000000001", TenantID: tenant, Name: "Adele Vance", Email: "adele@fabrikam.example", Role: role, Issuer: "https://login.fabrikam.example", Subject: "s-1"},
		CSRF:   "token-of-" + cookie, Fresh: fresh, AMR: []string{"pwd", "otp"}, AuthTime: now.Add(-time.Minute),
	}
	return cookie
}

func (w *world) change(format string, args ...any) {
	w.changes = append(w.changes, fmt.Sprintf(format, args...))
}

func (w *world) changed() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.changes)
}

// Consent.

func (w *world) List(_ context.Context, f consent.Filter) (items []consent.Consent, next string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return nil, "", w.fail
	}
	if f.Viewer.TenantID != fabrikam {
		return nil, "", nil
	}
	for _, id := range slices.Sorted(mapKeys(w.requests)) {
		r := w.requests[id]
		if (f.State == "" || f.State == string(r.State)) && (f.PartnerID == "" || f.PartnerID == r.PartnerID) && r.State != models.RequestGranted {
			items = append(items, consent.Consent{Kind: consent.KindRequest, Request: r, PartnerName: w.partner.Name})
		}
	}
	for _, id := range slices.Sorted(mapKeys(w.grants)) {
		g := w.grants[id]
		if f.State == "" || f.State == string(g.State) {
			items = append(items, consent.Consent{Kind: consent.KindGrant, Grant: g, PartnerName: w.partner.Name})
		}
	}
	return items, "", nil
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (w *world) Get(_ context.Context, actor consent.Actor, id string) (consent.Consent, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return consent.Consent{}, w.fail
	}
	if actor.TenantID != fabrikam {
		return consent.Consent{}, consent.ErrNotFound
	}
	if r, ok := w.requests[id]; ok {
		c := *r
		return consent.Consent{Kind: consent.KindRequest, Request: &c, PartnerName: w.partner.Name}, nil
	}
	if g, ok := w.grants[id]; ok {
		c := *g
		return consent.Consent{Kind: consent.KindGrant, Grant: &c, PartnerName: w.partner.Name, Request: w.requests[waiting]}, nil
	}
	return consent.Consent{}, consent.ErrNotFound
}

func (w *world) History(_ context.Context, _ consent.Actor, id string) ([]models.ConsentEvent, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events[id]), nil
}

func (w *world) Asked(_ context.Context, _ consent.Actor, request models.ConsentRequest) (consent.Promise, error) {
	return consent.PromiseOf(request).With(w.others), nil
}

func (w *world) Offered(context.Context, consent.Actor, models.PartnerID) (consent.Promise, error) {
	return consent.Offer(w.others), nil
}

func (w *world) Grant(_ context.Context, actor consent.Actor, id models.RequestID, terms consent.Terms) (models.Grant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.requests[string(id)]
	if r == nil || actor.TenantID != fabrikam {
		return models.Grant{}, consent.ErrNotFound
	}
	if r.State != models.RequestPending {
		return models.Grant{}, consent.ErrWrongState
	}
	grant := models.Grant{ID: "0190dddd-0000-7000-8000-00000000000a", PartnerID: northwind, TenantID: fabrikam, State: models.GrantActive, Scopes: strings.Join(terms.Scopes, " "), CreatedAt: now, ExpiresAt: *terms.ExpiresAt, DeviceLimit: terms.Limits.Devices}
	r.State, r.GrantID = models.RequestGranted, &grant.ID
	w.grants[string(grant.ID)] = &grant
	w.actors, w.readings = append(w.actors, actor), append(w.readings, terms.Shown)
	w.change("grant %s %v", strings.Join(terms.Scopes, "+"), terms.ExpiresAt.Format(time.RFC3339))
	return grant, nil
}

func (w *world) Decline(_ context.Context, actor consent.Actor, id models.RequestID, reason string) (models.ConsentRequest, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.requests[string(id)]
	if r == nil || actor.TenantID != fabrikam {
		return models.ConsentRequest{}, consent.ErrNotFound
	}
	if r.State != models.RequestPending {
		return models.ConsentRequest{}, consent.ErrWrongState
	}
	r.State = models.RequestDeclined
	w.change("decline %s", reason)
	return *r, nil
}

func (w *world) move(name string, actor consent.Actor, id models.GrantID, to models.GrantState, from ...models.GrantState) (models.Grant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.grants[string(id)]
	if g == nil || actor.TenantID != fabrikam {
		return models.Grant{}, consent.ErrNotFound
	}
	if !slices.Contains(from, g.State) {
		return models.Grant{}, consent.ErrWrongState
	}
	g.State = to
	w.change("%s", name)
	return *g, nil
}

func (w *world) Revoke(_ context.Context, actor consent.Actor, id models.GrantID, _ string) (consent.Revocation, error) {
	g, err := w.move("revoke", actor, id, models.GrantRevoking, models.GrantActive, models.GrantSuspended, models.GrantRevoking)
	if err == nil {
		at := now
		w.mu.Lock()
		w.grants[string(id)].EndedAt = &at
		w.mu.Unlock()
	}
	return consent.Revocation{Grant: g}, err
}

func (w *world) Suspend(_ context.Context, actor consent.Actor, id models.GrantID, _ string) (models.Grant, error) {
	return w.move("suspend", actor, id, models.GrantSuspended, models.GrantActive)
}

func (w *world) Resume(_ context.Context, actor consent.Actor, id models.GrantID, _ string) (models.Grant, error) {
	return w.move("resume", actor, id, models.GrantActive, models.GrantSuspended)
}

func (w *world) Amend(_ context.Context, actor consent.Actor, id models.GrantID, a consent.Amendment) (models.Grant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.grants[string(id)]
	if g == nil || actor.TenantID != fabrikam {
		return models.Grant{}, consent.ErrNotFound
	}
	if len(a.Scopes) > len(strings.Fields(g.Scopes)) && (actor.Person.Stale || actor.Person.AuthTime.Before(now.Add(-time.Hour))) {
		return models.Grant{}, consent.ErrSignInAgain
	}
	if slices.Contains(a.Limits.Manufacturers, "wrong") {
		return models.Grant{}, consent.ErrInvalid.WithFields(errs.Field{Name: "manufacturers", Cause: "is wider"})
	}
	w.readings = append(w.readings, a.Shown)
	w.change("amend %s %d %v %s", strings.Join(a.Scopes, "+"), *a.Limits.Devices, a.Limits.Manufacturers, a.ExpiresAt.Format(time.RFC3339))
	return *g, nil
}

func (w *world) Renew(_ context.Context, actor consent.Actor, id models.GrantID, until *time.Time, shown consent.Reading) (models.Grant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readings = append(w.readings, shown)
	g := w.grants[string(id)]
	if g == nil || actor.TenantID != fabrikam {
		return models.Grant{}, consent.ErrNotFound
	}
	w.change("renew %s", until.Format(time.RFC3339))
	return *g, nil
}

func (w *world) PreviewEnd(_ context.Context, actor consent.Actor, id models.GrantID) (consent.Consequences, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.grants[string(id)]
	if g == nil || actor.TenantID != fabrikam {
		return consent.Consequences{}, consent.ErrNotFound
	}
	parent := g.ID
	child := models.Grant{ID: derived, State: models.GrantActive, DerivedFrom: &parent}
	return consent.Consequences{
		Grant: *g, Waiting: g.DevicesReserved, Stay: g.DevicesUsed,
		Derived: []consent.Consent{{Kind: consent.KindGrant, Grant: &child, PartnerName: "Tailwind Distribution"}},
	}, nil
}

func (w *world) Give(_ context.Context, actor consent.Actor, gift consent.Gift) (models.Grant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readings = append(w.readings, gift.Shown)
	w.change("give %s %s until %s by %s", gift.Partner[:8], strings.Join(gift.Scopes, "+"), gift.ExpiresAt.Format(time.RFC3339), actor.Person.Name)
	return models.Grant{ID: live}, nil
}

func (w *world) Receipt(_ context.Context, actor consent.Actor, id string, seq int64) (consent.Receipt, error) {
	found, err := w.Get(context.Background(), actor, id)
	if err != nil {
		return consent.Receipt{}, err
	}
	if seq > 12 {
		return consent.Receipt{}, consent.ErrNoReceipt
	}
	notices := []proof.Notice{}
	for _, language := range consent.Languages() {
		promise := consent.PromiseOf(*found.Request)
		words := consent.Wording(language, promise)
		notices = append(notices, proof.Notice{
			Language: language, Version: words.Version, SHA256: words.Digest(), May: words.May, Cannot: words.Cannot,
			Happens: words.Happens, Data: words.Data, Limits: words.Limits, Until: words.Until, End: words.End,
		})
	}
	return consent.Receipt{JWS: "e30.e30.c2ln", Content: proof.Receipt{
		ReceiptID: "0190abcd-0000-7000-8000-000000000001", RecordID: id, Notices: notices,
		Parties: []proof.Party{{ID: string(northwind), Name: w.partner.Name, Role: "partner"}, {ID: string(fabrikam), Name: "Fabrikam", Role: "customer"}},
		Event:   proof.Event{Type: "consent.granted", State: "active", Time: now, By: "customer", Name: "Adele Vance"},
		Terms:   proof.Terms{Purpose: found.Request.Purpose, Reference: found.Request.Reference},
		Ledger:  proof.Proof{Seq: 12, Hash: strings.Repeat("ab", 32)},
	}}, nil
}

func (w *world) RequestByLink(_ context.Context, actor consent.Actor, given string) (consent.Consent, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if given == secret && actor.TenantID == fabrikam && w.requests[waiting].State == models.RequestPending {
		return consent.Consent{Kind: consent.KindRequest, Request: w.requests[waiting], PartnerName: w.partner.Name}, nil
	}
	return consent.Consent{}, consent.ErrLink
}

func (w *world) Block(_ context.Context, _ consent.Actor, p models.PartnerID, how consent.Blocking) (consent.Block, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocked = append(w.blocked, p)
	w.change("block %s", how.Reason)
	return consent.Block{Partner: p}, nil
}

func (w *world) Blocked(context.Context, consent.Actor) (all []consent.Block, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.blocked {
		all = append(all, consent.Block{Partner: p, PartnerName: w.partner.Name, Reason: "Too many questions.", Since: now})
	}
	return all, nil
}

func (w *world) Unblock(_ context.Context, _ consent.Actor, p models.PartnerID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocked = slices.DeleteFunc(w.blocked, func(b models.PartnerID) bool { return b == p })
	w.change("unblock")
	return nil
}

// kit is the pages on a server of their own.
type kit struct {
	t      *testing.T
	world  *world
	server *httptest.Server
	deps   portal.Deps
}

func newKit(t *testing.T, change ...func(*portal.Deps)) *kit {
	t.Helper()
	w := newWorld()
	k := &kit{t: t, world: w}
	var handler http.Handler
	k.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))
	t.Cleanup(k.server.Close)
	ids := 0
	var mu sync.Mutex
	k.deps = portal.Deps{
		SignIn: w, Setup: setup{w}, Clients: setup{w}, Consents: w, Decider: w, Changer: w, Receipts: w, Directory: w, Domains: domains{w}, Devices: w, Links: w, Blocks: w, Remover: w, Ledger: chains{},
		URL: k.server.URL, Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})), Now: func() time.Time { return now },
		NewID: func() string { mu.Lock(); defer mu.Unlock(); ids++; return fmt.Sprintf("call-%d", ids) },
	}
	for _, c := range change {
		c(&k.deps)
	}
	var err error
	if handler, err = portal.New(k.deps); err != nil {
		t.Fatal(err)
	}
	return k
}
