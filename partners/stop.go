package partners

import (
	"context"

	"countersign/internal/db"
	"countersign/models"
)

// switchOf is one change of the switch over a partner, a tenant or a client.
type switchOf struct {
	kind     models.SubjectKind
	gate     int64 // id of the gate's lock
	table    string
	id       string
	from, to string
	stop     bool // raise the epoch and fence the core
}

// turn makes the change in the caller's transaction. The gate is taken before
// anything is judged: whoever holds it shared finishes first, and whoever comes
// later reads the new state (the lock and the reading are separate statements).
func (r *Registry) turn(ctx context.Context, t change, s switchOf) error {
	if err := t.tx.Gate(ctx, db.Lock{Class: models.GateClass, ID: s.gate, Exclusive: true}); err != nil {
		return err
	}
	epoch, err := t.flip(s)
	if err != nil {
		return err
	}
	if err := t.noteTurn(ctx, s); err != nil || !s.stop {
		return err
	}
	return r.deps.Fences.EnqueueFenceTx(ctx, t.tx, s.kind, s.id, epoch)
}
