package consent

import (
	"context"
	"testing"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models/migrations"
)

// BenchmarkCheck measures what an upload pays for consent, beside the reading of the
// clock that it would pay without: the early look, and the gate in a transaction.
func BenchmarkCheck(b *testing.B) {
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		w := settle(b, dbtest.New(b, dialect, migrations.Gateway))
		w.granted(b, 1_000_000)
		permit, err := w.Check(b.Context(), w.ask)
		if err != nil {
			b.Fatal(err)
		}
		seen := w.ask
		seen.Seen = &permit
		inTx := func(fn func(ctx context.Context, tx *db.Tx) error) func() error {
			return func() error { return w.d.InTx(b.Context(), fn) }
		}
		for _, one := range []struct {
			name string
			do   func() error
		}{
			{"clock", func() error { _, err := w.d.Now(b.Context()); return err }},
			{"early", func() error { _, err := w.Check(b.Context(), w.ask); return err }},
			{"clockInTx", inTx(func(ctx context.Context, tx *db.Tx) error { _, err := tx.Now(ctx); return err })},
			{"gateInTx", inTx(func(ctx context.Context, tx *db.Tx) error { _, err := w.CheckTx(ctx, tx, seen); return err })},
		} {
			b.Run(string(dialect)+"/"+one.name, func(b *testing.B) {
				for b.Loop() {
					if err := one.do(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
