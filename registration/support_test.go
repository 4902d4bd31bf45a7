package registration_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/registration"
	"countersign/registration/hardwarehash"
	"countersign/registration/rpc"
)

// Two partners and two tenants that share nothing.
const (
	oak, elm   = models.PartnerID("partner-oak"), models.PartnerID("partner-elm")
	acme, bolt = models.TenantID("tenant-acme"), models.TenantID("tenant-bolt")
)

// core is a core under test, which may be at the other end of a line, with the
// registrar and the database behind it.
type core struct {
	rpc.Core
	registrar *registration.Registrar
	db        *db.DB
	remote    bool
	t         testing.TB
}

// both runs fn on PostgreSQL and on SQLite, each time with an empty core, and once with
// the core at the other end of a line. What a gateway may rely on is the same.
func both(t *testing.T, fn func(t *testing.T, c core)) {
	t.Helper()
	here(t, fn)
	t.Run("remote", func(t *testing.T) { fn(t, newRemote(t, dbtest.New(t, db.SQLite, migrations.Core))) })
}

// everywhere is both with the line on either database, for what happens at once.
func everywhere(t *testing.T, fn func(t *testing.T, c core)) {
	t.Helper()
	both(t, fn)
	t.Run("remote_postgres", func(t *testing.T) { fn(t, newRemote(t, dbtest.New(t, db.Postgres, migrations.Core))) })
}

// here is both without a line, for tests that stop the caller at an exact place inside the
// core, which a line blurs.
func here(t *testing.T, fn func(t *testing.T, c core)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, migrations.Core, func(t *testing.T, d *db.DB) { fn(t, newCore(t, d)) })
}

func newCore(t testing.TB, d *db.DB) core {
	r := registration.New(d, newID, nil)
	return core{Core: r, registrar: r, db: d, t: t}
}

// newRemote is newCore behind a server with TLS.
func newRemote(t testing.TB, d *db.DB) core {
	c := newCore(t, d)
	path, handler := rpc.NewHandler(c.registrar, nil)
	mux := http.NewServeMux()
	mux.Handle(path, handler)
	srv := httptest.NewUnstartedServer(mux)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	trust := x509.NewCertPool()
	trust.AddCert(srv.Certificate())
	line := rpc.NewLine(&tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS13})
	t.Cleanup(line.CloseIdleConnections)
	c.remote, c.Core = true, rpc.NewClient(srv.URL, rpc.Options{HTTP: line, Now: d.Now})
	return c
}

// PauseAt calls fn whenever a transaction of the core reaches the moment.
func (c core) PauseAt(at registration.Moment, fn func()) { c.registrar.PauseAt(at, fn) }

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// newUpload makes the id of an upload.
func newUpload() models.TrackingID { return models.TrackingID(newID()) }

// granted is the authority of a partner under its grant of a tenant, all epochs 1.
func granted(p models.PartnerID, t models.TenantID) models.Authority {
	a := models.Authority{
		Kind: models.ByGrant, PartnerID: p, ClientID: models.ClientID("p-" + string(p)), TenantID: t,
		GrantID: models.GrantID("grant-" + string(p) + "-" + string(t)), NotAfter: time.Now().Add(time.Hour),
	}
	a.Epochs = []models.SubjectEpoch{
		{Kind: models.SubjectOfPartner, ID: string(a.PartnerID), Epoch: 1},
		{Kind: models.SubjectOfClient, ID: string(a.ClientID), Epoch: 1},
		{Kind: models.SubjectOfTenant, ID: string(a.TenantID), Epoch: 1},
		{Kind: models.SubjectOfGrant, ID: string(a.GrantID), Epoch: 1},
	}
	return a
}

// own is the authority of a tenant over itself.
func own(t models.TenantID) models.Authority {
	return models.Authority{
		Kind: models.ByTenant, TenantID: t, NotAfter: time.Now().Add(time.Hour),
		Epochs: []models.SubjectEpoch{{Kind: models.SubjectOfTenant, ID: string(t), Epoch: 1}},
	}
}

// submit makes a submission of a new upload, rows numbered from 1.
func submit(a models.Authority, identities ...models.DeviceIdentity) models.Submission {
	sub := models.Submission{Upload: newUpload(), Authority: a}
	for i, id := range identities {
		sub.Rows = append(sub.Rows, models.CoreRow{Row: i + 1, Identity: id})
	}
	return sub
}

// withRows is sub with some of its rows, as another dispatch would carry them.
func withRows(sub models.Submission, rows ...models.CoreRow) models.Submission {
	sub.Rows = rows
	return sub
}

// removal makes a submission that removes devices.
func removal(a models.Authority, ids ...models.DeviceID) models.Submission {
	sub := models.Submission{Upload: newUpload(), Authority: a}
	for i, id := range ids {
		sub.Rows = append(sub.Rows, models.CoreRow{Row: i + 1, DeviceID: id})
	}
	return sub
}

// hash is a device as a capture.
func hash(r *hardwarehash.Report) models.DeviceIdentity {
	return models.DeviceIdentity{Hash: hardwarehash.Trim(r.Encode())}
}

// recapture is the same device captured again.
func recapture(t testing.TB, r *hardwarehash.Report, seed uint64) *hardwarehash.Report {
	t.Helper()
	again, err := hardwarehash.Recapture(r, seed)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// tuple names a device by what its capture states.
func tuple(r *hardwarehash.Report) models.DeviceIdentity {
	id := r.Identity()
	return models.DeviceIdentity{Manufacturer: id.Manufacturer, Model: id.Product, SerialNumber: id.Serial}
}

// productKey names a device by its product key id.
func productKey(r *hardwarehash.Report) models.DeviceIdentity {
	return models.DeviceIdentity{ProductKey: r.Identity().ProductKeyID}
}

// edited is a capture with a changed inventory.
func edited(t testing.TB, r *hardwarehash.Report, change func(*hardwarehash.Inventory)) *hardwarehash.Report {
	t.Helper()
	inv := r.Inventory
	change(&inv)
	out, err := hardwarehash.New(inv)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// register executes a submission that must not be refused and returns its answers.
func (c core) register(sub models.Submission) []models.Answer {
	c.t.Helper()
	return c.whole(c.Register(context.Background(), sub))
}

// remove is register for removals.
func (c core) remove(sub models.Submission) []models.Answer {
	c.t.Helper()
	return c.whole(c.Remove(context.Background(), sub))
}

func (c core) whole(res models.Result, err error) []models.Answer {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	if res.Refusal != nil {
		c.t.Fatalf("refused: %+v", *res.Refusal)
	}
	return res.Answers
}

// one registers a single device and returns its answer.
func (c core) one(a models.Authority, id models.DeviceIdentity) models.Answer {
	c.t.Helper()
	return c.register(submit(a, id))[0]
}

// fence sets a fence.
func (c core) fence(kind models.SubjectKind, id string, epoch int64) {
	c.t.Helper()
	if err := c.Fence(context.Background(), kind, id, epoch); err != nil {
		c.t.Fatal(err)
	}
}

// count is the number of devices of a tenant.
func (c core) count(tenant models.TenantID) int64 {
	c.t.Helper()
	n, err := c.registrar.Count(context.Background(), tenant)
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// codes lists the codes of answers, with - for registered and † for absent.
func codes(answers []models.Answer) []string {
	out := make([]string, len(answers))
	for i, a := range answers {
		switch {
		case a.Absent:
			out[i] = "†"
		case a.Code == models.OutcomeRegistered:
			out[i] = "-"
		default:
			out[i] = string(a.Code)
		}
	}
	return out
}

// wantCodes compares the codes of answers, in row order.
func wantCodes(t testing.TB, what string, answers []models.Answer, want ...string) {
	t.Helper()
	if got := codes(answers); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s: codes %v, want %v; answers %+v", what, got, want, answers)
	}
}
