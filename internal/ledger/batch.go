package ledger

import (
	"fmt"
	"strings"
	"time"

	"countersign/internal/ledger/proof"
	"countersign/models"
)

// batch grows the ends of chains by some entries. It knows no database.
type batch struct {
	issuer string
	signer Signer
	now    time.Time

	heads       map[string]models.LedgerChain // by name; a missing one begins
	changed     []string                      // names, in the order of their first entry
	touched     map[string]bool               // the same
	links       []models.LedgerLink
	checkpoints []models.LedgerCheckpoint
}

func newBatch(d Deps, now time.Time, heads map[string]models.LedgerChain) *batch {
	return &batch{issuer: d.Issuer, signer: d.Signer, now: now, heads: heads, touched: map[string]bool{}}
}

// add gives an entry its place in each of its chains: in the parties' first, because
// the line in the chain of everything repeats those places.
func (b *batch) add(e models.LedgerEntry) error {
	var places []proof.Place
	for _, chain := range partiesOf(e) {
		place, err := b.link(e, chain, nil)
		if err != nil {
			return err
		}
		places = append(places, place)
		if hasReceipt(e) {
			if err := b.sign(chain); err != nil {
				return err
			}
		}
	}
	_, err := b.link(e, Everything, places)
	return err
}

// hasReceipt tells the entries that a receipt can show; each has a checkpoint of its
// own in the parties' chains, so that a receipt needs no other entry to be checked.
func hasReceipt(e models.LedgerEntry) bool {
	return (e.Subject == OfRequest || e.Subject == OfGrant) && strings.HasPrefix(e.Kind, "consent.")
}

// link puts an entry at the end of one chain.
func (b *batch) link(e models.LedgerEntry, chain string, parties []proof.Place) (proof.Place, error) {
	head := b.heads[chain]
	line, err := lineOf(e, chain, head.Seq+1, parties)
	if err != nil {
		return proof.Place{}, err
	}
	if !b.touched[chain] {
		b.touched[chain] = true
		b.changed = append(b.changed, chain)
	}
	head = models.LedgerChain{Name: chain, Seq: head.Seq + 1, Hash: proof.Next(head.Hash, line)}
	b.heads[chain] = head
	b.links = append(b.links, models.LedgerLink{Chain: chain, Seq: head.Seq, Entry: e.ID, Line: string(line), Hash: head.Hash})
	return proof.Place{Chain: chain, Seq: head.Seq, Hash: hexOf(head.Hash)}, nil
}

// close signs the end of every chain that grew and has no signature there yet.
func (b *batch) close() error {
	signed := make(map[string]int64, len(b.checkpoints))
	for _, c := range b.checkpoints {
		signed[c.Chain] = c.Seq
	}
	for _, chain := range b.changed {
		if signed[chain] == b.heads[chain].Seq {
			continue
		}
		if err := b.sign(chain); err != nil {
			return err
		}
	}
	return nil
}

// sign adds a checkpoint of a chain's present end. A signature is computed, not
// asked for over a network, so it may happen in the transaction; nobody sees it
// before the commit.
func (b *batch) sign(chain string) error {
	head := b.heads[chain]
	jws, err := b.signer.Sign(proof.CheckpointType, proof.Checkpoint{
		Issuer: b.issuer, IssuedAt: b.now.Unix(), Chain: chain, Seq: head.Seq, Hash: hexOf(head.Hash),
	})
	if err != nil {
		return fmt.Errorf("sign a checkpoint: %w", err)
	}
	b.checkpoints = append(b.checkpoints, models.LedgerCheckpoint{Chain: chain, Seq: head.Seq, JWS: jws, At: b.now})
	return nil
}

// ends are the chains as they are after the batch.
func (b *batch) ends() []models.LedgerChain {
	out := make([]models.LedgerChain, len(b.changed))
	for i, name := range b.changed {
		out[i] = b.heads[name]
	}
	return out
}
