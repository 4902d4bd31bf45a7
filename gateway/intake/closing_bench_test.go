package intake

import (
	"fmt"
	"testing"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
)

// The transaction that makes an upload of 100,000 rows real: it writes a row for each
// dispatch and touches none of the upload's own. It is to stay below 50 ms.
func BenchmarkClose_100kRows(b *testing.B) {
	const rows = 100_000
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		b.Run(string(d), func(b *testing.B) {
			base := dbtest.New(b, d, migrations.Gateway)
			f := newFixtureOn(b, base)
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				cl, err := f.svc.begin(b.Context(), create(fmt.Sprintf("batch %d", i)), models.UploadRegister)
				if err != nil {
					b.Fatal(err)
				}
				if err := f.svc.store.beginStaging(b.Context(), &cl.upload); err != nil {
					b.Fatal(err)
				}
				f.exec("UPDATE uploads SET row_count = ? WHERE id = ?", rows, cl.upload.ID)
				cl.upload.RowCount = rows
				for n := range rows {
					cl.tally.add(checked{ordinal: n + 1})
				}
				b.StartTimer()
				if _, err := f.svc.close(b.Context(), cl); err != nil {
					b.Fatal(err)
				}
			}
			if n := f.count("dispatches"); n == 0 || n%(rows/models.DispatchRows) != 0 {
				b.Errorf("%d dispatches", n)
			}
		})
	}
}
