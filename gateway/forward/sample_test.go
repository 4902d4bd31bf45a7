package forward

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"countersign/consent"
	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
)

const (
	samplePartner = models.PartnerID("10000000-0000-7000-8000-000000000001")
	sampleTenant  = models.TenantID("20000000-0000-7000-8000-000000000001")
	sampleGrant   = models.GrantID("30000000-0000-7000-8000-000000000001")
)

// clock is a settable clock, shared by the database and the forwarder.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2031, 2, 3, 10, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// fakeCore answers by its functions; nil ones register and resolve nothing known.
type fakeCore struct {
	register func(models.Submission) (models.Result, error)
	resolve  func(models.TrackingID, []int) ([]models.Answer, error)

	mu       sync.Mutex
	calls    []string
	reported []models.Submission
}

func (c *fakeCore) Report(_ context.Context, s models.Submission) (models.Result, error) {
	c.note("report %d", len(s.Rows))
	c.reported = append(c.reported, s)
	if c.register != nil {
		return c.register(s)
	}
	return models.Result{Answers: registered(s)}, nil
}

func (c *fakeCore) Replace(_ context.Context, s models.Submission) (models.Result, error) {
	c.note("replace %s", s.Rows[0].DeviceID)
	c.reported = append(c.reported, s)
	return models.Result{Answers: registered(s)}, nil
}

func (c *fakeCore) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, fmt.Sprintf(format, args...))
}

func (c *fakeCore) Register(_ context.Context, s models.Submission) (models.Result, error) {
	c.note("register %d", len(s.Rows))
	if c.register != nil {
		return c.register(s)
	}
	return models.Result{Answers: registered(s)}, nil
}

func (c *fakeCore) Remove(ctx context.Context, s models.Submission) (models.Result, error) {
	c.note("remove %s", s.Rows[0].DeviceID)
	return models.Result{Answers: registered(s)}, nil
}

func (c *fakeCore) Resolve(_ context.Context, id models.TrackingID, rows []int) ([]models.Answer, error) {
	c.note("resolve %d", len(rows))
	if c.resolve != nil {
		return c.resolve(id, rows)
	}
	out := make([]models.Answer, len(rows))
	for i, r := range rows {
		out[i] = models.Answer{Row: r, Absent: true}
	}
	return out, nil
}

func (c *fakeCore) Fence(context.Context, models.SubjectKind, string, int64) error { return nil }

func registered(s models.Submission) []models.Answer {
	out := make([]models.Answer, len(s.Rows))
	for i, r := range s.Rows {
		out[i] = models.Answer{Row: r.Row, DeviceID: models.DeviceID(fmt.Sprintf("device-%d", r.Row))}
	}
	return out
}

// fakeGate stands for consent; its standing can change between claims.
type fakeGate struct {
	clock *clock

	mu       sync.Mutex
	verdict  consent.Verdict
	reason   string
	epoch    int64
	used     int64
	released int64
	forced   int64
	asked    consent.Ask // by the last claim

	version, recount int64 // of the grant's terms, and of the last lower limit
	limits           consent.Limits
	room, recounted  int64 // under the lowered limit
	onRoom           func()
}

func (g *fakeGate) set(v consent.Verdict, reason string, epoch int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.verdict, g.reason, g.epoch = v, reason, epoch
}

func (g *fakeGate) ClaimTx(_ context.Context, _ *db.Tx, ask consent.Ask, grant models.GrantID) (consent.Standing, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = ask
	now := g.clock.Now()
	return consent.Standing{Verdict: g.verdict, Reason: g.reason, Permit: consent.Permit{
		Grant: grant, Root: grant, Epoch: g.epoch, Version: g.version, Recount: g.recount, Limits: g.limits, Now: now, ExpiresAt: now.Add(time.Hour),
		Epochs: []models.SubjectEpoch{{Kind: models.SubjectOfGrant, ID: string(grant), Epoch: g.epoch}},
	}}, nil
}

func (g *fakeGate) SettleTx(_ context.Context, _ *db.Tx, s consent.Settlement) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used += s.Used
	g.released += s.Released
	return nil
}

func (g *fakeGate) Room(_ context.Context, _ consent.Permit, n int64) (int64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	room := min(n, g.room)
	if g.onRoom != nil {
		g.onRoom()
	}
	return room, nil
}

func (g *fakeGate) RecountTx(_ context.Context, _ *db.Tx, _ consent.Permit, n int64) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recounted += n
	return g.room >= n, nil
}

func (g *fakeGate) ForceRevoked(_ context.Context, _ models.GrantID, minEpoch int64, _ string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forced, g.verdict, g.reason = minEpoch, consent.VerdictEnded, consent.ReasonRevoked
	return nil
}

// stack is a forwarder over a fresh database, with its neighbours faked.
type stack struct {
	db    *db.DB
	clock *clock
	core  *fakeCore
	gate  *fakeGate
	f     *Forwarder

	probing *fakeProbing
}

// fakeProbing adds up and holds back as it is told.
type fakeProbing struct {
	wait           time.Duration
	misses, claims int
}

func (p *fakeProbing) Wait(ctx context.Context, _ models.PartnerID) (time.Duration, error) {
	return p.wait, db.RefuseInTx(ctx, "the probing limit")
}

func (p *fakeProbing) Count(ctx context.Context, _ models.PartnerID, misses, claims int) error {
	p.misses, p.claims = p.misses+misses, p.claims+claims
	return db.RefuseInTx(ctx, "the probing limit")
}

func newStack(t *testing.T, d db.Dialect) *stack {
	t.Helper()
	s := &stack{clock: newClock(), core: &fakeCore{}, probing: &fakeProbing{}}
	s.gate = &fakeGate{clock: s.clock, verdict: consent.VerdictActive, epoch: 1, version: 1}
	s.db = dbtest.New(t, d, migrations.Gateway, dbtest.WithClock(s.clock.Now))
	s.f = s.another("worker-1")
	return s
}

// another is a second forwarder on the same database, as on another replica.
func (s *stack) another(worker string) *Forwarder {
	return New(Deps{
		DB: s.db, Core: s.core, Gate: s.gate, Probing: s.probing, Now: s.clock.Now, Worker: worker,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
}

// bothDialects runs a story on PostgreSQL and on SQLite.
func bothDialects(t *testing.T, fn func(t *testing.T, s *stack)) {
	t.Helper()
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			fn(t, newStack(t, d))
		})
	}
}

// upload stores an accepted upload of n rows of a partner and enqueues it.
func (s *stack) upload(t *testing.T, partner models.PartnerID, n int) models.Upload {
	t.Helper()
	return s.uploadOf(t, partner, models.UploadRegister, n)
}

func (s *stack) uploadOf(t *testing.T, partner models.PartnerID, kind models.UploadKind, n int) models.Upload {
	t.Helper()
	now := s.clock.Now()
	day := now.Truncate(24 * time.Hour)
	u := models.Upload{
		TrackingID: models.TrackingID(fmt.Sprintf("upload-%s-%d", strings.ReplaceAll(t.Name(), "/", "-"), time.Now().UnixNano())),
		Kind:       kind, PartnerID: partner, TenantID: sampleTenant, ClientID: "p-1", GrantID: sampleGrant,
		State: models.UploadQueued, StagedOn: day, RowCount: n, OpenRows: n, CreatedAt: now, AcceptedAt: &now,
	}
	switch {
	case kind == models.UploadReport:
		u.TenantID, u.GrantID = "", ""
	case partner == "":
		u.ClientID, u.GrantID = "t-1", ""
	}
	err := s.db.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if err := gorm.G[models.Upload](tx.Gorm()).Create(ctx, &u); err != nil {
			return err
		}
		if err := s.rowsTx(ctx, tx, u); err != nil {
			return err
		}
		var ds []models.Dispatch
		for first := 1; first <= n; first += models.DispatchRows {
			ds = append(ds, models.Dispatch{
				UploadID: u.ID, Kind: kind, PartnerID: partner, TenantID: u.TenantID, ClientID: u.ClientID,
				GrantID: u.GrantID, GrantEpoch: 1, FirstOrdinal: first, LastOrdinal: min(n, first+models.DispatchRows-1),
			})
		}
		return s.f.EnqueueTx(ctx, tx, ds)
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (s *stack) rowsTx(ctx context.Context, tx *db.Tx, u models.Upload) error {
	rows := make([]models.UploadRow, u.RowCount)
	hashes := make([]models.UploadHash, u.RowCount)
	for i := range rows {
		serial := fmt.Sprintf("SN-%d", i+1)
		device := models.DeviceID("to-remove")
		rows[i] = models.UploadRow{UploadID: u.ID, Ordinal: i + 1, SerialNumber: &serial}
		switch u.Kind {
		case models.UploadRemove:
			rows[i].DeviceID = &device
		case models.UploadReplace:
			rows[i].Replaces = &device
		case models.UploadRegister, models.UploadReport:
		}
		if buyer := "buyer"; u.Kind == models.UploadReport {
			rows[i].SoldTo, rows[i].Returned = &buyer, i == 1
		}
		hashes[i] = models.UploadHash{StagedOn: u.StagedOn, UploadID: u.ID, Ordinal: i + 1, Hash: []byte{byte(i)}}
	}
	if err := gorm.G[models.UploadRow](tx.Gorm()).CreateInBatches(ctx, &rows, 100); err != nil {
		return err
	}
	return gorm.G[models.UploadHash](tx.Gorm()).CreateInBatches(ctx, &hashes, 100)
}

func (s *stack) reload(t *testing.T, u models.Upload) (models.Upload, []models.UploadRow, []models.Dispatch) {
	t.Helper()
	up, err := gorm.G[models.Upload](s.db.Read()).Where("id = ?", u.ID).Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := gorm.G[models.UploadRow](s.db.Read()).Where("upload_id = ?", u.ID).Order("ordinal").Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ds, err := gorm.G[models.Dispatch](s.db.Read()).Where("upload_id = ?", u.ID).Order("id").Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return up, rows, ds
}

func (s *stack) run(t *testing.T, want bool) {
	t.Helper()
	worked, err := s.f.RunOnce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if worked != want {
		t.Fatalf("worked = %v, want %v", worked, want)
	}
}
