package ledger

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
)

// sample is an entry that is complete.
func sample() Entry {
	return Entry{
		Kind: ConsentGranted, Subject: OfGrant, SubjectID: "g-1", PartnerID: "p-1", TenantID: "t-1",
		Actor: models.ActorCustomer, ActorID: "anna", RequestID: "http-1",
	}
}

func TestAMistakeInAnEntryIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Entry){
		"no kind":         func(e *Entry) { e.Kind = "" },
		"kind of a word":  func(e *Entry) { e.Kind = "granted" },
		"no subject":      func(e *Entry) { e.Subject = "" },
		"no subject id":   func(e *Entry) { e.SubjectID = "" },
		"body is a list":  func(e *Entry) { e.Body = []int{1} },
		"body is a text":  func(e *Entry) { e.Body = "x" },
		"body is endless": func(e *Entry) { e.Body = map[string]string{"x": strings.Repeat("x", maxBody)} },
		"body twice":      func(e *Entry) { e.Body = map[string]any{"x": func() {}} },
	} {
		e := sample()
		spoil(&e)
		if _, err := e.row(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := sample().row(); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

// An entry lives and dies with the transaction of the change it tells of, cannot be
// changed afterwards, and takes the database's clock.
func TestAnEntryBelongsToItsTransaction(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		d := dbtest.New(t, dialect, migrations.Gateway, dbtest.WithClock(func() time.Time { return now }))
		undone := errors.New("undone")
		err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if err := AddTx(ctx, tx, sample()); err != nil {
				t.Fatal(err)
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		err = d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			twice := sample()
			twice.Event = 7
			return errors.Join(AddTx(ctx, tx, sample()), AddTx(ctx, tx, twice), AddTx(ctx, tx, twice))
		})
		if err != nil {
			t.Fatal(err)
		}
		var entries []models.LedgerEntry
		var waiting int64
		g := d.Read().WithContext(t.Context())
		if err := errors.Join(g.Find(&entries).Error, g.Model(&models.LedgerInbox{}).Count(&waiting).Error); err != nil {
			t.Fatal(err)
		}
		if len(entries) != 2 || waiting != 2 {
			t.Fatalf("%s: %d entries, %d waiting; want 2 and 2", dialect, len(entries), waiting)
		}
		if !entries[0].At.Equal(now) || entries[0].Body != "{}" {
			t.Errorf("%s: %+v", dialect, entries[0])
		}
		for _, statement := range []string{`UPDATE ledger_entries SET actor_id = 'me'`, `DELETE FROM ledger_entries`} {
			if err := d.Write().WithContext(t.Context()).Exec(statement).Error; err == nil {
				t.Errorf("%s: %s was accepted", dialect, statement)
			}
		}
	}
}
