package proof

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// checker follows a chain from its beginning.
type checker struct {
	chain  string
	opens  Open
	seq    int64
	hash   []byte
	signed bool // the last entry has a checkpoint
	line   Line // the last entry
}

// next checks the entry that follows.
func (c *checker) next(e Entry) error {
	var line Line
	if err := json.Unmarshal(e.Entry, &line, json.RejectUnknownMembers(true)); err != nil {
		return errors.New("the entry cannot be read")
	}
	hash := Next(c.hash, e.Entry)
	switch {
	case line.Chain != c.chain:
		return fmt.Errorf("the entry belongs to the chain %s, not to %s", line.Chain, c.chain)
	case line.Seq != c.seq+1:
		return fmt.Errorf("the entry has number %d, and %d was expected: entries were left out, added or exchanged", line.Seq, c.seq+1)
	case hex.EncodeToString(hash) != e.Hash:
		return errors.New("the hash is not that of this entry after the one before it: one of them was changed")
	}
	c.signed = e.Checkpoint != ""
	if c.signed {
		if err := openCheckpoint(e.Checkpoint, c.opens, Place{Chain: c.chain, Seq: line.Seq, Hash: e.Hash}); err != nil {
			return err
		}
	}
	c.seq, c.hash, c.line = line.Seq, hash, line
	return nil
}

// end reports whether a history may end here.
func (c *checker) end() error {
	if c.seq == 0 {
		return errors.New("there is no entry: nothing is proven")
	}
	if !c.signed {
		return errors.New("the last entry is not signed: what came after it was cut off")
	}
	return nil
}

// openCheckpoint verifies a checkpoint and that it is about this place.
func openCheckpoint(raw string, opens Open, at Place) error {
	payload, err := opens(raw)
	if err != nil {
		return fmt.Errorf("the checkpoint: %w", err)
	}
	var c Checkpoint
	if err := json.Unmarshal(payload, &c); err != nil {
		return errors.New("the checkpoint cannot be read")
	}
	if (Place{Chain: c.Chain, Seq: c.Seq, Hash: c.Hash}) != at {
		return fmt.Errorf("the checkpoint is about entry %d of %s with another hash or place: the server signed something else", c.Seq, c.Chain)
	}
	return nil
}
