package partners_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"countersign/models"
	"countersign/partners"
)

// note notes an authentication and has it written.
func note(t *testing.T, r *partners.Registry, id models.ClientID, source string, refused bool) {
	t.Helper()
	r.NoteAuthentication(id, source, refused)
	r.WriteNotes(t.Context(), slog.New(slog.NewTextHandler(t.Output(), nil)))
}

// The ledger of the operators says from where a client came, once a day for each address.
func TestNoteAuthentication(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		other, err := partners.New(w.deps())
		must(t, err)
		client, _ := w.client(t, w.partner(t, "Contoso").ID)
		entries := func(kind string) int64 {
			return w.count(t, "SELECT count(*) FROM ledger_entries WHERE kind = '"+kind+"' AND subject_id = '"+string(client.ID)+"' AND partner_id = '' AND tenant_id = ''")
		}
		for range 3 {
			for _, r := range []*partners.Registry{w.Registry, other} {
				note(t, r, client.ID, "192.0.2.1", false)
				note(t, r, client.ID, "192.0.2.2", false)
				note(t, r, client.ID, "192.0.2.1", true)
			}
		}
		if good, bad := entries("client.authenticated"), entries("client.refused"); good != 2 || bad != 1 {
			t.Errorf("%d and %d entries, want 2 and 1", good, bad)
		}
		w.clock.add(24 * time.Hour)
		note(t, w.Registry, client.ID, "192.0.2.1", false)
		if n := entries("client.authenticated"); n != 3 {
			t.Errorf("%d entries on the next day, want 3", n)
		}
		for n := range 150 {
			note(t, w.Registry, client.ID, fmt.Sprintf("198.51.100.%d", n), true)
		}
		if n := entries("client.refused"); n != 100 {
			t.Errorf("%d entries of refusals, want 1 and the 99 that a day has room for", n)
		}
		for _, id := range []models.ClientID{"p-0190a0b0-0000-7000-8000-0000000000ff", "x"} {
			note(t, w.Registry, id, "192.0.2.1", true)
		}
		w.clock.add(72 * time.Hour)
		_, err = w.SweepAssertions(t.Context())
		must(t, err)
		if n := w.count(t, "SELECT count(*) FROM client_sources"); n != 0 {
			t.Errorf("%d sources are kept", n)
		}
	})
}
