package registration_test

import (
	"testing"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/registration/hardwarehash"
)

// BenchmarkRegister measures a full dispatch of new devices, and of the same
// devices captured again, which are found and change nothing. Commits are not
// flushed to disk, so figures compare with each other only.
func BenchmarkRegister(b *testing.B) {
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		b.Run(string(dialect)+"/new", func(b *testing.B) {
			c := newCore(b, dbtest.New(b, dialect, migrations.Core))
			g := hardwarehash.NewGenerator(90)
			benchmarkDispatches(b, c, func() models.Submission { return dispatchOf(b, g, nil) }, "-")
		})
		b.Run(string(dialect)+"/known", func(b *testing.B) {
			c := newCore(b, dbtest.New(b, dialect, migrations.Core))
			known := dispatchOf(b, hardwarehash.NewGenerator(91), nil)
			c.register(known)
			seed := uint64(0)
			benchmarkDispatches(b, c, func() models.Submission { seed++; return dispatchOf(b, hardwarehash.NewGenerator(91), &seed) }, "806")
		})
	}
}

// BenchmarkReport measures a full dispatch of new factory records, of the same
// devices reported again, and of their registration by product key id.
func BenchmarkReport(b *testing.B) {
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		b.Run(string(dialect)+"/new", func(b *testing.B) {
			c := newCore(b, dbtest.New(b, dialect, migrations.Core))
			g := hardwarehash.NewGenerator(92)
			benchmarkRows(b, c.report, func() models.Submission { return asReport(dispatchOf(b, g, nil)) }, "-")
		})
		b.Run(string(dialect)+"/renewed", func(b *testing.B) {
			c := newCore(b, dbtest.New(b, dialect, migrations.Core))
			seed := uint64(0)
			benchmarkRows(b, c.report, func() models.Submission {
				seed++
				return asReport(dispatchOf(b, hardwarehash.NewGenerator(93), &seed))
			}, "-")
		})
		b.Run(string(dialect)+"/claimed", func(b *testing.B) {
			c := newCore(b, dbtest.New(b, dialect, migrations.Core))
			g := hardwarehash.NewGenerator(94)
			benchmarkRows(b, c.register, func() models.Submission {
				sub := dispatchOf(b, g, nil)
				c.report(asReport(sub))
				for i, row := range sub.Rows {
					report, err := hardwarehash.Decode(row.Identity.Hash)
					if err != nil {
						b.Fatal(err)
					}
					sub.Rows[i].Identity = productKey(report)
				}
				return sub
			}, "-")
		})
	}
}

// asReport is the same rows as an OEM's report.
func asReport(sub models.Submission) models.Submission {
	return reportOf(plant, sub.Rows...)
}

// dispatchOf is a full dispatch of the generator's next devices, captured again
// with a seed if one is given.
func dispatchOf(b *testing.B, g *hardwarehash.Generator, seed *uint64) models.Submission {
	ids := make([]models.DeviceIdentity, models.DispatchRows)
	for i := range ids {
		report := g.Next().Report
		if seed != nil {
			report = recapture(b, report, *seed)
		}
		ids[i] = hash(report)
	}
	return submit(granted(oak, acme), ids...)
}

func benchmarkDispatches(b *testing.B, c core, next func() models.Submission, want string) {
	benchmarkRows(b, c.register, next, want)
}

func benchmarkRows(b *testing.B, do func(models.Submission) []models.Answer, next func() models.Submission, want string) {
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		sub := next()
		b.StartTimer()
		for i, code := range codes(do(sub)) {
			if code != want {
				b.Fatalf("row %d was answered with %s", i+1, code)
			}
		}
	}
	b.ReportMetric(float64(b.N*models.DispatchRows)/b.Elapsed().Seconds(), "devices/s")
}
