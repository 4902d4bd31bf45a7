package intake

import (
	"slices"
	"testing"
	"time"

	"countersign/models"
)

// ownCall is a tenant registering its own devices.
func ownCall() Call {
	return Call{Caller: Caller{ClientID: "t-1"}, Tenant: tenantX, Method: "POST", Path: "/v1/devices"}
}

func (f *fixture) rowsOf(scope Scope, a Accepted) (UploadStatus, []RowStatus) {
	f.t.Helper()
	up, rows, err := f.reader.BatchJobStatus(f.t.Context(), scope, a.TrackingID)
	if err != nil {
		f.t.Fatal(err)
	}
	var all []RowStatus
	for row, err := range rows {
		if err != nil {
			f.t.Fatal(err)
		}
		all = append(all, row)
	}
	return up, all
}

// A tenant's own devices need no grant and no batch, and a hash each.
func TestAccept_ofATenantItself(t *testing.T) {
	m := machines(2)
	run(t, func(f *fixture) {
		a := f.accept(keyed(ownCall(), "req-1"), list(
			Row{HardwareHash: m[0].hash}, Row{ProductKey: m[1].id.ProductKeyID}, Row{SerialNumber: "A", Manufacturer: "M", Model: "X"},
		))
		if a.Location != "/v1/uploads/"+string(a.TrackingID) {
			f.t.Errorf("location %s", a.Location)
		}
		up, rows := f.rowsOf(Scope{Tenant: tenantX}, a)
		if up.Kind != models.UploadRegister || up.PartnerID != "" || up.BatchID != nil || up.OpenRows != 1 {
			f.t.Errorf("upload %+v", up)
		}
		for _, row := range rows[1:] {
			if row.Outcome.Code != models.OutcomeMissingIdentifier {
				f.t.Errorf("row %+v", row)
			}
		}
		if f.asks[0] != (Ask{Client: "t-1", Tenant: tenantX, Scope: ScopeOwn}) || f.count("batches") != 0 {
			f.t.Errorf("asked %+v, %d batches", f.asks[0], f.count("batches"))
		}
		if again := f.accept(keyed(ownCall(), "req-1"), list(Row{}, Row{}, Row{})); again.TrackingID != a.TrackingID {
			f.t.Errorf("a repeat became %+v", again)
		}
		other := keyed(ownCall(), "req-1")
		other.Tenant = tenantY
		if b := f.accept(other, list(Row{HardwareHash: m[0].hash})); b.TrackingID == a.TrackingID {
			f.t.Error("another tenant's call of the same request id is taken for a repeat")
		}
		if n := f.count("dispatches WHERE partner_id = '' AND tenant_id = ?", tenantX); n != 1 {
			f.t.Errorf("%d dispatches", n)
		}
	})
}

// A replacement is one row that names what goes and what comes, costs nothing, and moves
// the batch's list from the one to the other.
func TestReplace(t *testing.T) {
	m := machines(2)
	run(t, func(f *fixture) {
		const was, is = models.DeviceID("0d000000-0000-7000-8000-000000000001"), models.DeviceID("0d000000-0000-7000-8000-000000000002")
		first := f.accept(create("depot"), list(Row{HardwareHash: m[0].hash}))
		f.settleRow(first, 1, "", "", string(was))
		spent, reserved := f.budget.spent, f.reserved

		call := create("")
		call.BatchName, call.Key, call.Path = "", "req-1", "/v1/devices/"+string(was)+"/replace"
		device, row := Registered{ID: was, Upload: first.TrackingID}, Row{HardwareHash: m[1].hash, Order: models.OrderData{OrderNumber: "RMA 7"}}
		a, err := f.svc.Replace(f.t.Context(), call, device, row)
		if err != nil {
			f.t.Fatal(err)
		}
		up, rows := f.upload(a)
		if up.Kind != models.UploadReplace || up.BatchName != "depot" || rows[0].Replaces != was || rows[0].DeviceID != "" || up.OpenRows != 1 {
			f.t.Errorf("upload %+v, row %+v", up, rows[0])
		}
		if f.budget.spent != spent || f.reserved != reserved {
			f.t.Error("a replacement cost budget or a grant's limit")
		}
		if n := f.count("upload_hashes WHERE upload_id = ?", up.ID); n != 1 {
			f.t.Errorf("%d hashes are kept for the core", n)
		}
		if got := f.byOrder(Scope{Partner: partnerA}, "rma 7"); !slices.Equal(got, []models.TrackingID{a.TrackingID}) {
			f.t.Errorf("by order: %v", got)
		}
		again, err := f.svc.Replace(f.t.Context(), call, device, row)
		if err != nil || !again.Replayed || again.TrackingID != a.TrackingID {
			f.t.Errorf("a repeat: %+v, %v", again, err)
		}
		row.HardwareHash = m[0].hash
		_, err = f.svc.Replace(f.t.Context(), call, device, row)
		wantCode(f.t, err, ErrKeyReused)

		f.exec("UPDATE uploads SET state = 'finished', started_at = ?, completed_at = ?, open_rows = 0 WHERE id = ?", time.Now(), time.Now(), up.ID)
		f.settleRow(a, 1, "", "", string(is))
		devices, _, err := f.reader.BatchDevices(f.t.Context(), Scope{Partner: partnerA, Tenant: tenantX}, "depot", Page{})
		if err != nil || len(devices) != 1 || devices[0].ID != is {
			f.t.Errorf("the batch lists %+v, %v", devices, err)
		}
	})
}

func TestReplace_needsASoundHash(t *testing.T) {
	run(t, func(f *fixture) {
		for hash, code := range map[string]models.OutcomeCode{"": models.OutcomeMissingIdentifier, "AAAA": models.OutcomeInvalidHash} {
			call := create("")
			call.BatchName = ""
			a, err := f.svc.Replace(f.t.Context(), call, Registered{ID: "0d000000-0000-7000-8000-000000000001"}, Row{HardwareHash: hash})
			if err != nil {
				f.t.Fatal(err)
			}
			if up, rows := f.upload(a); rows[0].Outcome.Code != code || up.State != models.UploadFinishedWithErrors {
				f.t.Errorf("hash %q: %+v", hash, rows[0])
			}
		}
		if f.count("dispatches") != 0 {
			f.t.Error("a refused replacement is forwarded")
		}
	})
}

// A removal by device id belongs to the batch the device came through.
func TestRemoveDevice(t *testing.T) {
	m := machines(1)
	run(t, func(f *fixture) {
		const id = models.DeviceID("0d000000-0000-7000-8000-000000000001")
		first := f.accept(create("depot"), list(Row{HardwareHash: m[0].hash}))
		f.settleRow(first, 1, "", "", string(id))
		call := ownCall()
		call.Method, call.Path = "DELETE", "/v1/devices/"+string(id)
		a, err := f.svc.RemoveDevice(f.t.Context(), call, Registered{ID: id, Upload: first.TrackingID})
		if err != nil {
			f.t.Fatal(err)
		}
		up, _ := f.rowsOf(Scope{Tenant: tenantX}, a)
		if up.Kind != models.UploadRemove || up.BatchName != "depot" || up.PartnerID != "" {
			f.t.Errorf("upload %+v", up)
		}
		f.exec("UPDATE uploads SET state = 'finished', started_at = ?, completed_at = ?, open_rows = 0 WHERE id = ?", time.Now(), time.Now(), up.ID)
		f.settleRow(a, 1, "", "", string(id))
		devices, _, err := f.reader.BatchDevices(f.t.Context(), Scope{Partner: partnerA, Tenant: tenantX}, "depot", Page{})
		if err != nil || len(devices) != 0 {
			f.t.Errorf("the partner's batch still lists %+v, %v", devices, err)
		}
		if _, _, err := f.reader.BatchJobStatus(f.t.Context(), Scope{Partner: partnerA}, a.TrackingID); err == nil {
			f.t.Error("the partner sees the tenant's own upload")
		}
	})
}
