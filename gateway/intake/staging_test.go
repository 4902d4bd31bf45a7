package intake

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"countersign/internal/dbtest"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/models/migrations"
)

// nobodySees asserts that readers do not see any upload.
func (f *fixture) nobodySees() {
	f.t.Helper()
	for _, scope := range []Scope{{Partner: partnerA}, {Tenant: tenantX}} {
		ups, _, err := f.reader.Uploads(f.t.Context(), scope, UploadFilter{}, Page{})
		if err != nil || len(ups) != 0 {
			f.t.Errorf("%+v sees %+v, %v", scope, ups, err)
		}
	}
	var tracking models.TrackingID
	if err := f.db.Read().WithContext(f.t.Context()).Raw("SELECT tracking_id FROM uploads").Scan(&tracking).Error; err != nil {
		f.t.Fatal(err)
	}
	if _, _, err := f.reader.BatchJobStatus(f.t.Context(), Scope{Partner: partnerA}, tracking); !errors.Is(err, ErrUploadNotFound) {
		f.t.Errorf("status of a receiving upload: %v", err)
	}
}

func TestStaging_isInvisibleUntilClosed(t *testing.T) {
	run(t, func(f *fixture) {
		src := tuples(2500)
		src.pause = func(i int) {
			if i != 2400 {
				return
			}
			if n := f.count("upload_rows"); n != 2000 {
				f.t.Errorf("%d rows are staged after 2399", n)
			}
			if f.count("uploads WHERE state = 'receiving' AND batch_id IS NULL") != 1 || f.count("dispatches") != 0 || f.count("batches") != 0 {
				f.t.Error("more than rows was stored before the end")
			}
			f.nobodySees()
		}
		began := time.Now().Add(-time.Minute)
		up, rows := f.upload(f.accept(keyed(create("depot"), "req-1"), src))
		if up.State != models.UploadQueued || up.RowCount != 2500 || up.OpenRows != 2500 || f.count("dispatches") != 5 || f.reserved != 2500 {
			f.t.Errorf("upload %+v, %d dispatches, %d reserved", up, f.count("dispatches"), f.reserved)
		}
		if up.CreatedAt.Before(began) || up.AcceptedAt.Before(up.CreatedAt) {
			f.t.Errorf("created %s, accepted %s", up.CreatedAt, up.AcceptedAt)
		}
		for i, row := range rows {
			if want := tuples(2500).row(i + 1).SerialNumber; row.Ordinal != i+1 || row.Identity.SerialNumber != want {
				f.t.Fatalf("row %d is %+v", i+1, row)
			}
		}
		if len(rows) != 2500 {
			f.t.Errorf("%d rows", len(rows))
		}
	})
}

func TestStaging_brokenContainerLeavesNothing(t *testing.T) {
	broken := errs.New(errs.Invalid, "invalid_json", "The body ends in the middle of a device.")
	for _, n := range []int{3, 1000, 1001, 2250} {
		t.Run("", func(t *testing.T) {
			run(t, func(f *fixture) {
				src := tuples(n)
				src.broken = broken
				_, err := f.svc.Accept(f.t.Context(), keyed(create("depot"), "k"), src)
				wantCode(f.t, err, broken)
				f.nothingLeft()
			})
		})
	}
}

func TestStaging_limitDropsHashesBehindTheCut(t *testing.T) {
	m := machines(1200)
	run(t, func(f *fixture) {
		left := int64(300)
		f.left = &left
		src := &body{n: 1200, row: func(i int) Row { return Row{HardwareHash: m[i-1].hash} }}
		up, rows := f.upload(f.accept(create("depot"), src))
		if up.OpenRows != 300 || up.ErrorRows != 900 || *up.CutOrdinal != 300 || rows[300].Outcome.Code != models.OutcomeConsentLimit {
			f.t.Errorf("upload %+v, row 301 %+v", up, rows[300])
		}
		if f.count("upload_hashes") != 300 || f.count("upload_hashes WHERE ordinal > 300") != 0 || f.count("upload_rows") != 1200 {
			f.t.Errorf("%d hashes, %d rows", f.count("upload_hashes"), f.count("upload_rows"))
		}
		if f.count("dispatches WHERE first_ordinal = 1 AND last_ordinal = 300") != 1 || f.count("dispatches") != 1 {
			f.t.Error("dispatches reach behind the cut")
		}
	})
}

// abandon leaves a staged upload as a crashed process would.
func (f *fixture) abandon(rows int) models.Upload {
	f.t.Helper()
	up := models.Upload{
		TrackingID: models.TrackingID(f.svc.newID()), Kind: models.UploadRegister, PartnerID: partnerA, TenantID: tenantX,
		ClientID: "p-1", GrantID: "grant-1", State: models.UploadReceiving, StagedOn: anyTime.Truncate(24 * time.Hour), CreatedAt: time.Now(),
	}
	if err := f.svc.store.beginStaging(f.t.Context(), &up); err != nil {
		f.t.Fatal(err)
	}
	r := rules{kind: models.DirectReseller, seen: &seen{}}
	m := machines(1)[0]
	var chunk []checked
	for i := 1; i <= rows; i++ {
		chunk = append(chunk, r.check(i, tuples(rows).row(i)))
	}
	chunk[0] = r.check(1, Row{HardwareHash: m.hash})
	if err := f.svc.store.stage(f.t.Context(), &up, chunk); err != nil {
		f.t.Fatal(err)
	}
	return up
}

func TestSweep_deletesWhatWasAbandoned(t *testing.T) {
	run(t, func(f *fixture) {
		kept := f.accept(create("depot"), tuples(3))
		fresh, old, halfGone := f.abandon(4), f.abandon(700), f.abandon(600)
		f.exec("UPDATE uploads SET created_at = ? WHERE id = ?", time.Now().Add(-abandonedAfter-time.Second), old.ID)
		f.exec("UPDATE uploads SET row_count = ? WHERE id = ?", deleting, halfGone.ID)
		f.exec("DELETE FROM upload_rows WHERE upload_id = ? AND ordinal <= 500", halfGone.ID)
		if err := f.svc.Sweep(f.t.Context()); err != nil {
			f.t.Fatal(err)
		}
		for _, gone := range []models.Upload{old, halfGone} {
			if f.count("uploads WHERE id = ?", gone.ID)+f.count("upload_rows WHERE upload_id = ?", gone.ID) != 0 {
				f.t.Errorf("upload %d is still there", gone.ID)
			}
		}
		if n := f.count("upload_hashes WHERE upload_id = ?", old.ID); n != 0 {
			f.t.Errorf("%d hashes are still there", n)
		}
		if f.count("upload_rows WHERE upload_id = ?", fresh.ID) != 4 {
			f.t.Error("an upload that is still being received was swept")
		}
		if up, rows := f.upload(kept); up.State != models.UploadQueued || len(rows) != 3 {
			f.t.Error("an accepted upload was swept")
		}
	})
}

func TestSweep_lateUploaderIsRefused(t *testing.T) {
	run(t, func(f *fixture) {
		src := tuples(1900)
		src.pause = func(i int) {
			if i != 1899 { // the body stood still for more than an hour, and the sweep came
				return
			}
			f.exec("UPDATE uploads SET created_at = ?", time.Now().Add(-2*abandonedAfter))
			if err := f.svc.Sweep(f.t.Context()); err != nil {
				f.t.Error(err)
			}
		}
		_, err := f.svc.Accept(f.t.Context(), keyed(create("depot"), "k"), src)
		wantCode(f.t, err, ErrAbandoned)
		f.nothingLeft()
	})
}

func TestSweep_closingMeetsASweptUpload(t *testing.T) {
	run(t, func(f *fixture) {
		up := f.abandon(5)
		f.exec("UPDATE uploads SET row_count = ?", deleting) // a sweep has begun
		cl := &closing{call: create("depot"), name: "depot", folded: "DEPOT", upload: up, tally: *tallyOf(5, "", nil)}
		_, err := f.svc.close(f.t.Context(), cl)
		wantCode(f.t, err, ErrAbandoned)
		if f.count("batches")+f.count("dispatches") != 0 {
			f.t.Error("half of the closing transaction was kept")
		}
	})
}

func TestSweep_stagingMeetsASweptUpload(t *testing.T) {
	run(t, func(f *fixture) {
		up := f.abandon(5)
		f.exec("UPDATE uploads SET row_count = ?", deleting) // a sweep has begun
		late := []checked{{ordinal: 6}}
		wantCode(f.t, f.svc.store.stage(f.t.Context(), &up, late), ErrAbandoned)
		if n := f.count("upload_rows"); n != 5 || up.RowCount != 5 {
			f.t.Errorf("%d rows, %d counted", n, up.RowCount)
		}
	})
}

func TestSweep_forgetsOldCalls(t *testing.T) {
	run(t, func(f *fixture) {
		for _, key := range []string{"old", "young"} {
			f.accept(keyed(create(key), key), tuples(1))
		}
		f.runningCall(keyed(create("x"), "dead"), "died long ago", time.Now().Add(-keysKept-time.Hour))
		f.runningCall(keyed(create("x"), "alive"), "alive", time.Now().Add(time.Minute))
		f.exec("UPDATE idempotency_keys SET created_at = ? WHERE key_digest <> ?", time.Now().Add(-keysKept-time.Minute),
			digestOf("POST", create("").Path, "young"))
		if err := f.svc.Sweep(f.t.Context()); err != nil {
			f.t.Fatal(err)
		}
		if f.count("idempotency_keys") != 2 || f.count("idempotency_keys WHERE owner = 'alive'") != 1 {
			f.t.Errorf("%d calls are left", f.count("idempotency_keys"))
		}
		if a := f.accept(keyed(create("young"), "young"), tuples(1)); !a.Replayed {
			f.t.Error("a call younger than 35 days was forgotten")
		}
	})
}

// Memory grows by about forty bytes a row for duplicates, never with the rows' content.
func TestStaging_memoryStaysFlat(t *testing.T) {
	const rows, blob = 50_000, 1500
	d := dbtest.New(t, "sqlite", migrations.Gateway)
	f := newFixture(t, d)
	var base, high uint64
	src := tuples(rows)
	row := src.row
	filler := make([]byte, blob)
	for i := range filler {
		filler[i] = 'x'
	}
	src.row = func(i int) Row {
		r := row(i)
		r.Order.CustomerReference = string(filler) // 75 MB over the upload
		return r
	}
	src.pause = func(i int) {
		if i == 2000 || i%12_000 == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			if base == 0 {
				base = m.HeapAlloc
			}
			high = max(high, m.HeapAlloc)
		}
	}
	a := f.accept(create("large"), src)
	if grown := int64(high) - int64(base); grown > 12<<20 {
		t.Errorf("the heap grew by %d MiB over %d rows", grown>>20, rows)
	}
	if up, _ := f.reader.upload(t.Context(), Scope{Partner: partnerA}, a.TrackingID); up.OpenRows != rows || f.count("dispatches") != rows/models.DispatchRows {
		t.Errorf("upload %+v, %d dispatches", up, f.count("dispatches"))
	}
}
