package intake

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
)

// settleRow writes an outcome as the forwarder would.
func (f *fixture) settleRow(a Accepted, ordinal int, code models.OutcomeCode, detail, device string) {
	f.t.Helper()
	n := f.exec(`UPDATE upload_rows SET settled_at = ?, error_code = ?, detail = ?, device_id = nullif(?, '')
		WHERE ordinal = ? AND upload_id = (SELECT id FROM uploads WHERE tracking_id = ?)`,
		time.Now(), code, detail, device, ordinal, a.TrackingID)
	if n != 1 {
		f.t.Fatalf("row %d of %s: %d rows changed", ordinal, a.TrackingID, n)
	}
}

func TestReader_rowsAndClasses(t *testing.T) {
	run(t, func(f *fixture) {
		left := int64(6)
		f.left = &left
		src := tuples(9)
		row := src.row
		src.row = func(i int) Row {
			if i == 2 {
				return Row{Unreadable: "broken"}
			}
			return row(i)
		}
		a := f.accept(create("depot"), src) // 1, 3-7 taken; 2 refused; 8, 9 cut
		f.exec("UPDATE uploads SET state = 'processing', started_at = ?", time.Now())
		f.settleRow(a, 1, "", "", "dev-1")
		f.settleRow(a, 3, "808", "", "")
		f.settleRow(a, 4, "806", "Sent before.", "dev-4")
		f.settleRow(a, 5, "4711", "", "") // of a newer core
		f.settleRow(a, 6, "9001", "", "")
		_, rows := f.upload(a)
		var got []string
		for _, r := range rows {
			got = append(got, fmt.Sprintf("%d %s %s %s", r.Ordinal, r.State, r.Outcome.Code, r.Outcome.Class))
		}
		want := []string{
			"1 finished  done", "2 finished_with_errors 801 fix_row", "3 finished_with_errors 808 dispute", "4 finished_with_errors 806 done",
			"5 finished_with_errors 4711 wait", "6 finished_with_errors 9001 ask_customer", "7 processing  ",
			"8 finished_with_errors 9002 ask_customer", "9 finished_with_errors 9002 ask_customer",
		}
		if !slices.Equal(got, want) {
			f.t.Errorf("rows\n%q, want\n%q", got, want)
		}
		if rows[3].Sentence != "Sent before." || rows[2].Sentence != models.OutcomeOf("808").Sentence || rows[0].DeviceID != "dev-1" || rows[6].Sentence != "" {
			f.t.Errorf("sentences %q %q, device %q", rows[3].Sentence, rows[2].Sentence, rows[0].DeviceID)
		}
		for class, want := range map[models.OutcomeClass][]int{
			"": {1, 2, 3, 4, 5, 6, 7, 8, 9}, models.ClassDone: {1, 4}, models.ClassFixRow: {2}, models.ClassDispute: {3},
			models.ClassWait: {5}, models.ClassAskCustomer: {6, 8, 9}, OpenRows: {7}, models.ClassAskOperator: nil,
		} {
			if got := f.pagedRows(a, RowFilter{Class: class}); !slices.Equal(got, want) {
				f.t.Errorf("class %q: rows %v, want %v", class, got, want)
			}
		}
		for name, tc := range map[string]struct {
			filter RowFilter
			want   []int
		}{
			"failed":              {RowFilter{Class: FailedRows}, []int{2, 3, 5, 6, 8, 9}},
			"a code":              {RowFilter{ErrorCode: "808"}, []int{3}},
			"a code of the cut":   {RowFilter{ErrorCode: "9002"}, []int{8, 9}},
			"a newer core's code": {RowFilter{ErrorCode: "4711"}, []int{5}},
			"no such code":        {RowFilter{ErrorCode: "' OR 1=1"}, nil},
			"serial":              {RowFilter{SerialNumber: "SN-000004"}, []int{4}},
			"serial and class":    {RowFilter{SerialNumber: "SN-000004", Class: FailedRows}, nil},
			"key":                 {RowFilter{ProductKey: "1"}, nil},
		} {
			if got := f.pagedRows(a, tc.filter); !slices.Equal(got, tc.want) {
				f.t.Errorf("%s: rows %v, want %v", name, got, tc.want)
			}
		}
		_, _, err := f.reader.UploadRows(f.t.Context(), Scope{Partner: partnerA}, a.TrackingID, RowFilter{Class: "nonsense"}, Page{})
		wantCode(f.t, err, ErrOutcomeClass)
	})
}

// pagedRows reads the ordinals a filter lets through, two a page.
func (f *fixture) pagedRows(a Accepted, filter RowFilter) []int {
	f.t.Helper()
	var ordinals []int
	for page := (Page{Limit: 2}); ; {
		rows, next, err := f.reader.UploadRows(f.t.Context(), Scope{Partner: partnerA}, a.TrackingID, filter, page)
		if err != nil || len(rows) > 2 {
			f.t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, r := range rows {
			ordinals = append(ordinals, r.Ordinal)
		}
		if next == "" {
			return ordinals
		}
		page.Cursor = next
	}
}

func TestReader_nobodySeesOthersRecords(t *testing.T) {
	run(t, func(f *fixture) {
		a := f.accept(create("depot"), tuples(1))
		f.settleRow(a, 1, "", "", "dev-1")
		ctx := f.t.Context()
		for _, scope := range []Scope{{}, {Partner: partnerB}, {Tenant: tenantY}, {Partner: partnerA, Tenant: tenantY}, {Partner: partnerB, Tenant: tenantX}} {
			_, _, err := f.reader.BatchJobStatus(ctx, scope, a.TrackingID)
			wantCode(f.t, err, ErrUploadNotFound)
			_, _, err = f.reader.UploadRows(ctx, scope, a.TrackingID, RowFilter{}, Page{})
			wantCode(f.t, err, ErrUploadNotFound)
			_, err = f.reader.Batch(ctx, scope, "depot")
			wantCode(f.t, err, ErrBatchNotFound)
			_, _, err = f.reader.BatchDevices(ctx, scope, "depot", Page{})
			wantCode(f.t, err, ErrBatchNotFound)
			ups, _, err := f.reader.Uploads(ctx, scope, UploadFilter{}, Page{})
			if err != nil || len(ups) != 0 {
				f.t.Errorf("%+v sees uploads %+v, %v", scope, ups, err)
			}
			for b, err := range f.reader.Batches(ctx, scope) {
				f.t.Errorf("%+v sees batch %+v, %v", scope, b, err)
			}
		}
		for _, scope := range []Scope{{Partner: partnerA}, {Tenant: tenantX}, {Partner: partnerA, Tenant: tenantX}} {
			if _, _, err := f.reader.BatchJobStatus(ctx, scope, a.TrackingID); err != nil {
				f.t.Errorf("%+v: %v", scope, err)
			}
			if devices, _, err := f.reader.BatchDevices(ctx, scope, "DEPOT", Page{}); err != nil || len(devices) != 1 {
				f.t.Errorf("%+v: %v, %v", scope, devices, err)
			}
		}
	})
}

func TestReader_uploadsNewestFirst(t *testing.T) {
	run(t, func(f *fixture) {
		var all []models.TrackingID
		for i := range 5 {
			call := create(fmt.Sprintf("batch %d", i))
			if i == 3 {
				call.Tenant = tenantY
			}
			all = append([]models.TrackingID{f.accept(call, tuples(1)).TrackingID}, all...)
		}
		f.exec("UPDATE uploads SET accepted_at = ? WHERE tracking_id = ?", anyTime, all[0])
		f.exec("UPDATE uploads SET state = 'processing', started_at = ? WHERE tracking_id = ?", time.Now(), all[2])
		for name, tc := range map[string]struct {
			scope  Scope
			filter UploadFilter
			want   []models.TrackingID
		}{
			"all":        {Scope{Partner: partnerA}, UploadFilter{}, all},
			"one tenant": {Scope{Tenant: tenantX}, UploadFilter{}, slices.Delete(slices.Clone(all), 1, 2)},
			"state":      {Scope{Partner: partnerA}, UploadFilter{State: models.UploadProcessing}, all[2:3]},
			"since":      {Scope{Partner: partnerA}, UploadFilter{Since: anyTime}, all[:1]},
			"until":      {Scope{Partner: partnerA}, UploadFilter{Until: anyTime}, all[1:]},
			"batch":      {Scope{Partner: partnerA}, UploadFilter{Batch: "BATCH 1 "}, all[3:4]},
		} {
			var got []models.TrackingID
			for page := (Page{Limit: 2}); ; {
				ups, next, err := f.reader.Uploads(f.t.Context(), tc.scope, tc.filter, page)
				if err != nil || len(ups) > 2 {
					f.t.Fatalf("%s: %d uploads, %v", name, len(ups), err)
				}
				for _, up := range ups {
					got = append(got, up.TrackingID)
				}
				if page.Cursor = next; next == "" {
					break
				}
			}
			if !slices.Equal(got, tc.want) {
				f.t.Errorf("%s: %v, want %v", name, got, tc.want)
			}
		}
		if _, _, err := f.reader.Uploads(f.t.Context(), Scope{Partner: partnerA}, UploadFilter{}, Page{Cursor: encodeCursor("rows", position{upload: 1})}); errs.KindOf(err) != errs.Invalid {
			f.t.Errorf("a cursor of another list: %v", err)
		}
	})
}

func TestReader_batchesAndDevices(t *testing.T) {
	run(t, func(f *fixture) {
		first := f.accept(create("depot"), tuples(4))
		more := create("depot")
		more.Append = true
		second := f.accept(more, tuples(3))
		f.accept(create("other"), tuples(1))
		for i, code := range []models.OutcomeCode{"", "808", ""} {
			f.settleRow(first, i+1, code, "", fmt.Sprintf("dev-%d", i+1))
		}
		f.settleRow(second, 1, "806", "", "dev-1") // was registered by the first upload
		f.settleRow(second, 2, "", "", "dev-5")
		scope := Scope{Partner: partnerA, Tenant: tenantX}
		devices := func() (ids []string) {
			for page := (Page{Limit: 1}); ; {
				found, next, err := f.reader.BatchDevices(f.t.Context(), scope, "Depot", page)
				if err != nil || len(found) > 1 {
					f.t.Fatalf("%v, %v", found, err)
				}
				for _, d := range found {
					ids = append(ids, string(d.ID)+" "+d.Identity.SerialNumber)
				}
				if page.Cursor = next; next == "" {
					return ids
				}
			}
		}
		if got, want := devices(), []string{"dev-1 SN-000001", "dev-3 SN-000003", "dev-5 SN-000002"}; !slices.Equal(got, want) {
			f.t.Errorf("devices %q, want %q", got, want)
		}
		f.removed(more, "dev-3")
		if got, want := devices(), []string{"dev-1 SN-000001", "dev-5 SN-000002"}; !slices.Equal(got, want) {
			f.t.Errorf("after a removal: devices %q, want %q", got, want)
		}
		again := f.accept(more, tuples(1))
		f.settleRow(again, 1, "", "", "dev-3")
		if got, want := devices(), []string{"dev-1 SN-000001", "dev-5 SN-000002", "dev-3 SN-000001"}; !slices.Equal(got, want) {
			f.t.Errorf("after another registration: devices %q, want %q", got, want)
		}
		var names []string
		for b, err := range f.reader.Batches(f.t.Context(), scope) {
			if err != nil {
				f.t.Fatal(err)
			}
			names = append(names, b.Name)
		}
		if !slices.Equal(names, []string{"depot", "other"}) {
			f.t.Errorf("batches %q", names)
		}
	})
}

// removed stores a removal of the device through the batch that succeeded.
func (f *fixture) removed(call Call, device string) {
	f.t.Helper()
	var batch int64
	if err := f.db.Read().WithContext(f.t.Context()).Raw("SELECT id FROM batches WHERE folded_name = ?", fold(call.BatchName)).Scan(&batch).Error; err != nil {
		f.t.Fatal(err)
	}
	now := time.Now()
	up := models.Upload{
		TrackingID: models.TrackingID(f.svc.newID()), Kind: models.UploadRemove, PartnerID: partnerA, TenantID: tenantX, BatchID: &batch,
		State: models.UploadFinished, StagedOn: now, RowCount: 1, CreatedAt: now, AcceptedAt: &now, StartedAt: &now, CompletedAt: &now,
	}
	if err := f.svc.store.beginStaging(f.t.Context(), &up); err != nil {
		f.t.Fatal(err)
	}
	f.exec("INSERT INTO upload_rows (upload_id, ordinal, settled_at, device_id) VALUES (?, 1, ?, ?)", up.ID, now, device)
}

func TestRemove_isAnUploadOfOneRow(t *testing.T) {
	const device = "7e57de71-0000-7000-8000-00000000abcd"
	run(t, func(f *fixture) {
		registered := f.accept(create("depot"), tuples(1))
		f.asks, f.reserved = nil, 0
		call := keyed(create(""), "req-1")
		call.Method = "DELETE"
		_, err := f.svc.Remove(f.t.Context(), call, "depot", device)
		wantCode(f.t, err, ErrDeviceNotFound) // not registered through this batch yet
		f.settleRow(registered, 1, "", "", device)
		a, err := f.svc.Remove(f.t.Context(), call, "DEPOT", "7E57DE71-0000-7000-8000-00000000ABCD")
		if err != nil {
			f.t.Fatal(err)
		}
		up, rows := f.upload(a)
		if up.Kind != models.UploadRemove || up.State != models.UploadQueued || up.BatchName != "depot" || len(rows) != 1 || rows[0].DeviceID != device {
			f.t.Errorf("upload %+v, rows %+v", up, rows)
		}
		if f.count("dispatches WHERE upload_id = ? AND kind = 'remove' AND first_ordinal = 1 AND last_ordinal = 1", up.ID) != 1 {
			f.t.Error("no dispatch for the removal")
		}
		if f.reserved != 0 || f.budget.spent != 1 || f.queue.wakes != 2 {
			f.t.Errorf("reserved %d, spent %d, wakes %d", f.reserved, f.budget.spent, f.queue.wakes)
		}
		for _, ask := range f.asks {
			if ask.Scope != ScopeRemove {
				f.t.Errorf("asked for %q", ask.Scope)
			}
		}
		if again, err := f.svc.Remove(f.t.Context(), call, "DEPOT", device); err != nil || !again.Replayed || again.TrackingID != a.TrackingID {
			f.t.Errorf("repeat %+v, %v", again, err)
		}
		call.Key = ""
		_, err = f.svc.Remove(f.t.Context(), call, "nothing", device)
		wantCode(f.t, err, ErrBatchNotFound)
		_, err = f.svc.Remove(f.t.Context(), call, "depot", "not an id")
		wantCode(f.t, err, ErrDeviceNotFound)
		f.left = new(int64) // a full grant does not hinder a removal
		if _, err = f.svc.Remove(f.t.Context(), call, "depot", device); err != nil {
			f.t.Error(err)
		}
		f.consent.checkTx = nil // must not be reached
		f.consent.check = refuseAll
		if _, err = f.svc.Remove(f.t.Context(), call, "depot", device); !errors.Is(err, errNoConsent) {
			f.t.Errorf("got %v", err)
		}
	})
}
