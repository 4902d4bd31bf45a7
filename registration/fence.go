package registration

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"countersign/internal/db"
	"countersign/models"
)

// fenceClasses are the core's lock classes, one per kind of subject. They differ
// from models.GateClass, because core and gateway may share one PostgreSQL server
// database and must not wait for each other.
var fenceClasses = map[models.SubjectKind]int32{
	models.SubjectOfPartner: 101,
	models.SubjectOfClient:  102,
	models.SubjectOfTenant:  103,
	models.SubjectOfGrant:   104,
}

// fenceLock names the lock of a subject. The id is a digest, since the core has
// no table of subjects to number: a subject without a fence needs a lock too.
func fenceLock(kind models.SubjectKind, id string, exclusive bool) db.Lock {
	sum := sha256.Sum256([]byte(id))
	return db.Lock{
		Class:     fenceClasses[kind],
		ID:        int64(binary.BigEndian.Uint64(sum[:]) >> 16), // 48 bits
		Exclusive: exclusive,
	}
}

// sharedLocks are the locks of a submission, in the one order that everybody
// uses: by class, then by id. Fence takes a single lock, so no cycle can form.
func sharedLocks(epochs []models.SubjectEpoch) []db.Lock {
	locks := make([]db.Lock, 0, len(epochs))
	for _, e := range epochs {
		locks = append(locks, fenceLock(e.Kind, e.ID, false))
	}
	slices.SortFunc(locks, func(a, b db.Lock) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.ID, b.ID))
	})
	return slices.Compact(locks)
}

// Fence makes the core refuse all work under an epoch of the subject below
// minEpoch. It returns when every registration that began under an older epoch
// has been committed or rolled back, and from then on none is committed. A lower
// minEpoch than an earlier one changes nothing.
func (r *Registrar) Fence(ctx context.Context, kind models.SubjectKind, id string, minEpoch int64) error {
	if _, known := fenceClasses[kind]; !known || id == "" {
		return invalid("a fence needs a known kind of subject and its id, not %q", string(kind))
	}
	return public(r.store.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := tx.Gate(ctx, fenceLock(kind, id, true)); err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		return r.store.raiseFence(ctx, tx, models.CoreFence{Kind: kind, SubjectID: id, MinEpoch: minEpoch, SetAt: now})
	}))
}

// refusal judges the authority inside the registering transaction, after the
// locks were taken. The fence comes first: it is for ever, lateness is not.
func (r *Registrar) refusal(ctx context.Context, tx *db.Tx, a models.Authority) (*models.Refusal, error) {
	fences, err := r.store.fences(ctx, tx, a.Epochs)
	if err != nil {
		return nil, err
	}
	for _, e := range a.Epochs {
		if least, fenced := fences[subject{e.Kind, e.ID}]; fenced && e.Epoch < least {
			return &models.Refusal{Reason: models.RefusedByFence, Subject: e, MinEpoch: least}, nil
		}
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return nil, err
	}
	if now.After(a.NotAfter) {
		return &models.Refusal{Reason: models.RefusedAsLate}, nil
	}
	return nil, nil
}

// subject is the key of a fence.
type subject struct {
	kind models.SubjectKind
	id   string
}
