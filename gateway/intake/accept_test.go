package intake

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

func TestAccept_smallUpload(t *testing.T) {
	m := machines(1)[0]
	run(t, func(f *fixture) {
		call := create("North Depot 07")
		call.CorrelationID, call.Key = "corr-1", "req-1"
		call.Defaults.GroupTag = " sales "
		a := f.accept(call, list(
			Row{HardwareHash: m.hash},
			Row{SerialNumber: "A1"},
			Row{SerialNumber: " A1", Manufacturer: "M", Model: "X", Order: models.OrderData{OrderNumber: "7"}},
			Row{HardwareHash: m.hash},
		))
		if want := "/customers/" + string(tenantX) + "/batchJobStatus/" + string(a.TrackingID); a.Location != want || a.Replayed {
			f.t.Errorf("answer %+v, want location %s", a, want)
		}
		up, rows := f.upload(a)
		if up.State != models.UploadQueued || up.RowCount != 4 || up.OpenRows != 2 || up.ErrorRows != 2 || up.CutOrdinal != nil ||
			up.GrantID != "grant-1" || up.BatchName != "North Depot 07" || up.RequestID != "req-1" || up.CorrelationID != "corr-1" ||
			up.ClientID != "p-1" || up.AcceptedAt == nil || up.StartedAt != nil {
			f.t.Errorf("upload %+v", up)
		}
		wantCodes := []models.OutcomeCode{"", "803", "", "9005"}
		wantStates := []models.UploadState{models.UploadQueued, models.UploadFinishedWithErrors, models.UploadQueued, models.UploadFinishedWithErrors}
		for i, row := range rows {
			if row.Ordinal != i+1 || row.Outcome.Code != wantCodes[i] || row.State != wantStates[i] || (row.SettledAt == nil) != (wantCodes[i] == "") {
				f.t.Errorf("row %d: %+v", i+1, row)
			}
		}
		if third := rows[2]; third.Identity.SerialNumber != "A1" || third.Order != (models.OrderData{OrderNumber: "7", GroupTag: "sales"}) || len(third.Warnings) != 1 {
			f.t.Errorf("third row %+v", third)
		}
		if n := f.count("upload_hashes WHERE upload_id = ? AND ordinal = 1 AND length(hash) > 500", up.ID); n != 1 || f.count("upload_hashes") != 1 {
			f.t.Errorf("%d, %d hashes kept", n, f.count("upload_hashes"))
		}
		if n := f.count("upload_rows WHERE length(hash_digest) = 32"); n != 2 {
			f.t.Errorf("%d digests kept", n)
		}
		if n := f.count(`dispatches WHERE upload_id = ? AND first_ordinal = 1 AND last_ordinal = 3 AND state = 'ready' AND kind = 'register'
			AND grant_id = 'grant-1' AND grant_epoch = 7 AND client_id = 'p-1' AND partner_id = ? AND tenant_id = ?`, up.ID, partnerA, tenantX); n != 1 {
			f.t.Errorf("%d dispatches", n)
		}
		if f.reserved != 2 || f.queue.wakes != 1 || f.budget.spent != 4 || f.budget.refunded != 0 {
			f.t.Errorf("reserved %d, wakes %d, spent %d, refunded %d", f.reserved, f.queue.wakes, f.budget.spent, f.budget.refunded)
		}
		if want := (Ask{Partner: partnerA, Client: "p-1", Tenant: tenantX, Scope: ScopeRegister}); len(f.asks) != 2 || f.asks[0] != want || f.asks[1] != want {
			f.t.Errorf("asked %+v", f.asks)
		}
	})
}

func TestAccept_finishesAtOnceWithoutOpenRows(t *testing.T) {
	run(t, func(f *fixture) {
		a := f.accept(create("bad"), list(Row{SerialNumber: "A1"}, Row{ProductKey: "1"}))
		up, _ := f.upload(a)
		if up.State != models.UploadFinishedWithErrors || up.ErrorRows != 2 || up.OpenRows != 0 || up.CompletedAt == nil || up.StartedAt == nil {
			f.t.Errorf("upload %+v", up)
		}
		if f.count("dispatches") != 0 || f.reserved != 0 || f.budget.spent != 2 {
			f.t.Errorf("dispatches %d, reserved %d, spent %d", f.count("dispatches"), f.reserved, f.budget.spent)
		}
	})
}

func TestAccept_batchNames(t *testing.T) {
	run(t, func(f *fixture) {
		inBody := tuples(1)
		inBody.name = " Depot 7%ä "
		f.accept(create(""), inBody)
		_, err := f.svc.Accept(f.t.Context(), create("DEPOT 7%Ä"), tuples(1))
		got := wantCode(f.t, err, ErrBatchExists)
		if want := "/customers/" + string(tenantX) + "/deviceBatches/Depot%207%25%C3%A4"; got.Location != want {
			f.t.Errorf("location %s, want %s", got.Location, want)
		}
		// The name in the body is only known after the early look; the closing transaction finds it.
		again := tuples(1)
		again.name = "depot 7%ä"
		_, err = f.svc.Accept(f.t.Context(), create(""), again)
		if wantCode(f.t, err, ErrBatchExists); f.budget.spent != 2 || f.budget.refunded != 1 {
			f.t.Errorf("spent %d, refunded %d", f.budget.spent, f.budget.refunded)
		}
		other := create("depot 7%ä")
		other.PartnerID = partnerB
		if _, err := f.svc.Accept(f.t.Context(), other, tuples(1)); err != nil {
			f.t.Errorf("another partner's batch of the same name: %v", err)
		}
		more := create("dEPOT 7%ä")
		more.Append = true
		a := f.accept(more, tuples(2))
		if up, _ := f.upload(a); up.BatchName != "Depot 7%ä" {
			f.t.Errorf("appended to %q", up.BatchName)
		}
		more.Tenant = tenantY
		_, err = f.svc.Accept(f.t.Context(), more, tuples(2))
		wantCode(f.t, err, ErrBatchNotFound)
		if n := f.count("batches"); n != 2 {
			f.t.Errorf("%d batches", n)
		}
	})
}

func TestAccept_refusalsLeaveNothing(t *testing.T) {
	noConsent := func(context.Context, Ask) (Permit, error) { return Permit{}, errNoConsent }
	limited := errs.New(errs.RateLimited, "rate_limit_exceeded", "later").WithRetryAfter(9 * time.Second)
	for _, tc := range []struct {
		name    string
		call    func(*Call)
		body    *body
		prepare func(*fixture)
		want    *errs.Error
		unread  bool // the body must not have been touched
	}{
		{name: "no consent", prepare: func(f *fixture) { f.consent.check = noConsent }, want: errNoConsent, unread: true},
		{name: "consent ended meanwhile", prepare: func(f *fixture) {
			f.consent.checkTx = func(context.Context, *db.Tx, Ask) (Permit, error) { return Permit{}, errNoConsent }
		}, want: errNoConsent},
		{name: "no device", body: tuples(0), want: ErrNoDevices},
		{name: "too many", body: tuples(11), call: func(c *Call) { c.MaxRows = 10 }, want: ErrTooManyRows},
		{name: "too many, staged", body: tuples(1300), call: func(c *Call) { c.MaxRows = 1200 }, want: ErrTooManyRows},
		{name: "batch name", call: func(c *Call) { c.BatchName = "a/b" }, want: ErrBatchName, unread: true},
		{name: "no batch name", call: func(c *Call) { c.BatchName = "" }, want: ErrBatchName},
		{name: "append to nothing", call: func(c *Call) { c.Append = true }, want: ErrBatchNotFound, unread: true},
		{name: "defaults", call: func(c *Call) { c.Defaults.GroupTag = "\x00" }, want: ErrDefaults, unread: true},
		{name: "budget", prepare: func(f *fixture) { f.budget.refuse = limited }, want: limited},
		{name: "budget, staged", body: tuples(1200), prepare: func(f *fixture) { f.budget.refuse = limited }, want: limited},
		{name: "whole budget", prepare: func(f *fixture) {
			f.budget.refuse = errs.New(errs.Invalid, "larger_than_budget", "5 are more than 4")
		}, want: ErrLargerBudget},
		{name: "strict", call: func(c *Call) { c.Strict = true }, prepare: func(f *fixture) { f.left = new(int64) }, want: ErrLimitExceeded},
		{name: "strict, staged", body: tuples(1200), call: func(c *Call) { c.Strict = true }, prepare: func(f *fixture) { f.left = new(int64) }, want: ErrLimitExceeded},
		{name: "limit always raced", prepare: func(f *fixture) {
			f.consent.reserve = func(context.Context, *db.Tx, Permit, int64) error { return ErrLimitRaced }
		}, want: ErrContended},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run(t, func(f *fixture) {
				call, src := keyed(create("depot"), "req"), tuples(5)
				if tc.body != nil {
					src = &body{n: tc.body.n, row: tc.body.row}
				}
				if tc.call != nil {
					tc.call(&call)
				}
				if tc.prepare != nil {
					tc.prepare(f)
				}
				_, err := f.svc.Accept(f.t.Context(), call, src)
				got := wantCode(f.t, err, tc.want)
				if got.RetryAfter < tc.want.RetryAfter {
					f.t.Errorf("retry after %s", got.RetryAfter)
				}
				if tc.unread && src.given != 0 {
					f.t.Errorf("%d rows were read", src.given)
				}
				f.nothingLeft()
			})
		})
	}
}

func TestAccept_limitCutsInInputOrder(t *testing.T) {
	m := machines(4)
	run(t, func(f *fixture) {
		left := int64(2)
		f.left = &left
		a := f.accept(create("depot"), list(
			Row{HardwareHash: m[0].hash}, Row{ProductKey: "1"}, Row{HardwareHash: m[1].hash},
			Row{HardwareHash: m[2].hash}, Row{ProductKey: "2"}, Row{HardwareHash: m[3].hash},
		))
		up, rows := f.upload(a)
		if up.OpenRows != 2 || up.ErrorRows != 4 || up.CutOrdinal == nil || *up.CutOrdinal != 3 || f.reserved != 2 {
			f.t.Errorf("upload %+v, reserved %d", up, f.reserved)
		}
		want := []models.OutcomeCode{"", "801", "", "9002", "801", "9002"}
		for i, row := range rows {
			if row.Outcome.Code != want[i] || (row.State == models.UploadQueued) != (want[i] == "") || (row.Sentence == "") != (want[i] == "") {
				f.t.Errorf("row %d: %+v", i+1, row)
			}
		}
		if n := f.count("upload_hashes WHERE ordinal IN (1, 3)"); n != 2 || f.count("upload_hashes") != 2 {
			f.t.Errorf("hashes: %d of the taken rows, %d in all", n, f.count("upload_hashes"))
		}
		if n := f.count("dispatches WHERE first_ordinal = 1 AND last_ordinal = 3"); n != 1 {
			f.t.Errorf("%d dispatches", n)
		}
		none := int64(0)
		f.left = &none
		up, rows = f.upload(f.accept(create("none"), tuples(2)))
		if up.State != models.UploadFinishedWithErrors || up.ErrorRows != 2 || *up.CutOrdinal != 0 || rows[0].Outcome.Code != "9002" {
			f.t.Errorf("nothing left: %+v %+v", up, rows[0])
		}
	})
}

func TestAccept_racedLimitRunsAgain(t *testing.T) {
	run(t, func(f *fixture) {
		left, tries := int64(3), 0
		f.left = &left
		f.consent.reserve = func(_ context.Context, _ *db.Tx, _ Permit, n int64) error {
			if tries++; tries == 1 {
				left = 1 // another upload was faster
				return ErrLimitRaced.WithCause(errors.New("no row changed"))
			}
			f.reserved = n
			return nil
		}
		a := f.accept(create("depot"), tuples(3))
		up, _ := f.upload(a)
		if tries != 2 || f.reserved != 1 || *up.CutOrdinal != 1 || f.count("uploads") != 1 || f.count("dispatches") != 1 {
			f.t.Errorf("tries %d, reserved %d, upload %+v", tries, f.reserved, up)
		}
		if f.budget.spent != 3 || f.budget.refunded != 0 {
			f.t.Errorf("spent %d, refunded %d", f.budget.spent, f.budget.refunded)
		}
	})
}

func TestAccept_refusedOrUnknownCommit(t *testing.T) {
	// The reservation is the last statement, so its error stands for the commit's.
	run(t, func(f *fixture) {
		f.consent.reserve = func(context.Context, *db.Tx, Permit, int64) error { return errors.New("disk full") }
		if _, err := f.svc.Accept(f.t.Context(), keyed(create("depot"), "k"), tuples(5)); errs.KindOf(err) != errs.Internal {
			f.t.Errorf("got %v", err)
		}
		f.nothingLeft()

		f.consent.reserve = func(context.Context, *db.Tx, Permit, int64) error { return db.ErrCommitUnknown }
		_, err := f.svc.Accept(f.t.Context(), keyed(create("depot"), "k"), tuples(7))
		wantCode(f.t, err, ErrOutcomeUnknown)
		if f.budget.spent != 12 || f.budget.refunded != 5 {
			f.t.Errorf("spent %d, refunded %d: an unknown commit must not be refunded", f.budget.spent, f.budget.refunded)
		}
	})
}

func TestAccept_unknownCommitThatHappened(t *testing.T) {
	run(t, func(f *fixture) {
		f.consent.reserve = func(context.Context, *db.Tx, Permit, int64) error { return nil }
		a := f.accept(create("depot"), tuples(2))
		up, _ := f.upload(a)
		// The answer to that commit is lost: the look afterwards finds the upload.
		if !f.svc.committed(f.t.Context(), &closing{call: create("depot"), upload: up.Upload}) {
			f.t.Error("a committed upload was not found")
		}
		if f.svc.committed(f.t.Context(), &closing{call: create("depot"), upload: models.Upload{TrackingID: "other"}}) {
			f.t.Error("an upload that does not exist was found")
		}
	})
}

func TestAccept_callerHangsUp(t *testing.T) {
	run(t, func(f *fixture) {
		ctx, cancel := context.WithCancel(f.t.Context())
		src := tuples(1600)
		src.pause = func(i int) {
			if i == 1500 {
				cancel()
			}
		}
		if _, err := f.svc.Accept(ctx, keyed(create("depot"), "k"), src); !errors.Is(err, context.Canceled) {
			f.t.Errorf("got %v", err)
		}
		f.nothingLeft()
	})
}
