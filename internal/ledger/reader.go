package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"countersign/internal/db"
)

// Item is one entry of a chain, as it is shown, exported and checked.
type Item struct {
	Seq        int64
	Line       jsontext.Value // canonical JSON; a Line
	Before     []byte         // hash of the entry before; nil for the first
	Hash       []byte
	Checkpoint string // the signature at exactly this entry; empty if there is none
	Event      int64  // the ConsentEvent it tells of, 0 for none
}

// Page bounds of Reader.Page, in entries.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Reader reads chains. Whoever calls it has made sure that the caller may read that
// chain. It is safe for concurrent use.
type Reader struct{ db *db.DB }

// NewReader makes a Reader.
func NewReader(d *db.DB) *Reader { return &Reader{db: d} }

func (r *Reader) rows(ctx context.Context) rows { return rows{r.db.Read().WithContext(ctx)} }

// Page returns the entries of a chain after a number, oldest first, at most limit.
func (r *Reader) Page(ctx context.Context, chain string, after int64, limit int) ([]Item, error) {
	found, err := r.rows(ctx).page(chain, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return items(found), nil
}

// Of returns the entries of a chain that are about some requests, grants or other
// subjects, oldest first.
func (r *Reader) Of(ctx context.Context, chain string, subjects ...string) ([]Item, error) {
	found, err := r.rows(ctx).about(chain, subjects)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return items(found), nil
}

// End returns the number of the last entry of a chain, 0 when it has none.
func (r *Reader) End(ctx context.Context, chain string) (int64, error) {
	heads, err := r.rows(ctx).heads([]string{chain})
	if err != nil {
		return 0, fmt.Errorf("read the ledger: %w", err)
	}
	return heads[chain].Seq, nil
}

// Settled waits until every entry about some subjects that was committed before the call
// has its number, and reports whether that came before ctx ended.
func (r *Reader) Settled(ctx context.Context, subjects ...string) (bool, error) {
	tick := time.NewTicker(awaitEvery / 4)
	defer tick.Stop()
	for {
		waits, err := r.rows(ctx).unsettled(subjects)
		if err != nil && ctx.Err() == nil {
			return false, fmt.Errorf("read the ledger: %w", err)
		}
		if err == nil && !waits {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-tick.C:
		}
	}
}

// awaitEvery is how often Await looks, one read of one row each time.
const awaitEvery = 250 * time.Millisecond

// Await returns when a chain has an entry after the number, or when ctx ends.
func (r *Reader) Await(ctx context.Context, chain string, after int64) error {
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for {
		end, err := r.End(ctx, chain)
		if err != nil || end > after {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Lag is how long the oldest entry without a place has waited, 0 when none waits.
func (r *Reader) Lag(ctx context.Context) (time.Duration, error) {
	oldest, err := r.rows(ctx).oldest()
	if err != nil || oldest == nil {
		return 0, err
	}
	now, err := r.db.Now(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the database's clock: %w", err)
	}
	return max(0, now.Sub(*oldest)), nil
}

func items(found []linkRow) []Item {
	out := make([]Item, len(found))
	for i, f := range found {
		out[i] = Item{Seq: f.Seq, Line: jsontext.Value(f.Line), Before: f.Before, Hash: f.Hash}
		if f.JWS != nil {
			out[i].Checkpoint = *f.JWS
		}
		if f.EventID != nil {
			out[i].Event = *f.EventID
		}
	}
	return out
}
