package registration

import (
	"context"
	"crypto/sha256"

	"countersign/internal/db"
	"countersign/models"
	"countersign/registration/hardwarehash"
)

// What internal/loadgen needs of the core to measure it at size.

// Preload writes identities as if each had been registered by the submission's
// authority in one upload, in one transaction and without a look at what is stored.
// They must be new and differ from each other in every anchor. Only the answers are
// left out, which are kept for some weeks anyway, and the bytes of the hash stand
// for a short one.
func (r *Registrar) Preload(ctx context.Context, sub models.Submission, devices []hardwarehash.Identity) error {
	claims := make([]claim, len(devices))
	for i := range devices {
		row := models.CoreRow{Row: i + 1, Identity: models.DeviceIdentity{Hash: []byte(devices[i].Serial)}}
		claims[i] = claim{row: row, kind: claimHash, device: identityOf(devices[i]), digest: sha256.Sum256(row.Identity.Hash)}
	}
	if err := r.number(ctx, claims); err != nil {
		return public(err)
	}
	return public(r.store.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		p := &plan{sub: sub, now: now}
		for i := range claims {
			if _, err := p.register(&claims[i], p.learn(&claims[i]), models.DeviceID(r.newID())); err != nil {
				return err
			}
		}
		p.answers = nil
		p.sort()
		return r.store.write(ctx, tx, p)
	}))
}

// IndexKeys are the keys under which a device is looked for.
func IndexKeys(id hardwarehash.Identity) []int64 {
	identity := identityOf(id)
	return keysOf(&identity)
}
