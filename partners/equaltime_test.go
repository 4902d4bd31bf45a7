package partners_test

import (
	"testing"

	"gorm.io/gorm"

	"countersign/internal/errs"
	"countersign/models"
)

// What the database is asked about a client does not depend on whether there is one (A6 of
// docs/threat-model.md).
func TestClientForAuth_asksTheSameOfEveryID(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		there, _ := w.client(t, w.partner(t, "Contoso").ID)
		var statements []string
		keep := func(g *gorm.DB) { statements = append(statements, g.Statement.SQL.String()) }
		callbacks := w.d.Read().Callback()
		must(t, callbacks.Query().After("gorm:query").Register("test:keep", keep))
		must(t, callbacks.Row().After("gorm:row").Register("test:keep", keep))
		must(t, callbacks.Raw().After("gorm:raw").Register("test:keep", keep))
		asked := func(id models.ClientID) (found bool, sql []string) {
			statements = nil
			_, digests, err := w.ClientForAuth(t.Context(), id)
			if err != nil && errs.KindOf(err) != errs.NotFound {
				t.Fatal(err)
			}
			return len(digests) == 1, statements
		}
		found, known := asked(there.ID)
		foundNot, unknown := asked("p-0190a0b0-0000-7000-8000-0000000000ff")
		if !found || foundNot {
			t.Fatalf("found %v and %v, want one secret and no client", found, foundNot)
		}
		if len(known) != 1 || len(unknown) != 1 || known[0] != unknown[0] {
			t.Errorf("asked\n%q of a client and\n%q of nobody", known, unknown)
		}
	})
}
