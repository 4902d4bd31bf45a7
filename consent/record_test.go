package consent

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/models"
)

// entries reads the ledger in the order it was written.
func (w *world) entries(t *testing.T) []models.LedgerEntry {
	t.Helper()
	var found []models.LedgerEntry
	if err := w.d.Read().WithContext(t.Context()).Order("id").Find(&found).Error; err != nil {
		t.Fatal(err)
	}
	return found
}

// everyChange walks requests and a grant through all that can happen to them.
func (w *world) everyChange(t *testing.T) models.Grant {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Withdraw(t.Context(), w.byFirm, w.requested(t), "typing error")
	must(err)
	_, err = w.Decline(t.Context(), w.byCust, w.requested(t), "")
	must(err)
	w.requested(t)
	w.clock.add(defaultRequest)
	must(w.expireRequests(t.Context()))
	grant := w.granted(t, 500)
	_, err = w.Suspend(t.Context(), w.byCust, grant.ID, "holiday")
	must(err)
	_, err = w.Resume(t.Context(), w.byCust, grant.ID, "")
	must(err)
	_, err = w.Revoke(t.Context(), w.byCust, grant.ID, "abuse")
	must(err)
	return grant
}

// requested asks for a consent.
func (w *world) requested(t *testing.T) models.RequestID {
	t.Helper()
	r, err := w.Request(t.Context(), w.byFirm, NewRequest{
		Tenant: string(w.ask.Tenant), Purpose: "set up laptops", Reference: "PO 4711", Scopes: []string{GrantScopeDevicesRegister},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// No change of a request or grant is without an entry in the ledger, and an entry
// holds what was agreed.
func TestEveryChangeIsInTheLedger(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.everyChange(t)
		want := []string{
			"consent.requested", "consent.withdrawn", "consent.requested", "consent.declined",
			"consent.requested", "consent.expired", "consent.requested", "consent.granted",
			"consent.suspended", "consent.resumed", "consent.revoking", "consent.revoked",
		}
		var got []string
		found := w.entries(t)
		for _, e := range found {
			got = append(got, e.Kind)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("ledger %v\nwant   %v", got, want)
		}
		var terms recordedTerms
		if err := json.Unmarshal([]byte(found[8].Body), &terms); err != nil {
			t.Fatal(err)
		}
		full := found[8].SubjectID == string(grant.ID) && found[8].TenantID == w.ask.Tenant && found[8].PartnerID == w.ask.Partner &&
			terms.From == "active" && terms.To == "suspended" && terms.Reason == "holiday" && terms.Epoch == 2 &&
			terms.DeviceLimit != nil && *terms.DeviceLimit == 500 && terms.Until.Equal(grant.ExpiresAt) &&
			terms.ConsentRequest == *grant.RequestID && slices.Equal(terms.Scopes, strings.Fields(grant.Scopes))
		if !full {
			t.Errorf("entry %+v with %+v", found[8], terms)
		}
		missing, err := w.rows(t.Context()).unrecorded(0, 100)
		if err != nil || len(missing) != 0 {
			t.Errorf("%d events without an entry: %v", len(missing), err)
		}
	})
}

// A person who decides is named to its own organisation, with the evidence.
func TestAPersonIsRecordedForItsOwnSideOnly(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		anna := w.person(t, w.byCust.TenantID, models.PersonApprover)
		anna.Person.Name = "Anna Example"
		if _, err := w.Suspend(t.Context(), anna, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		found := w.entries(t)
		var body map[string]any
		if err := json.Unmarshal([]byte(found[len(found)-1].Body), &body); err != nil {
			t.Fatal(err)
		}
		person, _ := body["forTenant"].(map[string]any)
		if body["role"] != "approver" || person["name"] != "Anna Example" || person["subject"] != anna.Person.Subject {
			t.Errorf("body %v", body)
		}
		delete(body, "forTenant")
		if rest, _ := json.Marshal(body); strings.Contains(string(rest), "Anna") {
			t.Errorf("the name stands where the partner sees it: %s", rest)
		}
	})
}

// A history from before there was a ledger is written into it once, with the same
// entries.
func TestOldHistoryComesIntoTheLedgerOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.everyChange(t)
		before := w.entries(t)
		g := w.d.Write().WithContext(t.Context())
		for _, statement := range forgetLedger[string(w.d.Dialect())] {
			if err := g.Exec(statement).Error; err != nil {
				t.Fatal(err)
			}
		}
		if len(w.entries(t)) != 0 {
			t.Fatal("the ledger was not emptied")
		}
		for range 2 {
			if err := w.RecordHistory(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		after := w.entries(t)
		if len(after) != len(before) {
			t.Fatalf("%d entries, want %d", len(after), len(before))
		}
		for i := range after {
			a, b := after[i], before[i]
			a.ID, a.EntryID = b.ID, b.EntryID
			if a.Body != b.Body || a.Kind != b.Kind || *a.EventID != *b.EventID || a.SubjectID != b.SubjectID || !a.At.Equal(b.At) {
				t.Errorf("entry %d is %+v\nwant %+v", i, a, b)
			}
		}
	})
}

// forgetLedger brings a database to what it was before the ledger.
var forgetLedger = map[string][]string{
	"postgres": {"ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_no_change", "DELETE FROM ledger_entries", "DELETE FROM ledger_inbox"},
	"sqlite":   {"DROP TRIGGER ledger_entries_no_delete", "DELETE FROM ledger_entries", "DELETE FROM ledger_inbox"},
}

// A grant that its partner gives back is told as such.
func TestGivingBackHasAWordOfItsOwn(t *testing.T) {
	t.Parallel()
	event := models.ConsentEvent{Subject: models.SubjectGrant, FromState: "active", ToState: "revoking", Actor: models.ActorPartner, At: time.Now()}
	if got := kindOf(event); got != "consent.givenback" {
		t.Errorf("by the partner: %s", got)
	}
	event.Actor = models.ActorCustomer
	if got := kindOf(event); got != "consent.revoking" {
		t.Errorf("by the customer: %s", got)
	}
}
