package notice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/models"
)

// Feed is the ledger's chains.
type Feed interface {
	// Page returns the entries of a chain after a number, oldest first.
	Page(ctx context.Context, chain string, after int64, limit int) ([]ledger.Item, error)
	// End returns the number of the last entry of a chain.
	End(ctx context.Context, chain string) (int64, error)
}

// Carrier hands a mail to the next server. A Permanent error says that trying again
// does not help.
type Carrier interface {
	Send(ctx context.Context, m Mail) error
}

// Mail is a mail as it is handed over.
type Mail struct {
	MessageID string // without the angle brackets; the same whenever it is sent again
	From, To  string // addresses alone
	Subject   string
	Text      string
	Date      time.Time
}

// Permanent wraps what a server refuses for good.
type Permanent struct{ Cause error }

// Error implements error.
func (p *Permanent) Error() string { return p.Cause.Error() }

// Unwrap returns the cause.
func (p *Permanent) Unwrap() error { return p.Cause }

// Deps are what a Service needs; all of it is required.
type Deps struct {
	DB      *db.DB
	Feed    Feed
	Carrier Carrier
	From    string // address of the sender
	Portal  string // where people sign in
	NewID   func() string
	Logger  *slog.Logger
}

// Times of delivery.
const (
	lookEvery    = 2 * time.Second  // how often there is a look for entries and mails
	calendarWait = 10 * time.Minute // how often there is a look for what ends soon
	sendLease    = 2 * time.Minute  // within it a mail is sent, or another worker takes it
	firstPause   = time.Minute      // before a mail is tried again; doubles
	longestPause = time.Hour
	giveUpAfter  = 3 * 24 * time.Hour
	keepDone     = 30 * 24 * time.Hour // how long it is known that a mail was sent
	oldNews      = 3 * 24 * time.Hour  // an entry that is older tells nobody any more
	pageSize     = 100
)

// Service writes and sends mails. Any number of processes may run it.
type Service struct {
	deps    Deps
	store   store
	compose composer
	domain  string // of Message-IDs

	nextCalendar time.Time // belongs to Run

	sent, retried, dead atomic.Int64
}

// New refuses to be made of incomplete parts, or with a sender that is no address.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Feed == nil || d.Carrier == nil || d.NewID == nil || d.Logger == nil {
		return nil, errors.New("notice: a database, a feed, a carrier, ids and a log are needed")
	}
	if !models.ValidMailAddress(d.From) {
		return nil, fmt.Errorf("notice: %q is not an address of mail", d.From)
	}
	words, err := loadCatalogue()
	if err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(d.From, "@")
	return &Service{deps: d, store: store{db: d.DB}, compose: composer{words: words, portal: d.Portal}, domain: domain}, nil
}

// Counts are what became of mails in this process.
type Counts struct{ Sent, Retried, Dead int64 }

// Counts returns what became of mails in this process.
func (s *Service) Counts() Counts {
	return Counts{Sent: s.sent.Load(), Retried: s.retried.Load(), Dead: s.dead.Load()}
}

// Waiting returns how many mails wait to be sent, over all processes.
func (s *Service) Waiting(ctx context.Context) (int64, error) { return s.store.waiting(ctx) }

// Run writes and sends until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := s.Step(ctx); err != nil && ctx.Err() == nil {
			s.deps.Logger.WarnContext(ctx, "notices", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Step does once what Run does all the time: it writes the mails of all new entries, and
// of the calendar when it is time, and sends every mail that is due.
func (s *Service) Step(ctx context.Context) error {
	for {
		n, err := s.collect(ctx)
		if err != nil {
			return fmt.Errorf("write mails: %w", err)
		}
		if n < pageSize {
			break
		}
	}
	now, err := s.deps.DB.Now(ctx)
	if err != nil {
		return err
	}
	if !now.Before(s.nextCalendar) {
		if err := s.calendar(ctx, now); err != nil {
			return fmt.Errorf("look at the calendar: %w", err)
		}
		s.nextCalendar = now.Add(calendarWait)
	}
	for {
		worked, err := s.deliver(ctx)
		if err != nil || !worked {
			return err
		}
	}
}
