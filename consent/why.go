package consent

import (
	"context"
	"encoding/hex"
	"time"

	"countersign/internal/ledger"
	"countersign/internal/ledger/proof"
	"countersign/models"
)

// Basis is what a grant said at the time something was done under it, from the ledger.
type Basis struct {
	Grant     models.GrantID
	State     string
	Epoch     int64
	Terms     proof.Terms
	GrantedAt time.Time
	GrantedBy Decider
	Place     Place // of the entry that says so, in the reader's own chain
}

// Decider is who gave a grant. The id and the name are for its own side.
type Decider struct {
	Side, ID, Role, Name string
}

// BasisAt tells what a grant of the actor's said at a time at which something was let
// through under it: it was active then, so the entry meant is the last before that time
// that made it so. nil means that the ledger has no such entry yet.
func (r *Receipts) BasisAt(ctx context.Context, actor Actor, id models.GrantID, at time.Time) (*Basis, error) {
	chain, err := chainOf(actor)
	if err != nil {
		return nil, err
	}
	found, err := r.d.Service.Get(ctx, actor, string(id))
	if err != nil {
		return nil, err
	}
	if found.Grant == nil {
		return nil, ErrNotFound
	}
	items, err := r.numbered(ctx, chain, []string{string(found.Grant.ID)})
	if err != nil {
		return nil, err
	}
	var basis *Basis
	var giver Decider
	var given time.Time
	for i, item := range items {
		line, terms, when, err := readItem(item)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			giver, given = deciderOf(line, terms), when
		}
		// The clocks of gateway and core differ by less than ClockSkew.
		if i == 0 || terms.To == string(models.GrantActive) && !when.After(at.Add(ClockSkew)) {
			basis = &Basis{
				Grant: found.Grant.ID, State: terms.To, Epoch: terms.Epoch, Terms: terms.proven(), GrantedAt: given, GrantedBy: giver,
				Place: Place{Seq: item.Seq, Hash: hex.EncodeToString(item.Hash)},
			}
		}
	}
	return basis, nil
}

func readItem(item ledger.Item) (proof.Line, recordedTerms, time.Time, error) {
	line, terms, err := readLine(item)
	if err != nil {
		return line, terms, time.Time{}, err
	}
	when, err := line.Time()
	return line, terms, when, err
}

func deciderOf(line proof.Line, terms recordedTerms) Decider {
	d := Decider{Side: line.Actor, ID: line.ActorID, Role: terms.Role}
	if terms.ForTenant != nil {
		d.Name = terms.ForTenant.Name
	}
	return d
}
