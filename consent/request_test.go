package consent

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"countersign/models"
)

func TestRequestStoresWhatWasAskedAndItsDefaults(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		ask := w.newRequest()
		ask.Tenant, ask.Limits.Devices = " "+strings.ToUpper(string(w.ask.Tenant))+" ", ptr(int64(500))
		ask.Scopes = []string{GrantScopeDevicesRead, GrantScopeDevicesRegister, GrantScopeDevicesRead}
		got, err := w.Request(t.Context(), w.byFirm, ask)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := w.rows(t.Context()).request(got.ID, scope{})
		if err != nil {
			t.Fatal(err)
		}
		want := models.ConsentRequest{
			ID: got.ID, PartnerID: w.ask.Partner, TenantRef: string(w.ask.Tenant), TenantID: &w.ask.Tenant,
			State: models.RequestPending, Purpose: ask.Purpose, Reference: ask.Reference,
			Scopes: "devices.register devices.read", DeviceLimit: ptr(int64(500)),
			GrantUntil: start.Add(365 * 24 * time.Hour), ExpiresAt: start.Add(30 * 24 * time.Hour),
			CreatedBy: models.ClientID(w.byFirm.ID), CreatedAt: start,
			LinkDigest: linkDigest(got.Secret), LinkUntil: ptr(start.Add(7 * 24 * time.Hour)),
		}
		if !reflect.DeepEqual(stored, want) {
			t.Errorf("stored %+v\nwant   %+v", stored, want)
		}
	})
}

func TestRequestNamesEachFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	early, late, far := start, start.Add(400*24*time.Hour), start.Add(20*defaultGrant)
	for name, c := range map[string]struct {
		change func(*NewRequest)
		field  string
	}{
		"no tenant":            {func(n *NewRequest) { n.Tenant = "" }, "tenant"},
		"tenant is a name":     {func(n *NewRequest) { n.Tenant = "fabrikam" }, "tenant"},
		"tenant not ASCII":     {func(n *NewRequest) { n.Tenant = "münchen.example" }, "tenant"},
		"tenant label dash":    {func(n *NewRequest) { n.Tenant = "-a.example" }, "tenant"},
		"tenant empty label":   {func(n *NewRequest) { n.Tenant = "a..example" }, "tenant"},
		"tenant too long":      {func(n *NewRequest) { n.Tenant = strings.Repeat("a.", 130) + "example" }, "tenant"},
		"tenant long label":    {func(n *NewRequest) { n.Tenant = strings.Repeat("a", 64) + ".example" }, "tenant"},
		"tenant NUL":           {func(n *NewRequest) { n.Tenant = "a.exam\x00ple" }, "tenant"},
		"no purpose":           {func(n *NewRequest) { n.Purpose = " \t" }, "purpose"},
		"purpose too long":     {func(n *NewRequest) { n.Purpose = strings.Repeat("ä", 501) }, "purpose"},
		"purpose NUL":          {func(n *NewRequest) { n.Purpose = "a\x00b" }, "purpose"},
		"purpose bad UTF-8":    {func(n *NewRequest) { n.Purpose = "a\xff" }, "purpose"},
		"purpose reordered":    {func(n *NewRequest) { n.Purpose = "a\u202eb" }, "purpose"},
		"purpose isolated":     {func(n *NewRequest) { n.Purpose = "a\u2066b" }, "purpose"},
		"purpose hides":        {func(n *NewRequest) { n.Purpose = "a\u200bb" }, "purpose"},
		"purpose leads away":   {func(n *NewRequest) { n.Purpose = "confirm at https://evil.example/x" }, "purpose"},
		"purpose names a host": {func(n *NewRequest) { n.Purpose = "sign in at evil.example first" }, "purpose"},
		"reference mails":      {func(n *NewRequest) { n.Reference = "ask joe@evil.example" }, "reference"},
		"question of a year":   {func(n *NewRequest) { n.ExpiresAt = ptr(start.Add(91 * 24 * time.Hour)) }, "expiresAt"},
		"reference too long":   {func(n *NewRequest) { n.Reference = strings.Repeat("x", 201) }, "reference"},
		"no scope":             {func(n *NewRequest) { n.Scopes = nil }, "scopes"},
		"unknown scope":        {func(n *NewRequest) { n.Scopes = []string{"devices.write"} }, "scopes"},
		"limit zero":           {func(n *NewRequest) { n.Limits.Devices = ptr(int64(0)) }, "deviceLimit"},
		"grant over at once":   {func(n *NewRequest) { n.GrantUntil = &early }, "grantUntil"},
		"grant for ever":       {func(n *NewRequest) { n.GrantUntil = &far }, "grantUntil"},
		"question over":        {func(n *NewRequest) { n.ExpiresAt = &early }, "expiresAt"},
		"question after grant": {func(n *NewRequest) { n.ExpiresAt = &late }, "expiresAt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask := w.newRequest()
			c.change(&ask)
			_, err := w.Request(t.Context(), w.byFirm, ask)
			wantFault(t, err, c.field)
		})
	}
}

func TestRequestForAShortGrantExpiresWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	ask := w.newRequest()
	ask.GrantUntil = ptr(start.Add(7 * 24 * time.Hour))
	got, err := w.Request(t.Context(), w.byFirm, ask)
	if err != nil || !got.ExpiresAt.Equal(*ask.GrantUntil) {
		t.Fatalf("expires %v, %v", got.ExpiresAt, err)
	}
}

// The answers for a known and an unknown tenant differ in what the caller wrote,
// in ids, and in nothing else, wherever the partner looks.
func TestPartnerCannotTellWhetherATenantExists(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		for known, unknown := range map[string]string{
			string(w.ask.Tenant): uuid.NewString(), "fabrikam.example": "nobody.example",
		} {
			var shapes [2][]any
			for i, tenant := range []string{known, unknown} {
				ask := w.newRequest()
				ask.Tenant = tenant
				shapes[i] = w.partnerViews(t, ask)
			}
			if !reflect.DeepEqual(shapes[0], shapes[1]) {
				t.Errorf("known   %+v\nunknown %+v", shapes[0], shapes[1])
			}
		}
	})
}

// partnerViews asks, looks at the request in every way a partner can, withdraws
// it, and returns all that was shown, with the ids and the reference blanked.
func (w *world) partnerViews(t *testing.T, ask NewRequest) []any {
	t.Helper()
	made, err := w.Request(t.Context(), w.byFirm, ask)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Get(t.Context(), w.byFirm, string(made.ID))
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := w.List(t.Context(), Filter{Viewer: w.byFirm, State: "pending"})
	if err != nil || len(list) != 1 {
		t.Fatalf("list %v, %v", list, err)
	}
	closed, err := w.Withdraw(t.Context(), w.byFirm, made.ID, "a mistake")
	if err != nil {
		t.Fatal(err)
	}
	events, err := w.History(t.Context(), w.byFirm, string(made.ID))
	if err != nil || len(events) != 2 {
		t.Fatalf("history %v, %v", events, err)
	}
	for i := range events {
		events[i].ID, events[i].SubjectID = 0, ""
	}
	for _, r := range []*models.ConsentRequest{&made.ConsentRequest, got.Request, list[0].Request, &closed} {
		if r.TenantID != nil {
			t.Errorf("the tenant's id is shown: %+v", r)
		}
		r.ID, r.TenantRef = "", ""
	}
	if len(made.Secret) != 43 {
		t.Errorf("a secret of %d characters", len(made.Secret))
	}
	made.Secret = ""
	return []any{made, got, list[0], closed, events}
}

// A partner that narrows its list by a tenant id must not learn whose a domain is.
func TestFilterByTenantDoesNotResolveDomains(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		ask := w.newRequest()
		ask.Tenant = "fabrikam.example"
		if _, err := w.Request(t.Context(), w.byFirm, ask); err != nil {
			t.Fatal(err)
		}
		list, _, err := w.List(t.Context(), Filter{Viewer: w.byFirm, TenantID: w.ask.Tenant})
		if err != nil || len(list) != 0 {
			t.Fatalf("list %v, %v", list, err)
		}
	})
}

// A tenant that appears after it was asked, by id or by domain, finds the
// request and may decide.
func TestLaterTenantFindsItsRequests(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		id := models.TenantID(uuid.NewString())
		for _, tenant := range []string{string(id), "later.example"} {
			ask := w.newRequest()
			ask.Tenant = tenant
			if _, err := w.Request(t.Context(), w.byFirm, ask); err != nil {
				t.Fatal(err)
			}
		}
		later := w.addTenantAs(t, id, "Later", "later.example")
		list, _, err := w.List(t.Context(), Filter{Viewer: later})
		if err != nil || len(list) != 2 {
			t.Fatalf("the new tenant sees %v, %v", list, err)
		}
		if _, err := w.Decline(t.Context(), later, list[0].Request.ID, ""); err != nil {
			t.Fatal(err)
		}
		grant, err := w.Grant(t.Context(), later, list[1].Request.ID, Terms{})
		if err != nil || grant.TenantID != id {
			t.Fatalf("grant %+v, %v", grant, err)
		}
		if other, _, err := w.List(t.Context(), Filter{Viewer: w.byCust}); err != nil || len(other) != 0 {
			t.Fatalf("another tenant sees %v, %v", other, err)
		}
		stored, err := w.rows(t.Context()).request(list[0].Request.ID, scope{})
		if err != nil || stored.TenantID == nil || *stored.TenantID != id {
			t.Fatalf("the decision did not fix the tenant: %+v, %v", stored, err)
		}
	})
}

func TestOnlyOwnersCloseRequests(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		request, ctx := w.request(t), t.Context()
		rival, stranger := w.addPartner(t, "Rival"), w.addTenant(t, "Stranger", "stranger.example")
		_, err := w.Withdraw(ctx, rival, request.ID, "")
		wantErr(t, err, ErrNotFound)
		_, err = w.Decline(ctx, stranger, request.ID, "")
		wantErr(t, err, ErrNotFound)
		_, err = w.Withdraw(ctx, w.byCust, request.ID, "")
		wantErr(t, err, ErrNotYours)
		_, err = w.Decline(ctx, w.byFirm, request.ID, "")
		wantErr(t, err, ErrNotYours)
		_, err = w.Decline(ctx, w.byOps, request.ID, "")
		wantErr(t, err, ErrNotYours)
		_, err = w.Request(ctx, w.byCust, w.newRequest())
		wantErr(t, err, ErrNotYours)
		_, err = w.Withdraw(ctx, w.byFirm, request.ID, "a\x00")
		wantFault(t, err, "reason")
		_, err = w.Withdraw(ctx, w.byFirm, request.ID, "see https://evil.example")
		wantFault(t, err, "reason")
		got, err := w.Withdraw(ctx, w.byFirm, request.ID, "ordered elsewhere")
		if err != nil || got.State != models.RequestWithdrawn || got.DecidedAt == nil {
			t.Fatalf("withdrawn %+v, %v", got, err)
		}
		_, err = w.Decline(ctx, w.byCust, request.ID, "")
		wantErr(t, err, ErrWrongState)
	})
}

// A question past its time is closed for everybody, also before the sweep.
func TestOverdueRequestCannotBeDecided(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		request := w.request(t)
		w.clock.add(30 * 24 * time.Hour)
		_, err := w.Grant(t.Context(), w.byCust, request.ID, Terms{})
		wantErr(t, err, ErrWrongState)
		_, err = w.Decline(t.Context(), w.byCust, request.ID, "")
		wantErr(t, err, ErrWrongState)
		w.sweepOnce(t)
		stored, err := w.rows(t.Context()).request(request.ID, scope{})
		if err != nil || stored.State != models.RequestExpired || !stored.DecidedAt.Equal(w.clock.Now()) {
			t.Fatalf("request %+v, %v", stored, err)
		}
	})
}
