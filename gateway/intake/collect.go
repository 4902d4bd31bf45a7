package intake

import (
	"context"
	"errors"
	"fmt"
	"io"

	"countersign/models"
)

// collector reads the rows of one upload: it holds a small one in memory and stages a
// larger one. No transaction is open while it waits for the source.
type collector struct {
	store  *store
	rules  rules
	buyers *buyers // of a build report
	max    int
	upload models.Upload // in state receiving; ID is set once it is staged
	held   []checked     // rows not written yet
	tally  tally

	probing Probing // asked once, at the first row that may be a guess; nil: none can be, or it was asked
}

func (c *collector) staged() bool { return c.upload.ID != 0 }

// read takes all rows of the source.
func (c *collector) read(ctx context.Context, src Source) error {
	if lender, ok := src.(Lender); ok {
		lender.Lend() // a row is checked before the next one is asked for
	}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		row, err := src.Next()
		if errors.Is(err, io.EOF) {
			return c.finish(ctx)
		}
		if err != nil {
			return err
		}
		if c.tally.rows == c.max {
			return ErrTooManyRows.WithDetail("The body holds more than %d devices. Split it into several calls.", c.max)
		}
		if err := c.add(ctx, row); err != nil {
			return err
		}
	}
}

func (c *collector) add(ctx context.Context, row Row) error {
	if err := c.buyers.name(ctx, &row); err != nil {
		return err
	}
	checked := c.rules.check(c.tally.rows+1, row)
	if err := c.mayGuess(ctx, checked); err != nil {
		return err
	}
	return c.put(ctx, checked)
}

// put takes a row that was checked, and stages what is held once it is much.
func (c *collector) put(ctx context.Context, row checked) error {
	c.tally.add(row)
	c.held = append(c.held, row)
	if !c.staged() {
		if len(c.held) <= SmallRows {
			return nil
		}
		if err := c.store.beginStaging(ctx, &c.upload); err != nil {
			return err
		}
	}
	return c.flush(ctx, ChunkRows)
}

// mayGuess asks whether the partner may name devices otherwise than by hash when the
// first such row comes, before more of the body is read.
func (c *collector) mayGuess(ctx context.Context, row checked) error {
	if c.probing == nil || row.verdict != nil || len(row.identity.Hash) > 0 {
		return nil
	}
	asked := c.probing
	c.probing = nil
	return asked.MayGuess(ctx, c.upload.PartnerID)
}

// finish writes the rest of a staged upload and refuses an empty one.
func (c *collector) finish(ctx context.Context) error {
	if c.tally.rows == 0 {
		return ErrNoDevices.WithDetail("The body holds no device. Nothing was stored.")
	}
	if !c.staged() {
		return nil
	}
	return c.flush(ctx, 1)
}

// flush stages held rows, ChunkRows in a transaction, while at least least are held.
func (c *collector) flush(ctx context.Context, least int) error {
	for len(c.held) >= least {
		n := min(len(c.held), ChunkRows)
		if err := c.store.stage(ctx, &c.upload, c.held[:n]); err != nil {
			return fmt.Errorf("stage rows: %w", err)
		}
		rest := copy(c.held, c.held[n:])
		clear(c.held[rest:])
		c.held = c.held[:rest]
	}
	return nil
}
