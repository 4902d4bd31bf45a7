package consent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/models/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is one database with a partner, a tenant, their clients, and a service
// over a core that can be told how to answer.
type world struct {
	*Service
	d      *db.DB
	clock  *clock
	core   *core
	ask    Ask
	byFirm Actor // the partner
	byCust Actor // the tenant
	byOps  Actor
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// both runs fn on a fresh PostgreSQL and a fresh SQLite database whose clock the
// test turns.
func both(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			fn(t, newWorld(t, dialect))
		})
	}
}

func newWorld(t *testing.T, dialect db.Dialect) *world {
	t.Helper()
	c := &clock{now: start}
	w := settle(t, dbtest.New(t, dialect, migrations.Gateway, dbtest.WithClock(c.Now)))
	w.clock = c
	return w
}

// settle makes the world of a database that keeps its own time.
func settle(t testing.TB, d *db.DB) *world {
	t.Helper()
	w := &world{d: d, core: &core{fences: map[string]int64{}}}
	w.Service = New(Deps{
		DB: w.d, Sink: w.core, FenceWait: 5 * time.Second, Jitter: func() float64 { return 0 },
		Caps: Caps{OpenPerTenant: 1000, PerDay: 1000},
	})
	w.byOps = Actor{Kind: models.ActorOperator, ID: "alice", HTTPRequest: "http-ops"}
	w.byFirm = w.addPartner(t, "Contoso OEM")
	w.byCust = w.addTenant(t, "Fabrikam", "fabrikam.example")
	w.ask = Ask{
		Partner: w.byFirm.PartnerID, Client: models.ClientID(w.byFirm.ID), Tenant: w.byCust.TenantID,
		Scope: GrantScopeDevicesRegister,
	}
	return w
}

func (w *world) create(t testing.TB, row any) {
	t.Helper()
	if err := w.d.Write().WithContext(t.Context()).Create(row).Error; err != nil {
		t.Fatalf("create %T: %v", row, err)
	}
}

func (w *world) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if err := w.d.Write().WithContext(t.Context()).Exec(sql, args...).Error; err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (w *world) addPartner(t testing.TB, name string) Actor {
	t.Helper()
	id, client := models.PartnerID(uuid.NewString()), models.ClientID("p-"+uuid.NewString())
	w.create(t, &models.Partner{ID: id, Kind: models.OEM, Name: name, State: models.PartnerActive, Epoch: 1, CreatedAt: start})
	w.create(t, &models.OAuthClient{
		ID: client, OwnerKind: models.OwnerPartner, PartnerID: &id, Name: "line 1",
		AuthMethod: models.ClientSecretBasic, Profile: models.ProfileLegacy, State: models.ClientActive, Epoch: 1, CreatedAt: start,
	})
	return Actor{Kind: models.ActorPartner, ID: string(client), PartnerID: id, HTTPRequest: "http-" + name}
}

func (w *world) addTenant(t testing.TB, name string, domains ...string) Actor {
	t.Helper()
	return w.addTenantAs(t, models.TenantID(uuid.NewString()), name, domains...)
}

func (w *world) addTenantAs(t testing.TB, id models.TenantID, name string, domains ...string) Actor {
	t.Helper()
	w.create(t, &models.Tenant{ID: id, Name: name, State: models.TenantActive, Epoch: 1, CreatedAt: start})
	for i, domain := range domains {
		w.create(t, &models.TenantDomain{Domain: domain, TenantID: id, VerifiedAt: start.Add(time.Duration(i) * time.Hour)})
	}
	client := models.ClientID("t-" + uuid.NewString())
	w.create(t, &models.OAuthClient{
		ID: client, OwnerKind: models.OwnerTenant, TenantID: &id, Name: "automation", Scopes: "consents.read " + RightToDecide,
		AuthMethod: models.ClientSecretBasic, Profile: models.ProfileLegacy, State: models.ClientActive, Epoch: 1, CreatedAt: start,
	})
	return Actor{Kind: models.ActorCustomer, ID: string(client), TenantID: id, HTTPRequest: "http-" + name}
}

// newRequest is a plain question to the world's tenant.
func (w *world) newRequest() NewRequest {
	return NewRequest{
		Tenant: string(w.byCust.TenantID), Purpose: "Register the laptops of your order.", Reference: "PO 4711",
		Scopes: []string{GrantScopeDevicesRegister, GrantScopeDevicesRemove},
	}
}

func (w *world) request(t testing.TB) models.ConsentRequest {
	t.Helper()
	request, err := w.Request(t.Context(), w.byFirm, w.newRequest())
	if err != nil {
		t.Fatalf("request: %v", err)
	}
	return request.ConsentRequest
}

// person is an actor of the tenant who signed in a minute before the world's clock.
func (w *world) person(t *testing.T, tenant models.TenantID, role models.PersonRole) Actor {
	t.Helper()
	id := uuid.NewString()
	w.create(t, &models.Person{
		ID: models.PersonID(id), TenantID: tenant, Issuer: "https://login.fabrikam.example", Subject: "sub-" + id, Name: "Ada",
		GivenRole: &role, State: models.PersonActive, CreatedAt: start,
	})
	return Actor{
		Kind: models.ActorCustomer, ID: id, TenantID: tenant, HTTPRequest: "http-person",
		Person: &Evidence{
			ID: models.PersonID(id), Name: "Ada", Issuer: "https://login.fabrikam.example", Subject: "sub-" + id, ACR: "mfa", AMR: []string{"pwd", "otp"},
			AuthTime: w.clock.Now().Add(-time.Minute), Role: role,
		},
	}
}

// granted asks and grants with a limit; 0 means none.
func (w *world) granted(t testing.TB, limit int64) models.Grant {
	t.Helper()
	var terms Terms
	if limit > 0 {
		terms.Limits.Devices = &limit
	}
	grant, err := w.Grant(t.Context(), w.byCust, w.request(t).ID, terms)
	if err != nil {
		t.Fatalf("grant: %v", err)
	}
	return grant
}

// inTx runs fn in a transaction and fails the test on an error.
func (w *world) inTx(t *testing.T, fn func(ctx context.Context, tx *db.Tx) error) {
	t.Helper()
	if err := w.d.InTx(t.Context(), fn); err != nil {
		t.Fatalf("transaction: %v", err)
	}
}

// checkTx is CheckTx in a transaction of its own.
func (w *world) checkTx(ctx context.Context, ask Ask) (permit Permit, err error) {
	err = w.d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		permit, err = w.CheckTx(ctx, tx, ask)
		return err
	})
	return permit, err
}

func (w *world) readGrant(t *testing.T, id models.GrantID) models.Grant {
	t.Helper()
	grant, err := w.rows(t.Context()).grant(id, scope{})
	if err != nil {
		t.Fatalf("read grant: %v", err)
	}
	return grant
}

func (w *world) sweepOnce(t *testing.T) {
	t.Helper()
	if err := w.RunFencesOnce(t.Context()); err != nil {
		t.Fatalf("sweep: %v", err)
	}
}

// wantErr fails unless err is exactly the wanted refusal.
func wantErr(t *testing.T, err error, want *errs.Error) {
	t.Helper()
	if !errors.Is(err, want) || errs.KindOf(err) != want.Kind {
		t.Fatalf("got error %v, want %s", err, want.Code)
	}
}

// wantFault fails unless err is ErrInvalid and names exactly this field.
func wantFault(t *testing.T, err error, field string) {
	t.Helper()
	wantErr(t, err, ErrInvalid)
	for _, f := range errs.From(err).Fields {
		if f.Name == field && f.Cause != "" {
			return
		}
	}
	t.Fatalf("fields %v do not name %q", errs.From(err).Fields, field)
}

// mentions reports whether an error's public text holds any of the words.
func mentions(err error, words ...string) bool {
	e := errs.From(err)
	text := strings.ToLower(fmt.Sprint(e.Code, e.Detail, e.Fields, e.Location))
	for _, word := range words {
		if strings.Contains(text, strings.ToLower(word)) {
			return true
		}
	}
	return false
}

func ptr[T any](v T) *T { return &v }

// clock is the database's clock of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// core keeps fences as the real one does, and fails or hangs on demand.
type core struct {
	mu     sync.Mutex
	fences map[string]int64
	calls  int
	answer func(ctx context.Context) error // nil acknowledges
}

func (c *core) Fence(ctx context.Context, kind models.SubjectKind, id string, minEpoch int64) error {
	c.mu.Lock()
	answer := c.answer
	c.calls++
	c.mu.Unlock()
	if answer != nil {
		if err := answer(ctx); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := string(kind) + " " + id
	c.fences[key] = max(c.fences[key], minEpoch)
	return nil
}

func (c *core) set(answer func(ctx context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func (c *core) fence(kind models.SubjectKind, id string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fences[string(kind)+" "+id]
}

func (c *core) called() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

var errDown = errors.New("the core is down")

func down(context.Context) error { return errDown }

func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
