package forward

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"countersign/consent"
	"countersign/internal/db"
	"countersign/models"
)

// Core is the far side. Every method is idempotent; errors of kind
// errs.Invalid mean that the call itself broke the contract, every other error
// that the outcome is unknown.
type Core interface {
	// Register answers every row, or says why rows without a stored answer were refused.
	Register(ctx context.Context, s models.Submission) (models.Result, error)
	// Remove ends registrations; same contract as Register.
	Remove(ctx context.Context, s models.Submission) (models.Result, error)
	// Replace puts other hardware in the place of registered devices; same contract.
	Replace(ctx context.Context, s models.Submission) (models.Result, error)
	// Report keeps an OEM's factory records; same contract as Register.
	Report(ctx context.Context, s models.Submission) (models.Result, error)
	// Resolve returns stored answers and makes sure that absent rows never register.
	Resolve(ctx context.Context, upload models.TrackingID, rows []int) ([]models.Answer, error)
	// Fence makes the core refuse older epochs of a subject, durably.
	Fence(ctx context.Context, kind models.SubjectKind, id string, minEpoch int64) error
}

// Gate is what the forwarder asks of consent.
type Gate interface {
	// ClaimTx takes the gate and says how exactly this grant stands.
	ClaimTx(ctx context.Context, tx *db.Tx, ask consent.Ask, grant models.GrantID) (consent.Standing, error)
	// SettleTx turns reservations into use or gives them back.
	SettleTx(ctx context.Context, tx *db.Tx, s consent.Settlement) error
	// Room says how many of n devices, reserved before the limit was lowered, fit into it.
	Room(ctx context.Context, permit consent.Permit, n int64) (int64, error)
	// RecountTx counts n such devices against the limit; false when the room is gone.
	RecountTx(ctx context.Context, tx *db.Tx, permit consent.Permit, n int64) (bool, error)
	// ForceRevoked ends a grant whose fence in the core is ahead of us.
	ForceRevoked(ctx context.Context, grant models.GrantID, minEpoch int64, reason string) error
}

// Probing keeps partners from finding out by trying which devices there are.
type Probing interface {
	// Wait returns how long the partner's rows without a hash have to wait; zero lets
	// them through. It is no promise about the time after.
	Wait(ctx context.Context, partner models.PartnerID) (time.Duration, error)
	// Count adds what the partner learned: rows whose device was not to be had, and
	// claims on factories' records that do not name it.
	Count(ctx context.Context, partner models.PartnerID, misses, claims int) error
}

// Settings are the times and sizes of forwarding. The zero value of a field
// takes its default.
type Settings struct {
	Workers     int           // concurrent dispatches of this process; default 2
	Poll        time.Duration // how often an idle worker looks for other replicas' work; default 500 ms
	Lease       time.Duration // how long a claim holds without a heartbeat; default 30 s
	Heartbeat   time.Duration // default 10 s
	CallTimeout time.Duration // one call to the core; default 20 s, below the 30 s of notAfter
	BackoffBase time.Duration // first retry; default 500 ms, doubled and jittered
	BackoffCap  time.Duration // default 1 min
	GiveUp      time.Duration // age after which a dispatch is resolved and closed; default 24 h
	MaxCrashes  int           // leases that may run out over one row before it is stopped; at least 2, default 3

	// PartnerInFlight is how many dispatches of one partner may be worked on at once, over
	// all replicas; about, because workers do not wait for each other. Default 8.
	PartnerInFlight int
	// PartnerWaiting is how many devices of one partner may wait before its next upload is
	// refused; default 2,500,000.
	PartnerWaiting int64
	// MostBehind is how long a dispatch may wait for a worker before all uploads are
	// refused; default 10 minutes.
	MostBehind time.Duration
}

func (s Settings) withDefaults() Settings {
	def := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	if s.Workers == 0 {
		s.Workers = 2
	}
	if s.MaxCrashes == 0 {
		s.MaxCrashes = 3
	}
	if s.PartnerInFlight == 0 {
		s.PartnerInFlight = 8
	}
	if s.PartnerWaiting == 0 {
		s.PartnerWaiting = 2_500_000
	}
	def(&s.Poll, 500*time.Millisecond)
	def(&s.Lease, 30*time.Second)
	def(&s.Heartbeat, 10*time.Second)
	def(&s.CallTimeout, 20*time.Second)
	def(&s.BackoffBase, 500*time.Millisecond)
	def(&s.BackoffCap, time.Minute)
	def(&s.GiveUp, 24*time.Hour)
	def(&s.MostBehind, 10*time.Minute)
	return s
}

// Deps are what a Forwarder needs.
type Deps struct {
	DB       *db.DB
	Core     Core
	Gate     Gate
	Probing  Probing
	Now      func() time.Time // for the backlog in metrics; work and leases use the database's clock
	Worker   string           // names this process in leases and logs
	Logger   *slog.Logger
	Settings Settings
}

// Forwarder owns the dispatches of the gateway.
type Forwarder struct {
	store    *store
	core     Core
	gate     Gate
	probing  Probing
	now      func() time.Time
	worker   string
	log      *slog.Logger
	settings Settings
	wake     chan struct{}
	turns    turns
	picks    atomic.Uint64 // how often something was looked for
	breaker  breaker
	pressure pressure
}

// New makes a Forwarder; Run starts it.
func New(d Deps) *Forwarder {
	s := d.Settings.withDefaults()
	return &Forwarder{
		store: &store{db: d.DB}, core: d.Core, gate: d.Gate, probing: d.Probing, now: d.Now,
		worker: d.Worker, log: d.Logger, settings: s,
		wake: make(chan struct{}, s.Workers),
	}
}

// EnqueueTx adds dispatches in the caller's transaction. The caller calls Wake
// once its transaction has committed.
func (f *Forwarder) EnqueueTx(ctx context.Context, tx *db.Tx, dispatches []models.Dispatch) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	for i := range dispatches {
		dispatches[i].State = models.DispatchReady
		dispatches[i].RunAt = now
		dispatches[i].CreatedAt = now
	}
	return f.store.insertTx(ctx, tx, dispatches)
}

// Wake tells the workers of this process that there is work. It never blocks.
func (f *Forwarder) Wake() {
	for range f.settings.Workers {
		select {
		case f.wake <- struct{}{}:
		default:
			return
		}
	}
}
