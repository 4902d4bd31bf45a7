package consent

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/internal/ledger"
	"countersign/internal/ledger/proof"
	"countersign/models"
)

// plain signs nothing: typ, a blank, and what would be signed.
type plain struct{}

func (plain) Sign(typ string, claims any) (string, error) {
	text, err := json.Marshal(claims)
	return typ + " " + string(text), err
}

// openPlain is the way back.
func openPlain(typ string) proof.Open {
	return func(raw string) ([]byte, error) {
		text, ok := strings.CutPrefix(raw, typ+" ")
		if !ok {
			return nil, errors.New("it is another kind")
		}
		return []byte(text), nil
	}
}

func (w *world) receipts(t *testing.T) (*Receipts, *ledger.Sequencer) {
	t.Helper()
	s, err := ledger.NewSequencer(ledger.Deps{DB: w.d, Signer: plain{}, Issuer: "https://gw.example", Holder: "here"})
	if err != nil {
		t.Fatal(err)
	}
	return NewReceipts(ReceiptDeps{
		Service: w.Service, Chains: ledger.NewReader(w.d), Signer: plain{}, Issuer: "https://gw.example",
		Withdrawal: "https://gw.example/portal", Now: w.clock.Now,
	}), s
}

func order(t *testing.T, s *ledger.Sequencer) {
	t.Helper()
	if _, err := s.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// There is a receipt for the request, the grant, each change and the end, for both sides;
// each verifies, and says what the grant said then.
func TestReceiptsOfALife(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		receipts, sequencer := w.receipts(t)
		grant := w.granted(t, 500)
		for _, change := range []func() error{
			func() error { _, err := w.Suspend(t.Context(), w.byCust, grant.ID, "holiday"); return err },
			func() error { _, err := w.Resume(t.Context(), w.byCust, grant.ID, ""); return err },
			func() error { _, err := w.Revoke(t.Context(), w.byCust, grant.ID, "over"); return err },
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
		}
		order(t, sequencer)
		want := []string{"consent.requested", "consent.granted", "consent.suspended", "consent.resumed", "consent.revoking", "consent.revoked"}
		for _, who := range []Actor{w.byFirm, w.byCust} {
			for i, kind := range want {
				got, err := receipts.Receipt(t.Context(), who, string(grant.ID), int64(i+1))
				if err != nil {
					t.Fatalf("%s, %s: %v", who.Kind, kind, err)
				}
				r, err := proof.ReadReceipt(got.JWS, openPlain(proof.ReceiptType), openPlain(proof.CheckpointType))
				if err != nil {
					t.Fatalf("%s, %s: %v", who.Kind, kind, err)
				}
				full := r.Event.Type == kind && r.Terms.Purpose != "" && len(r.Terms.Scopes) > 0 && len(r.Notices) == 2 &&
					r.Parties[0].Name == "Contoso OEM" && r.Issuer == "https://gw.example" && r.WithdrawalMethod != ""
				if i > 0 {
					full = full && r.RecordID == string(grant.ID) && *r.Terms.DeviceLimit == 500 && r.Parties[1].Name == "Fabrikam"
				}
				if !full {
					t.Errorf("%s, %s: %+v", who.Kind, kind, r)
				}
			}
			last, err := receipts.Receipt(t.Context(), who, string(*grant.RequestID), 0)
			if err != nil || last.Content.Event.Type != "consent.revoked" || last.Content.Event.State != "revoked" {
				t.Errorf("the last: %+v, %v", last.Content.Event, err)
			}
		}
		if _, err := receipts.Receipt(t.Context(), w.byFirm, string(grant.ID), 7); !errors.Is(err, ErrNoReceipt) {
			t.Errorf("a number that is none: %v", err)
		}
		if _, err := receipts.Receipt(t.Context(), w.byOps, string(grant.ID), 0); !errors.Is(err, ErrNotYours) {
			t.Errorf("an operator: %v", err)
		}
		other := w.addPartner(t, "Other")
		if _, err := receipts.Receipt(t.Context(), other, string(grant.ID), 0); !errors.Is(err, ErrNotFound) {
			t.Errorf("another partner: %v", err)
		}
	})
}

// The words in a receipt are those whose digest the ledger recorded at the time, and no
// partner's receipt names a person of the customer.
func TestAReceiptSaysTheRecordedWordsAndNoNames(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		receipts, sequencer := w.receipts(t)
		grant := w.granted(t, 3)
		anna := w.person(t, w.byCust.TenantID, models.PersonApprover)
		anna.Person.Name = "Anna Example"
		if _, err := w.Suspend(t.Context(), anna, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		order(t, sequencer)
		theirs, err := receipts.Receipt(t.Context(), w.byFirm, string(grant.ID), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"Anna", anna.ID, anna.Person.Subject} {
			if strings.Contains(theirs.JWS+theirs.Content.Text("en"), secret) {
				t.Errorf("the partner's receipt holds %q", secret)
			}
		}
		ours, err := receipts.Receipt(t.Context(), w.byCust, string(grant.ID), 0)
		if err != nil || ours.Content.Event.Name != "Anna Example" || ours.Content.Event.Role != "approver" {
			t.Fatalf("the customer's own receipt: %+v, %v", ours.Content.Event, err)
		}
		for _, n := range ours.Content.Notices {
			if !bytes.Contains(ours.Content.Ledger.Entry, []byte(`"`+n.Language+`":"`+n.SHA256+`"`)) {
				t.Errorf("%s: the ledger holds another digest than that of the receipt's words", n.Language)
			}
			if text := ours.Content.Text(n.Language); !strings.Contains(text, n.Cannot[0]) || !strings.Contains(text, n.Until) || !strings.Contains(text, n.Limits[0]) {
				t.Errorf("%s: the text leaves sentences out:\n%s", n.Language, text)
			}
		}
	})
}

// Of a request to nobody a partner gets the same receipt as of one to a customer, but for
// ids, times and hashes.
func TestAReceiptDoesNotTellWhetherACustomerExists(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		receipts, sequencer := w.receipts(t)
		var kinds []string
		for _, tenant := range []string{"fabrikam.example", "nobody00.example"} {
			request, err := w.Request(t.Context(), w.byFirm, NewRequest{Tenant: tenant, Purpose: "laptops", Scopes: []string{GrantScopeDevicesRegister}})
			if err != nil {
				t.Fatal(err)
			}
			order(t, sequencer)
			got, err := receipts.Receipt(t.Context(), w.byFirm, string(request.ID), 0)
			if err != nil {
				t.Fatal(err)
			}
			if customer := got.Content.Parties[1]; customer != (proof.Party{Role: "customer", Addressed: tenant}) {
				t.Errorf("%s: %+v", tenant, customer)
			}
			entry := strings.ReplaceAll(string(got.Content.Ledger.Entry), string(request.ID), "ID")
			entry = strings.ReplaceAll(strings.ReplaceAll(entry, got.Content.ReceiptID, "ENTRY"), tenant, "TENANT")
			kinds = append(kinds, strings.ReplaceAll(entry, `"seq":2`, `"seq":1`))
		}
		if kinds[0] != kinds[1] {
			t.Errorf("the entries differ:\n%s\n%s", kinds[0], kinds[1])
		}
	})
}

// A history shows the numbers of its reader's own chain; the yes to a request has that of
// the grant it became.
func TestPlacesOfAHistory(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		receipts, sequencer := w.receipts(t)
		grant := w.granted(t, 0)
		for _, want := range [][]int64{{0, 0, 0}, {1, 2, 2}} {
			for _, who := range []Actor{w.byFirm, w.byCust, w.byOps} {
				events, err := w.History(t.Context(), who, string(grant.ID))
				if err != nil {
					t.Fatal(err)
				}
				places, err := receipts.Places(t.Context(), who, events)
				if err != nil {
					t.Fatal(err)
				}
				for i, e := range events {
					if places[e.ID].Seq != want[i] {
						t.Errorf("%s: event %d has number %d, want %d", who.Kind, i, places[e.ID].Seq, want[i])
					}
				}
			}
			order(t, sequencer)
		}
	})
}

// What a grant said when something was let through is what it said then, not now, and who
// gave it is named to its own side alone.
func TestBasisIsThatOfTheTime(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		receipts, sequencer := w.receipts(t)
		grant := w.granted(t, 9)
		given := w.clock.Now()
		w.clock.add(time.Hour)
		if _, err := w.Suspend(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		w.clock.add(time.Hour)
		if _, err := w.Resume(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Revoke(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		order(t, sequencer)
		for _, c := range []struct {
			at    time.Duration
			epoch int64
		}{{time.Minute, 1}, {119 * time.Minute, 1}, {121 * time.Minute, 3}, {100 * time.Hour, 3}} {
			basis, err := receipts.BasisAt(t.Context(), w.byCust, grant.ID, given.Add(c.at))
			if err != nil || basis.Epoch != c.epoch || basis.State != "active" || *basis.Terms.DeviceLimit != 9 || basis.Terms.Version != 1 || !basis.GrantedAt.Equal(given) {
				t.Errorf("after %v: %+v, %v; want epoch %d", c.at, basis, err, c.epoch)
			}
			if basis.GrantedBy.Side != "customer" || basis.GrantedBy.ID != w.byCust.ID {
				t.Errorf("given by %+v", basis.GrantedBy)
			}
		}
		theirs, err := receipts.BasisAt(t.Context(), w.byFirm, grant.ID, given)
		if err != nil || theirs.GrantedBy != (Decider{Side: "customer"}) {
			t.Errorf("the partner sees %+v, %v", theirs, err)
		}
		other := w.addPartner(t, "Other")
		if _, err := receipts.BasisAt(t.Context(), other, grant.ID, given); !errors.Is(err, ErrNotFound) {
			t.Errorf("another partner: %v", err)
		}
	})
}
