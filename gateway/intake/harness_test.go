package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"countersign/consent"
	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/models/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	partnerA = models.PartnerID("0d5a0c7e-0000-4000-8000-00000000000a")
	partnerB = models.PartnerID("0d5a0c7e-0000-4000-8000-00000000000b")
	tenantX  = models.TenantID("0b6c3d52-0000-4000-8000-000000000001")
	tenantY  = models.TenantID("0b6c3d52-0000-4000-8000-000000000002")
)

var errNoConsent = errs.New(errs.Forbidden, "consent_not_granted", "no consent")

type fakeConsent struct {
	check   func(ctx context.Context, ask Ask) (Permit, error)
	checkTx func(ctx context.Context, tx *db.Tx, ask Ask) (Permit, error)
	reserve func(ctx context.Context, tx *db.Tx, permit Permit, n int64) error
}

func (f *fakeConsent) Check(ctx context.Context, ask Ask) (Permit, error) { return f.check(ctx, ask) }

func (f *fakeConsent) CheckTx(ctx context.Context, tx *db.Tx, ask Ask) (Permit, error) {
	return f.checkTx(ctx, tx, ask)
}

func (f *fakeConsent) ReserveTx(ctx context.Context, tx *db.Tx, permit Permit, n int64) error {
	return f.reserve(ctx, tx, permit, n)
}

type fakeBudget struct {
	mu              sync.Mutex
	spent, refunded int
	refuse          error
}

func (f *fakeBudget) Spend(ctx context.Context, _ models.PartnerID, _ models.TenantID, devices int) (func(context.Context) error, error) {
	if err := db.RefuseInTx(ctx, "spend"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return nil, f.refuse
	}
	f.spent += devices
	return func(ctx context.Context) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.refunded += devices
		return ctx.Err()
	}, nil
}

// fakeProbing refuses as it is told.
type fakeProbing struct {
	refuse         error
	asked          int
	misses, claims int
}

func (f *fakeProbing) Count(ctx context.Context, _ models.PartnerID, misses, claims int) error {
	f.misses += misses
	f.claims += claims
	return db.RefuseInTx(ctx, "the probing limit")
}

// fakeCore foresees as it is told.
type fakeCore struct {
	rehearse func(models.Submission) (models.Result, error)
}

func (f *fakeCore) Rehearse(ctx context.Context, sub models.Submission) (models.Result, error) {
	if err := db.RefuseInTx(ctx, "a call to the core"); err != nil {
		return models.Result{}, err
	}
	return f.rehearse(sub)
}

func (f *fakeProbing) MayGuess(ctx context.Context, _ models.PartnerID) error {
	f.asked++
	return errors.Join(db.RefuseInTx(ctx, "the probing limit"), f.refuse)
}

// fakeDirectory knows what it is told.
type fakeDirectory struct {
	domains map[models.TenantID]string
	buyers  map[string]models.PartnerID
	asked   int
}

func (f *fakeDirectory) HasDomain(_ context.Context, tenant models.TenantID, domain string) (bool, error) {
	f.asked++
	return f.domains[tenant] == domain, nil
}

func (f *fakeDirectory) PartnerNamed(_ context.Context, ref string) (models.PartnerID, bool, error) {
	f.asked++
	id, ok := f.buyers[ref]
	return id, ok, nil
}

// fakeQueue stores dispatches as the forwarder would and counts wake-ups.
type fakeQueue struct {
	full  error // what Admit answers
	mu    sync.Mutex
	wakes int
	after func() // called once inside EnqueueTx, if set
}

func (f *fakeQueue) Admit(ctx context.Context, _ models.PartnerID) error {
	return errors.Join(db.RefuseInTx(ctx, "a look at the queue"), f.full)
}

func (f *fakeQueue) EnqueueTx(ctx context.Context, tx *db.Tx, ds []models.Dispatch) error {
	if f.after != nil {
		f.after()
	}
	return tx.Gorm().WithContext(ctx).Create(&ds).Error
}

func (f *fakeQueue) Wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wakes++
}

// quickClock polls without delay and never renews; each wait counts as step.
type quickClock struct {
	mu   sync.Mutex
	now  time.Time
	step time.Duration
}

func (c *quickClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *quickClock) After(d time.Duration) <-chan time.Time {
	if d != pollEvery {
		return nil
	}
	c.mu.Lock()
	c.now = c.now.Add(c.step)
	c.mu.Unlock()
	return time.After(time.Millisecond)
}

// fixture is a Service over one database, with neighbours that say yes.
type fixture struct {
	t         testing.TB
	db        *db.DB
	svc       *Service
	reader    *Reader
	consent   *fakeConsent
	directory *fakeDirectory
	budget    *fakeBudget
	probing   *fakeProbing
	queue     *fakeQueue
	core      *fakeCore
	clock     *quickClock

	mu       sync.Mutex
	left     *int64
	limits   consent.Limits
	reserved int64
	asks     []Ask
}

func newFixture(t *testing.T, d *db.DB) *fixture {
	t.Helper()
	return newFixtureOn(t, d)
}

func newFixtureOn(t testing.TB, d *db.DB) *fixture {
	t.Helper()
	f := &fixture{t: t, db: d, reader: NewReader(d), budget: &fakeBudget{}, probing: &fakeProbing{}, queue: &fakeQueue{}, core: &fakeCore{}, clock: &quickClock{now: time.Now()}}
	f.directory = &fakeDirectory{domains: map[models.TenantID]string{tenantX: "fabrikam.example"}, buyers: map[string]models.PartnerID{"4711": partnerB}}
	f.consent = &fakeConsent{
		check: func(_ context.Context, ask Ask) (Permit, error) { return f.permit(ask), nil },
		checkTx: func(ctx context.Context, _ *db.Tx, ask Ask) (Permit, error) {
			if !db.InTransaction(ctx) {
				return Permit{}, errors.New("CheckTx was called outside a transaction")
			}
			return f.permit(ask), nil
		},
		reserve: func(_ context.Context, _ *db.Tx, _ Permit, n int64) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.reserved += n
			return nil
		},
	}
	f.svc = f.service()
	f.seed()
	return f
}

// service makes another replica over the same database.
func (f *fixture) service() *Service {
	return New(Deps{
		DB: f.db, Consent: f.consent, Directory: f.directory, Budget: f.budget, Probing: f.probing, Queue: f.queue, Core: f.core, Clock: f.clock,
		NewID: func() string { return uuid.Must(uuid.NewV7()).String() }, Logger: slog.New(slog.DiscardHandler),
	})
}

func (f *fixture) permit(ask Ask) Permit {
	f.mu.Lock()
	defer f.mu.Unlock()
	ask.Seen = nil
	f.asks = append(f.asks, ask)
	return Permit{Grant: "grant-1", Epoch: 7, Version: 1, Now: time.Now().UTC().Truncate(time.Microsecond), Left: f.left, Limits: f.limits}
}

func (f *fixture) seed() {
	now := time.Now()
	for _, p := range []models.PartnerID{partnerA, partnerB} {
		f.exec("INSERT INTO partners (id, kind, name, state, created_at) VALUES (?, 'direct_reseller', ?, 'active', ?)", p, p, now)
	}
	for _, tn := range []models.TenantID{tenantX, tenantY} {
		f.exec("INSERT INTO tenants (id, name, state, created_at) VALUES (?, ?, 'active', ?)", tn, tn, now)
	}
}

func (f *fixture) exec(sql string, args ...any) int64 {
	f.t.Helper()
	res := f.db.Write().WithContext(f.t.Context()).Exec(sql, args...)
	if res.Error != nil {
		f.t.Fatal(res.Error)
	}
	return res.RowsAffected
}

func (f *fixture) count(sql string, args ...any) int {
	f.t.Helper()
	var n int
	if err := f.db.Read().WithContext(f.t.Context()).Raw("SELECT count(*) FROM "+sql, args...).Scan(&n).Error; err != nil {
		f.t.Fatal(err)
	}
	return n
}

// nothingLeft asserts that a refusal left no trace, the budget included.
func (f *fixture) nothingLeft() {
	f.t.Helper()
	for _, table := range []string{"uploads", "upload_rows", "upload_hashes", "dispatches", "idempotency_keys", "batches", "upload_references"} {
		if n := f.count(table); n != 0 {
			f.t.Errorf("%d rows are left in %s", n, table)
		}
	}
	if f.budget.spent != f.budget.refunded {
		f.t.Errorf("spent %d, refunded %d", f.budget.spent, f.budget.refunded)
	}
	if f.queue.wakes != 0 {
		f.t.Errorf("woken %d times", f.queue.wakes)
	}
}

// upload reads an accepted upload and all its rows.
func (f *fixture) upload(a Accepted) (UploadStatus, []RowStatus) {
	f.t.Helper()
	up, rows, err := f.reader.BatchJobStatus(f.t.Context(), Scope{Partner: partnerA}, a.TrackingID)
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

func (f *fixture) accept(call Call, src Source) Accepted {
	f.t.Helper()
	a, err := f.svc.Accept(f.t.Context(), call, src)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func create(batch string) Call {
	return Call{
		Caller: Caller{PartnerID: partnerA, PartnerKind: models.DirectReseller, ClientID: "p-1"},
		Tenant: tenantX, BatchName: batch, Method: "POST", Path: "/customers/" + string(tenantX) + "/devicebatches",
	}
}

func keyed(call Call, key string) Call {
	call.Key = key
	return call
}

// body is a Source of n rows made by row, or one that breaks after them.
type body struct {
	n      int
	row    func(i int) Row // i counts from 1
	name   string
	broken error
	pause  func(i int) // called before row i is given out
	given  int
	salt   string
}

func (b *body) Next() (Row, error) {
	if b.given == b.n {
		if b.broken != nil {
			return Row{}, b.broken
		}
		return Row{}, io.EOF
	}
	b.given++
	if b.pause != nil {
		b.pause(b.given)
	}
	return b.row(b.given), nil
}

func (b *body) BatchName() string { return b.name }

func (b *body) Digest() []byte {
	sum := sha256.Sum256(fmt.Append(nil, b.n, b.name, b.salt))
	return sum[:]
}

// tuples is a body of n different devices named by tuple.
func tuples(n int) *body {
	return &body{n: n, row: func(i int) Row {
		return Row{SerialNumber: fmt.Sprintf("SN-%06d", i), Manufacturer: "Fjordtek AS", Model: "Skerry 14"}
	}}
}

func list(rows ...Row) *body {
	return &body{n: len(rows), row: func(i int) Row { return rows[i-1] }}
}

func run(t *testing.T, fn func(f *fixture)) {
	t.Parallel()
	dbtest.Run(t, migrations.Gateway, func(t *testing.T, d *db.DB) { fn(newFixture(t, d)) })
}

func wantCode(t testing.TB, err error, want *errs.Error) *errs.Error {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %s", err, want.Code)
	}
	got := errs.From(err)
	if got.Kind != want.Kind {
		t.Errorf("kind %s, want %s", got.Kind, want.Kind)
	}
	return got
}

func refuseAll(context.Context, Ask) (Permit, error) { return Permit{}, errNoConsent }
