package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"testing"

	"countersign/consent"
	"countersign/gateway/forward"
	"countersign/gateway/intake"
	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/partners"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// installation is the joined services over fresh databases, without HTTP, so that
// the far side can be made to fail at any point.
type installation struct {
	t       *testing.T
	s       *services
	dbs     *databases
	core    *faultyCore
	devices *hardwarehash.Generator

	caller intake.Caller
	tenant models.TenantID
	owner  consent.Actor // the tenant's client with the right to decide
}

// faultyCore is the real core behind a line that can be cut or held.
type faultyCore struct {
	forward.Core
	before func(models.Submission)       // called when a submission arrives
	after  func(models.Submission) error // called when it was executed; an error is a lost answer
}

func (c *faultyCore) Register(ctx context.Context, s models.Submission) (models.Result, error) {
	if c.before != nil {
		c.before(s)
	}
	res, err := c.Core.Register(ctx, s)
	if c.after != nil {
		if lost := c.after(s); lost != nil {
			return models.Result{}, lost
		}
	}
	return res, err
}

func onBothDatabases(t *testing.T, story func(t *testing.T, in *installation)) {
	t.Helper()
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			story(t, newInstallation(t, d))
		})
	}
}

func newInstallation(t *testing.T, d db.Dialect, opts ...dbtest.Option) *installation {
	t.Helper()
	return newInstallationOn(t, &databases{gateway: dbtest.New(t, d, migrations.Gateway, opts...), core: dbtest.New(t, d, migrations.Core, opts...)})
}

// newInstallationOn joins the services over databases that hold the tables.
func newInstallationOn(t *testing.T, dbs *databases) *installation {
	t.Helper()
	dir, err := os.MkdirTemp("", "cs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := defaults()
	c.DataDir, c.PublicURL = dir, "http://127.0.0.1:1"
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	in := &installation{t: t, dbs: dbs, devices: hardwarehash.NewGenerator(7)}
	in.core = &faultyCore{Core: registration.New(in.dbs.core, newID, log)}
	if in.s, err = join(c, in.dbs, in.core, log); err != nil {
		t.Fatal(err)
	}
	in.seed()
	return in
}

// seed makes a reseller, a tenant and a client of each.
func (in *installation) seed() {
	in.t.Helper()
	var p partnerView
	in.operate(&p, "partner.create", partnerInput{Kind: models.DirectReseller, Name: "Northwind"})
	var t tenantView
	in.operate(&t, "tenant.create", tenantInput{Name: "Fabrikam"})
	var line, it clientView
	in.operate(&line, "client.create", clientInput{Partner: p.ID, Name: "line"})
	in.operate(&it, "client.create", clientInput{Tenant: t.ID, Name: "it", CanDecide: true})
	in.caller = intake.Caller{PartnerID: p.ID, PartnerKind: p.Kind, ClientID: line.ID}
	in.tenant = t.ID
	in.owner = consent.Actor{Kind: models.ActorCustomer, ID: string(it.ID), TenantID: t.ID}
}

func (in *installation) operate(out any, name string, input any) {
	in.t.Helper()
	raw, err := operations(in.s).Run(in.t.Context(), name, input)
	if err != nil {
		in.t.Fatalf("%s: %v", name, err)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		in.t.Fatal(err)
	}
}

// grant asks for consent and gives it.
func (in *installation) grant() models.Grant {
	in.t.Helper()
	return in.grantWith(consent.GrantScopeDevicesRegister)
}

func (in *installation) grantWith(scopes ...string) models.Grant {
	in.t.Helper()
	partner := consent.Actor{Kind: models.ActorPartner, ID: string(in.caller.ClientID), PartnerID: in.caller.PartnerID}
	req, err := in.s.consent.Request(in.t.Context(), partner, consent.NewRequest{
		Tenant: string(in.tenant), Purpose: "roll-out", Scopes: scopes,
	})
	if err != nil {
		in.t.Fatal(err)
	}
	g, err := in.s.consent.Grant(in.t.Context(), in.owner, req.ID, consent.Terms{})
	if err != nil {
		in.t.Fatal(err)
	}
	return g
}

// fakes are n rows of invented devices by their hash.
func (in *installation) fakes(n int) []intake.Row {
	rows := make([]intake.Row, n)
	for i := range rows {
		rows[i] = intake.Row{HardwareHash: in.devices.Next().Hash()}
	}
	return rows
}

// submit sends rows as a new batch.
func (in *installation) submit(batch string, rows []intake.Row) (models.TrackingID, error) {
	in.t.Helper()
	a, err := in.s.uploads.Accept(in.t.Context(), intake.Call{
		Caller: in.caller, Tenant: in.tenant, BatchName: batch, Method: "POST", Path: "/deviceBatches", Key: batch,
	}, &listSource{rows: rows})
	return a.TrackingID, err
}

func (in *installation) mustSubmit(batch string, rows []intake.Row) models.TrackingID {
	in.t.Helper()
	id, err := in.submit(batch, rows)
	if err != nil {
		in.t.Fatal(err)
	}
	return id
}

// outcomes reads the upload's state and the code of each row.
func (in *installation) outcomes(id models.TrackingID) (models.UploadState, []models.OutcomeCode) {
	in.t.Helper()
	up, rows, err := in.s.reader.BatchJobStatus(in.t.Context(), intake.Scope{Partner: in.caller.PartnerID, Tenant: in.tenant}, id)
	if err != nil {
		in.t.Fatal(err)
	}
	var codes []models.OutcomeCode
	for r, err := range rows {
		if err != nil {
			in.t.Fatal(err)
		}
		codes = append(codes, r.Outcome.Code)
	}
	return up.State, codes
}

func (in *installation) work() {
	in.t.Helper()
	if _, err := in.s.forward.RunOnce(in.t.Context()); err != nil {
		in.t.Fatal(err)
	}
}

// listSource is a body that is already decoded.
type listSource struct {
	rows []intake.Row
	next int
}

func (l *listSource) Next() (intake.Row, error) {
	if l.next == len(l.rows) {
		return intake.Row{}, io.EOF
	}
	l.next++
	return l.rows[l.next-1], nil
}

func (l *listSource) BatchName() string { return "" }

func (l *listSource) Digest() []byte {
	h := sha256.New()
	for _, r := range l.rows {
		h.Write([]byte(r.HardwareHash + r.SerialNumber))
	}
	return h.Sum(nil)
}

func budgetsOf(devices, tenantDevices *int64) partners.Budgets {
	return partners.Budgets{DevicesPerHour: devices, TenantDevicesPerHour: tenantDevices}
}
