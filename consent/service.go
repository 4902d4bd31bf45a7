package consent

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"countersign/internal/db"
	"countersign/models"
)

// FenceSink is the core's stop switch.
type FenceSink interface {
	// Fence makes the core refuse work whose epoch of this subject is below
	// minEpoch. It returns nil only when that is durable, is idempotent, never
	// lowers a fence, and returns when ctx ends.
	Fence(ctx context.Context, kind models.SubjectKind, id string, minEpoch int64) error
}

// Deps are what a Service needs. Only DB and Sink are required.
type Deps struct {
	DB        *db.DB
	Sink      FenceSink
	Reader    FenceReader   // nil never compares what the core keeps
	Last      LastReader    // nil leaves the last device of an ended grant unnamed
	Logger    *slog.Logger  // nil discards
	NewID     func() string // nil makes UUIDv7
	FenceWait time.Duration // how long one call of the sink may take, and so a revoke wait; 0 means 3 s
	Sweep     time.Duration // how often RunFences looks for work; 0 means 1 s
	// Tick replaces the ticker of RunFences; nil takes time.NewTicker. The
	// function it returns stops it.
	Tick   func(every time.Duration) (ticks <-chan time.Time, stop func())
	Caps   Caps   // the zero value takes the defaults
	Prober Prober // nil watches for nothing
	// Jitter returns a number in [0, 1) that spreads retries; nil takes a random one.
	Jitter func() float64
}

// Service owns requests, grants, their history and the gate. It is safe for
// concurrent use and keeps no state of its own: several replicas may run on one
// database.
type Service struct {
	db     *db.DB
	sink   FenceSink
	reader FenceReader
	last   LastReader
	log    *slog.Logger
	newID  func() string
	wait   time.Duration
	sweep  time.Duration
	tick   func(time.Duration) (<-chan time.Time, func())
	jitter func() float64
	caps   Caps
	prober Prober
}

// New makes a Service. RunFences must run beside it in at least one replica.
func New(d Deps) *Service {
	s := &Service{
		db: d.DB, sink: d.Sink, reader: d.Reader, last: d.Last, log: d.Logger, newID: d.NewID,
		wait: d.FenceWait, sweep: d.Sweep, tick: d.Tick, jitter: d.Jitter,
		caps: d.Caps.withDefaults(), prober: d.Prober,
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.newID == nil {
		s.newID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if s.wait == 0 {
		s.wait = 3 * time.Second
	}
	if s.sweep == 0 {
		s.sweep = time.Second
	}
	if s.tick == nil {
		s.tick = func(every time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(every)
			return t.C, t.Stop
		}
	}
	if s.jitter == nil {
		s.jitter = rand.Float64
	}
	return s
}

// rows reads outside a transaction.
func (s *Service) rows(ctx context.Context) rows { return rows{g: s.db.Read().WithContext(ctx)} }

// within reads and writes inside tx.
func within(ctx context.Context, tx *db.Tx) rows { return rows{g: tx.Gorm().WithContext(ctx), tx: tx} }

// system is the actor behind a clock or a comparison with the core.
var system = Actor{Kind: models.ActorSystem, ID: "countersign"}
