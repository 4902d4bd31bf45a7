package e2e

import (
	"context"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration/hardwarehash"
	"countersign/registration/rpc"
)

// The main job with the core on a machine of its own: consent, upload, devices found and
// removed, revoke. The gateway starts before its core and is ready without it.
func TestCoreApart_mainJob(t *testing.T) {
	t.Parallel()
	a := newApart(t)
	r := a.start()
	p := newPeople(t, a.site)
	grant := p.agree(r, p.tenant, p.customer)
	reseller, customer := p.as(r, p.reseller), p.as(r, p.customer)
	waiting := p.send(reseller, p.delivery(p.tenant, 3)) // accepted while there is no core
	awaitMetric(t, r, "countersign_core_up", "0")
	a.startCore(a.coreDB)
	status := p.outcome(reseller, p.tenant, waiting.TrackingID, 60*time.Second)
	if status.Status != "finished" || len(status.DevicesStatus) != 3 {
		t.Fatalf("%+v", status)
	}
	awaitMetric(t, r, "countersign_core_up", "1")

	found, _, err := client.Collect(customer.Devices(t.Context(), client.DeviceFilter{}), 10)
	if err != nil || len(found) != 3 {
		t.Fatalf("the customer sees %d devices, %v", len(found), err)
	}
	id := *status.DevicesStatus[0].DeviceID
	if device, err := reseller.Device(t.Context(), id); err != nil || device.TrackingID != waiting.TrackingID {
		t.Errorf("the reseller's device: %+v, %v", device, err)
	}
	if events, _, err := client.Collect(customer.DeviceHistory(t.Context(), id), 10); err != nil || len(events) != 1 {
		t.Errorf("its history: %+v, %v", events, err)
	}
	if ended, err := customer.ChangeConsent(t.Context(), grant, client.Revoke, "contract over"); err != nil || ended.State != "revoked" {
		t.Errorf("revoke: %+v, %v", ended, err)
	}
	if n := a.coreNumber(a.coreDB, "SELECT count(*) FROM core.fences WHERE subject_id = $1", grant); n != 1 {
		t.Errorf("the core has %d fences of the grant", n)
	}
}

// The core is killed in the middle of an upload: every row ends once, and right.
func TestCoreApart_killedInTheMiddle(t *testing.T) {
	t.Parallel()
	const rows = 1500
	a := newApart(t, "COUNTERSIGN_WORKERS=1")
	core, r := a.startCore(a.coreDB), a.start()
	p := newPeople(t, a.site)
	p.agree(r, p.tenant, p.customer)
	reseller := p.as(r, p.reseller)
	receipt := p.send(reseller, p.delivery(p.tenant, rows))
	const registered = "SELECT count(*) FROM core.registrations"
	await(t, 60*time.Second, "the first dispatch", func(context.Context) bool { return a.coreNumber(a.coreDB, registered) > 0 })
	core.kill()
	if n := a.coreNumber(a.coreDB, registered); n == rows {
		t.Fatal("the core had finished: this was not the middle")
	}
	a.startCore(a.coreDB)
	status := p.outcome(reseller, p.tenant, receipt.TrackingID, 120*time.Second)
	seen := map[string]bool{}
	for _, row := range status.DevicesStatus {
		if codeOf(row) != "" || row.DeviceID == nil || seen[*row.DeviceID] {
			t.Fatalf("row %d: code %q, device %v", row.Row, codeOf(row), row.DeviceID)
		}
		seen[*row.DeviceID] = true
	}
	if n := a.coreNumber(a.coreDB, registered); len(seen) != rows || n != rows {
		t.Errorf("%d rows ended, %d devices are registered, want %d", len(seen), n, rows)
	}
}

// A core that came back from a backup older than a revoke has the fence again before it
// gets work, so that a worker that slept since before the revoke is still refused.
func TestCoreApart_restoredFromABackup(t *testing.T) {
	t.Parallel()
	a := newApart(t)
	core, r := a.startCore(a.coreDB), a.start()
	p := newPeople(t, a.site)
	grant := p.agree(r, p.tenant, p.customer)
	other, hers := p.newTenant("Contoso")
	p.agree(r, other, hers)
	reseller, customer := p.as(r, p.reseller), p.as(r, p.customer)
	p.outcome(reseller, p.tenant, p.send(reseller, p.delivery(p.tenant, 1)).TrackingID, 60*time.Second)

	core.kill()
	copied := a.backup(a.coreDB)
	core = a.startCore(a.coreDB)
	await(t, 60*time.Second, "the revoke to be final", func(ctx context.Context) bool {
		ended, err := customer.ChangeConsent(ctx, grant, client.Revoke, "contract over")
		return err == nil && ended.State == "revoked"
	})
	core.kill()
	const fences = "SELECT count(*) FROM core.fences WHERE subject_id = $1"
	if before, after := a.coreNumber(copied, fences, grant), a.coreNumber(a.coreDB, fences, grant); before != 0 || after != 1 {
		t.Fatalf("%d fences in the backup and %d after the revoke, want 0 and 1", before, after)
	}

	receipt := p.send(reseller, p.delivery(other, 1))
	awaitMetric(t, r, "countersign_core_up", "0")
	a.startCore(copied)
	if status := p.outcome(reseller, other, receipt.TrackingID, 90*time.Second); status.Status != "finished" {
		t.Errorf("work for another customer: %+v", status)
	}
	if n := a.coreNumber(copied, fences, grant); n != 1 {
		t.Error("the restored core got work before its fence")
	}
	res, err := a.sleeper().Register(t.Context(), p.oldWork(grant))
	if err != nil || res.Refusal == nil || res.Refusal.Reason != models.RefusedByFence {
		t.Errorf("work from before the revoke: %+v, %v", res, err)
	}
}

// sleeper is a worker of a gateway that slept for a while.
func (a *apart) sleeper() *rpc.Client {
	cert, key := a.gateways.Issue("sleeper")
	return a.line(rpc.Files{Cert: cert, Key: key, CA: a.cores.File})
}

// oldWork is what a worker holds that claimed it before anything was revoked.
func (p *people) oldWork(grant string) models.Submission {
	a := models.Authority{
		Kind: models.ByGrant, PartnerID: models.PartnerID(p.partner), ClientID: models.ClientID(p.reseller.ID),
		TenantID: models.TenantID(p.tenant), GrantID: models.GrantID(grant), NotAfter: time.Now().Add(time.Minute),
	}
	for kind, id := range map[models.SubjectKind]string{
		models.SubjectOfPartner: p.partner, models.SubjectOfClient: p.reseller.ID, models.SubjectOfTenant: p.tenant, models.SubjectOfGrant: grant,
	} {
		a.Epochs = append(a.Epochs, models.SubjectEpoch{Kind: kind, ID: id, Epoch: 1})
	}
	device := hardwarehash.Trim(p.devices.Next().Report.Encode())
	return models.Submission{
		Upload: "0190a3f4-0000-7000-8000-000000000001", Authority: a,
		Rows: []models.CoreRow{{Row: 1, Identity: models.DeviceIdentity{Hash: device}}},
	}
}

// Nobody but a gateway reaches the core, and a gateway believes no other core; what it
// accepted meanwhile is not lost.
func TestCoreApart_strangers(t *testing.T) {
	t.Parallel()
	a := newApart(t)
	a.startCore(a.coreDB)
	cert, key := a.cores.Issue("stranger")
	for name, files := range map[string]rpc.Files{
		"no certificate": {CA: a.cores.File}, "one of another authority": {Cert: cert, Key: key, CA: a.cores.File},
	} {
		if _, err := a.line(files).Clock(t.Context()); errs.KindOf(err) != errs.Unavailable {
			t.Errorf("a caller with %s: %v", name, err)
		}
	}
	if _, err := a.sleeper().Clock(t.Context()); err != nil {
		t.Errorf("a gateway: %v", err)
	}

	r := a.start("COUNTERSIGN_CORE_TLS_CA=" + a.gateways.File)
	p := newPeople(t, a.site)
	p.agree(r, p.tenant, p.customer)
	receipt := p.send(p.as(r, p.reseller), p.delivery(p.tenant, 2))
	awaitMetric(t, r, "countersign_dispatches_waiting", "1")
	if up := metric(t.Context(), t, r, "countersign_core_up"); up != "0" {
		t.Errorf("a core that cannot be believed is up: %q", up)
	}
	if err := r.stop(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	r = a.start()
	if status := p.outcome(p.as(r, p.reseller), p.tenant, receipt.TrackingID, 60*time.Second); status.Status != "finished" {
		t.Errorf("%+v", status)
	}
}
