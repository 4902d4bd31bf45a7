package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// Signer signs claims as a compact JWS, under a key for checkpoints alone.
type Signer interface {
	Sign(typ string, claims any) (string, error)
}

// Deps is what a Sequencer needs; all of it is required but Logger.
type Deps struct {
	DB     *db.DB
	Signer Signer
	Issuer string // iss of the checkpoints
	Holder string // names this process in the lease
	Logger *slog.Logger
}

// Times of the sequencer. An entry is chained and signed within lookEvery and a
// batch; after a crash of the holder within leaseFor more.
const (
	lookEvery = 200 * time.Millisecond
	leaseFor  = 3 * time.Second
	batchSize = 200
)

// Sequencer gives entries their order. Any number may run; the one with the lease
// works. It belongs to one goroutine.
type Sequencer struct {
	deps  Deps
	lease int64 // number of the lease this process took last; 0: none
}

// NewSequencer refuses to be made of incomplete parts.
func NewSequencer(d Deps) (*Sequencer, error) {
	if d.DB == nil || d.Signer == nil || d.Issuer == "" || d.Holder == "" {
		return nil, errors.New("ledger: a sequencer needs a database, a signer, an issuer and a name")
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return &Sequencer{deps: d}, nil
}

// Run orders entries until ctx ends.
func (s *Sequencer) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		n, err := s.Step(ctx)
		if err != nil && ctx.Err() == nil {
			s.deps.Logger.WarnContext(ctx, "the ledger's sequencer", slog.Any("error", err))
		}
		if err == nil && n == batchSize {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// errLeaseLost rolls a batch back: another process has taken the lease over.
var errLeaseLost = errors.New("another process has the lease")

// Step chains one batch of what waits and returns how many entries that were, 0 when
// nothing waits or another process has the lease. A system in which nothing happens
// costs a look at an empty table.
func (s *Sequencer) Step(ctx context.Context) (int, error) {
	waits, err := s.rows(ctx).waits()
	if err != nil {
		return 0, fmt.Errorf("look for entries to order: %w", err)
	}
	if !waits {
		return 0, nil
	}
	if s.lease == 0 {
		if err := s.takeLease(ctx); err != nil || s.lease == 0 {
			return 0, err
		}
	}
	n := 0
	err = s.deps.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err = s.chain(ctx, tx)
		return err
	})
	if errors.Is(err, errLeaseLost) {
		s.lease = 0
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("order entries: %w", err)
	}
	return n, nil
}

func (s *Sequencer) rows(ctx context.Context) rows { return rows{s.deps.DB.Read().WithContext(ctx)} }

// takeLease takes a lease that has run out, with the next number.
func (s *Sequencer) takeLease(ctx context.Context) error {
	taken := int64(0)
	err := s.deps.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return fmt.Errorf("read the database's clock: %w", err)
		}
		taken, err = within(ctx, tx).takeLease(s.deps.Holder, now, now.Add(leaseFor))
		return err
	})
	if err != nil {
		return fmt.Errorf("take the sequencer's lease: %w", err)
	}
	s.lease = taken
	return nil
}

// chain orders a batch in the caller's transaction. Its first statement renews the
// lease by number, and so holds its row until the commit: a process that slept while
// another took over finds its number gone and writes nothing, and nobody takes over
// between this look and the commit.
func (s *Sequencer) chain(ctx context.Context, tx *db.Tx) (int, error) {
	r := within(ctx, tx)
	now, err := tx.Now(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the database's clock: %w", err)
	}
	held, err := r.renewLease(s.lease, now.Add(leaseFor))
	if err != nil {
		return 0, err
	}
	if !held {
		return 0, errLeaseLost
	}
	entries, err := r.waiting(batchSize)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	heads, err := r.heads(chainsOf(entries))
	if err != nil {
		return 0, err
	}
	b := newBatch(s.deps, now, heads)
	for _, e := range entries {
		if err := b.add(e); err != nil {
			return 0, fmt.Errorf("entry %d: %w", e.ID, err)
		}
	}
	if err := b.close(); err != nil {
		return 0, err
	}
	return len(entries), r.write(b, tx.OneOf("id", idsOf(entries)), int64(len(entries)))
}

// chainsOf lists the chains that entries go into.
func chainsOf(entries []models.LedgerEntry) []string {
	seen := map[string]bool{Everything: true}
	names := []string{Everything}
	for _, e := range entries {
		for _, name := range partiesOf(e) {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// partiesOf lists the chains of the parties an entry names.
func partiesOf(e models.LedgerEntry) []string {
	var names []string
	if e.PartnerID != "" {
		names = append(names, ChainOfPartner(e.PartnerID))
	}
	if e.TenantID != "" {
		names = append(names, ChainOfTenant(e.TenantID))
	}
	return names
}

func idsOf(entries []models.LedgerEntry) []int64 {
	ids := make([]int64, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	return ids
}
