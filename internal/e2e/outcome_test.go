package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"countersign/authz"
	"countersign/gateway/client"
	"countersign/internal/db"
)

// onBoth runs a story on a fresh installation of each database.
func onBoth(t *testing.T, story func(t *testing.T, r *replica, p *people)) {
	t.Helper()
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, d)
			r := s.start()
			story(t, r, newPeople(t, s))
		})
	}
}

// rowsOf builds a submission of JSON devices.
func (p *people) rowsOf(tenant, batch string, rows ...map[string]any) client.Submission {
	p.t.Helper()
	raw, err := json.Marshal(map[string]any{"BatchId": batch, "Devices": rows})
	if err != nil {
		p.t.Fatal(err)
	}
	return client.Submission{Tenant: tenant, RequestID: client.NewRequestID(), Body: client.BytesBody("application/json", raw)}
}

func (p *people) codes(cl *client.Client, s client.Submission) []string {
	p.t.Helper()
	receipt, err := cl.Submit(p.t.Context(), s)
	if err != nil {
		p.t.Fatal(err)
	}
	var codes []string
	for i, row := range p.outcome(cl, s.Tenant, receipt.TrackingID, 30*time.Second).DevicesStatus {
		if row.Row != i+1 {
			p.t.Fatalf("entry %d is row %d", i, row.Row)
		}
		codes = append(codes, codeOf(row))
	}
	return codes
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: codes %q, want %q", what, got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: codes %q, want %q", what, got, want)
			return
		}
	}
}

// The main job from token to outcome. A small upload with nothing else queued is
// finished within two seconds of its 202.
func TestOutcome_ofASmallUpload(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		p.agree(r, p.tenant, p.customer)
		cl := p.as(r, p.reseller)
		d := p.delivery(p.tenant, 10)
		receipt := p.send(cl, d)
		status := p.outcome(cl, p.tenant, receipt.TrackingID, 2*time.Second)
		if status.Status != "finished" || len(status.DevicesStatus) != 10 {
			t.Errorf("status %s with %d devices", status.Status, len(status.DevicesStatus))
		}
		if want := "/customers/" + p.tenant + "/batchJobStatus/" + receipt.TrackingID; receipt.Location != want {
			t.Errorf("location %s, want %s", receipt.Location, want)
		}
		devices, _, err := client.Collect(cl.BatchDevices(t.Context(), p.tenant, "BATCH 1"), 100)
		if err != nil || len(devices) != 10 {
			t.Errorf("%d devices in the batch, %v", len(devices), err)
		}
		customers, _, err := client.Collect(cl.Customers(t.Context()), 10)
		if err != nil || len(customers) != 1 || customers[0].ID != p.tenant {
			t.Errorf("customers %+v, %v", customers, err)
		}
		active, _, err := client.Collect(cl.Consents(t.Context(), client.ConsentFilter{State: "active"}), 10)
		if err != nil || len(active) != 1 || active[0].Devices.Used != 10 {
			t.Errorf("active consents %+v, %v", active, err)
		}
		again := d
		again.RequestID = client.NewRequestID()
		again.Append, again.Batch = true, "batch 1"
		again.Body = client.BytesBody("application/json", devicesOf(t, d))
		for _, code := range p.codes(cl, again.Submission) {
			if code != "806" {
				t.Errorf("the same device again: %q, want 806", code)
			}
		}
	})
}

// devicesOf is the bare list of a delivery, as an append takes it.
func devicesOf(t *testing.T, d delivery) []byte {
	t.Helper()
	body, err := d.Body.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	var whole struct{ Devices json.RawMessage }
	if err := json.NewDecoder(body).Decode(&whole); err != nil {
		t.Fatal(err)
	}
	return whole.Devices
}

// A device of one customer is not moved to another; removed, it is found again by
// its tuple and by its product key id.
func TestOutcome_ofOneDeviceThroughItsLife(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		p.agree(r, p.tenant, p.customer)
		other, customer := p.newTenant("Adatum")
		p.agree(r, other, customer)
		cl := p.as(r, p.reseller)
		report := p.devices.Next()
		id := report.Report.Identity()
		byHash := map[string]any{"HardwareHash": report.Hash()}
		byTuple := map[string]any{"SerialNumber": id.Serial, "OemManufacturerName": id.Manufacturer, "ModelName": id.Product}
		byKey := map[string]any{"ProductKey": id.ProductKeyID}

		same(t, "unknown tuple", p.codes(cl, p.rowsOf(p.tenant, "a", byTuple)), "812")
		same(t, "hash", p.codes(cl, p.rowsOf(p.tenant, "b", byHash)), "")
		same(t, "other customer", p.codes(cl, p.rowsOf(other, "c", byHash)), "808")
		for i, row := range []map[string]any{byTuple, byKey} {
			batch := []string{"b", "d"}[i]
			p.remove(r, cl, p.tenant, batch)
			same(t, "registered again", p.codes(cl, p.rowsOf(p.tenant, []string{"d", "e"}[i], row)), "")
		}
		same(t, "known, other customer", p.codes(cl, p.rowsOf(other, "f", byKey)), "808")
		same(t, "twice in one file", p.codes(cl, p.rowsOf(p.tenant, "g", byHash, byHash)), "806", "9005")
	})
}

// remove deletes the only device of a batch.
func (p *people) remove(r *replica, cl *client.Client, tenant, batch string) {
	p.t.Helper()
	var id string
	await(p.t, 10*time.Second, "the batch to list its device", func(ctx context.Context) bool {
		devices, _, err := client.Collect(cl.BatchDevices(ctx, tenant, batch), 10)
		if err != nil || len(devices) != 1 {
			return false
		}
		id = devices[0].ID
		return true
	})
	receipt, err := cl.RemoveDevice(p.t.Context(), tenant, batch, id, client.NewRequestID())
	if err != nil {
		p.t.Fatal(err)
	}
	if status := p.outcome(cl, tenant, receipt.TrackingID, 10*time.Second); status.Status != "finished" {
		p.t.Fatalf("removal: %+v", status)
	}
}

func TestOutcome_ofACSV(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		p.agree(r, p.tenant, p.customer)
		csv := "\xef\xbb\xbfDevice serial number,Windows product ID,Hardware hash,Manufacturer name,Device model,orderNumber\r\n" +
			",," + p.devices.Next().Hash() + ",,,4711\r\n" +
			"\r\n" +
			"SN-1,,,Nobody Inc.,\"Model, with comma\",4711\r\n"
		codes := p.codes(p.as(r, p.reseller), client.Submission{
			Tenant: p.tenant, Batch: "from a file", RequestID: client.NewRequestID(), Body: client.BytesBody("text/csv", []byte(csv)),
		})
		same(t, "csv", codes, "", "812")
	})
}

// A client that proves itself by a signed assertion instead of a secret.
func TestOutcome_forAClientWithAKey(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		pem, err := authz.NewClientKey()
		if err != nil {
			t.Fatal(err)
		}
		signer, err := authz.ParseClientKey(pem, "")
		if err != nil {
			t.Fatal(err)
		}
		public, err := signer.JWKS()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "jwks.json")
		if err := os.WriteFile(file, public, 0o600); err != nil {
			t.Fatal(err)
		}
		var made credential
		p.site.admin(&made, "client", "create", "--partner", p.partner, "--name", "keyed", "--jwks", file)
		cl, err := client.New(client.Config{BaseURL: r.url, Patience: -1, Credentials: client.Assertion(made.ID,
			func(context.Context, string) (string, error) {
				// the issuer is the public URL, not the address the test dials
				return signer.Assertion(made.ID, "http://gateway.test", client.NewRequestID(), time.Now())
			})})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := client.Collect(cl.Consents(t.Context(), client.ConsentFilter{}), 10); err != nil {
			t.Error(err)
		}
	})
}
