package consent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"countersign/models"
)

// story leaves one consent in most of its states and returns their names, newest
// first, as the partner sees them.
func (w *world) story(t *testing.T) []string {
	t.Helper()
	ctx := t.Context()
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		w.clock.add(time.Minute)
	}
	declined := w.request(t)
	_, err := w.Decline(ctx, w.byCust, declined.ID, "")
	step(err)
	withdrawn := w.request(t)
	_, err = w.Withdraw(ctx, w.byFirm, withdrawn.ID, "")
	step(err)
	_, err = w.Revoke(ctx, w.byCust, w.granted(t, 0).ID, "")
	step(err)
	_, err = w.Suspend(ctx, w.byCust, w.granted(t, 0).ID, "")
	step(err)
	w.request(t)
	return []string{"request pending", "grant suspended", "grant revoked", "request withdrawn", "request declined"}
}

// told is how a list reads.
func told(items []Consent) (names []string) {
	for _, item := range items {
		if item.Kind == KindGrant {
			names = append(names, "grant "+string(item.Grant.State))
		} else {
			names = append(names, "request "+string(item.Request.State))
		}
	}
	return names
}

func (w *world) list(t *testing.T, f Filter) []Consent {
	t.Helper()
	items, _, err := w.List(t.Context(), f)
	if err != nil {
		t.Fatalf("list %+v: %v", f, err)
	}
	return items
}

func TestListShowsBothSidesTheSameStory(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		want := w.story(t)
		for name, f := range map[string]Filter{
			"partner": {Viewer: w.byFirm}, "tenant": {Viewer: w.byCust},
			"tenant, one partner": {Viewer: w.byCust, PartnerID: w.ask.Partner},
			"partner, one tenant": {Viewer: w.byFirm, TenantID: w.ask.Tenant},
			"operator":            {Viewer: w.byOps, PartnerID: w.ask.Partner},
			"operator, tenant":    {Viewer: w.byOps, TenantID: w.ask.Tenant},
		} {
			if got := told(w.list(t, f)); !slices.Equal(got, want) {
				t.Errorf("%s sees %v, want %v", name, got, want)
			}
		}
		for _, state := range []string{"pending", "declined", "withdrawn", "suspended", "revoked"} {
			if got := told(w.list(t, Filter{Viewer: w.byFirm, State: state})); len(got) != 1 || !strings.HasSuffix(got[0], " "+state) {
				t.Errorf("state %s: %v", state, got)
			}
		}
		for _, state := range []string{"active", "revoking", "expired"} {
			if got := w.list(t, Filter{Viewer: w.byFirm, State: state}); len(got) != 0 {
				t.Errorf("state %s: %v", state, told(got))
			}
		}
	})
}

func TestListGivesNamesAndTheRequestBehindAGrant(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		w.clock.add(time.Minute)
		w.request(t)
		for _, viewer := range []Actor{w.byFirm, w.byCust} {
			items := w.list(t, Filter{Viewer: viewer})
			hidden := viewer.Kind == models.ActorPartner
			if q := items[0]; q.PartnerName != "Contoso OEM" || q.Grant != nil || (q.TenantName == "") != hidden || (q.Request.TenantID == nil) != hidden {
				t.Errorf("%s sees the request as %+v %+v", viewer.Kind, q, q.Request)
			}
			if g := items[1]; g.Grant.ID != grant.ID || g.Request.Reference != "PO 4711" || g.PartnerName != "Contoso OEM" || g.TenantName != "Fabrikam" {
				t.Errorf("%s sees the grant as %+v", viewer.Kind, g)
			}
		}
	})
}

func TestNobodySeesWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant, request := w.granted(t, 0), w.request(t)
		rival, stranger := w.addPartner(t, "Rival"), w.addTenant(t, "Stranger", "stranger.example")
		for _, viewer := range []Actor{rival, stranger} {
			for _, f := range []Filter{{Viewer: viewer}, {Viewer: viewer, PartnerID: w.ask.Partner, TenantID: w.ask.Tenant}} {
				if got := w.list(t, f); len(got) != 0 {
					t.Errorf("%s lists %v", viewer.Kind, told(got))
				}
			}
			for _, id := range []string{string(grant.ID), string(request.ID), uuid.NewString(), "", "x\x00"} {
				_, err := w.Get(t.Context(), viewer, id)
				wantErr(t, err, ErrNotFound)
				_, err = w.History(t.Context(), viewer, id)
				wantErr(t, err, ErrNotFound)
				if err.Error() != ErrNotFound.Error() {
					t.Errorf("id %q: %v", id, err)
				}
			}
		}
		for _, nobody := range []Actor{{}, {Kind: models.ActorPartner}, {Kind: models.ActorCustomer}, system} {
			_, _, err := w.List(t.Context(), Filter{Viewer: nobody, PartnerID: w.ask.Partner})
			wantErr(t, err, ErrNotYours)
			_, err = w.Get(t.Context(), nobody, string(grant.ID))
			wantErr(t, err, ErrNotYours)
		}
		_, _, err := w.List(t.Context(), Filter{Viewer: w.byOps})
		wantFault(t, err, "tenant")
		_, _, err = w.List(t.Context(), Filter{Viewer: w.byFirm, State: "granted"})
		wantFault(t, err, "state")
	})
}

func TestGetByEitherId(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		for _, viewer := range []Actor{w.byFirm, w.byCust, w.byOps} {
			byRequest, err := w.Get(t.Context(), viewer, string(*grant.RequestID))
			if err != nil || byRequest.Kind != KindRequest || byRequest.Grant.ID != grant.ID || byRequest.Request.State != models.RequestGranted {
				t.Errorf("%s by request: %+v, %v", viewer.Kind, byRequest, err)
			}
			byGrant, err := w.Get(t.Context(), viewer, string(grant.ID))
			if err != nil || byGrant.Kind != KindGrant || byGrant.Request.ID != *grant.RequestID || byGrant.TenantName != "Fabrikam" {
				t.Errorf("%s by grant: %+v, %v", viewer.Kind, byGrant, err)
			}
		}
	})
}

// Each side reads the whole story, with the other side's internal names blank.
func TestHistoryAsEachSideReadsIt(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		if _, err := w.Revoke(t.Context(), w.byCust, grant.ID, "done"); err != nil {
			t.Fatal(err)
		}
		for _, viewer := range []Actor{w.byFirm, w.byCust, w.byOps} {
			events, err := w.History(t.Context(), viewer, string(grant.ID))
			if err != nil || len(events) != 5 {
				t.Fatalf("%s: %+v, %v", viewer.Kind, events, err)
			}
			for _, e := range events {
				open := viewer.Kind == models.ActorOperator || viewer.Kind == e.Actor
				if (e.ActorID != "") != open {
					t.Errorf("%s reads %+v", viewer.Kind, e)
				}
			}
		}
	})
}

// Pages join without gap or repetition, also when items share a moment and others
// come and go meanwhile.
func TestPagesAreStable(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		var want []string
		for i := range 11 {
			want = append(want, string(w.request(t).ID))
			if i%4 == 3 {
				w.clock.add(time.Millisecond / 2)
			}
		}
		slices.Reverse(want)
		var got []string
		f := Filter{Viewer: w.byFirm, Limit: 3}
		for {
			items, next, err := w.List(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range items {
				got = append(got, string(item.Request.ID))
			}
			if next == "" {
				break
			}
			f.Cursor = next
			w.clock.add(time.Millisecond)
			w.request(t)
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages give %v\nwant       %v", got, want)
		}
	})
}

func TestCursorBelongsToItsList(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		for range 3 {
			w.request(t)
		}
		_, next, err := w.List(t.Context(), Filter{Viewer: w.byFirm, Limit: 1})
		if err != nil || next == "" {
			t.Fatalf("cursor %q, %v", next, err)
		}
		flipped := "A" + next[1:]
		if next[0] == 'A' {
			flipped = "B" + next[1:]
		}
		for name, f := range map[string]Filter{
			"other state":  {Viewer: w.byFirm, State: "pending", Cursor: next},
			"other viewer": {Viewer: w.byCust, Cursor: next},
			"other tenant": {Viewer: w.byFirm, TenantID: w.ask.Tenant, Cursor: next},
			"changed":      {Viewer: w.byFirm, Cursor: flipped},
			"cut":          {Viewer: w.byFirm, Cursor: next[:20]},
			"not base64":   {Viewer: w.byFirm, Cursor: "***"},
			"foreign id":   {Viewer: w.byFirm, Cursor: position{id: "x\x00"}.encode("consents", "partner", string(w.ask.Partner), "", "")},
		} {
			if _, _, err := w.List(t.Context(), f); err == nil || !mentions(err, ErrCursor.Code) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, _, err = w.Customers(t.Context(), w.ask.Partner, next, 0)
		wantErr(t, err, ErrCursor)
	})
}

func TestPageSizeStaysInBounds(t *testing.T) {
	t.Parallel()
	for in, want := range map[int]int{-1: DefaultPage, 0: DefaultPage, 1: 1, 1000: 1000, 1001: MaxPage} {
		if got := pageSize(in); got != want {
			t.Errorf("limit %d gives %d, want %d", in, got, want)
		}
	}
}

func TestCustomersAreThoseWhoHaveAgreed(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		var agreed []string
		for i := range 5 {
			w.byCust = w.addTenant(t, fmt.Sprintf("Customer %d", i), fmt.Sprintf("z%d.example", i), fmt.Sprintf("a%d.example", i))
			w.granted(t, 0)
			agreed = append(agreed, string(w.byCust.TenantID))
		}
		slices.Sort(agreed)
		noDomain := w.addTenant(t, "No domain")
		w.byCust = noDomain
		suspended := w.granted(t, 0)
		if _, err := w.Suspend(t.Context(), w.byCust, suspended.ID, ""); err != nil {
			t.Fatal(err)
		}
		var got []string
		cursor := ""
		for pages := 0; pages == 0 || cursor != ""; pages++ {
			page, next, err := w.Customers(t.Context(), w.ask.Partner, cursor, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page {
				got = append(got, string(c.ID))
				if n := strings.TrimPrefix(c.Name, "Customer "); c.Domain != "z"+n+".example" {
					t.Errorf("customer %+v", c)
				}
			}
			cursor = next
		}
		if !slices.Equal(got, agreed) {
			t.Errorf("customers %v, want %v", got, agreed)
		}
		one, err := w.Customer(t.Context(), w.ask.Partner, models.TenantID(agreed[0]))
		if err != nil || string(one.ID) != agreed[0] || one.Domain == "" {
			t.Errorf("customer %+v, %v", one, err)
		}
		for _, tenant := range []models.TenantID{noDomain.TenantID, models.TenantID(uuid.NewString()), "x\x00"} {
			_, err := w.Customer(t.Context(), w.ask.Partner, tenant)
			wantErr(t, err, ErrNoConsent)
		}
		w.clock.add(defaultGrant)
		if page, _, err := w.Customers(t.Context(), w.ask.Partner, "", 0); err != nil || len(page) != 0 {
			t.Errorf("after a year: %v, %v", page, err)
		}
		if page, _, err := w.Customers(t.Context(), w.addPartner(t, "Rival").PartnerID, "", 0); err != nil || len(page) != 0 {
			t.Errorf("a rival's customers: %v, %v", page, err)
		}
	})
}
