package consent

import (
	"context"
	"fmt"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// The counters of a grant. Those of a derived grant only show its part; what the limit
// is compared with stands in its root, and is changed last, because others wait for it.

// ReserveTx takes n devices off what the limit behind the permit leaves. It must follow
// CheckTx in the same transaction and be its last statement before COMMIT, because
// it holds the grant's row. ErrLimitRaced means that others were faster since
// the permit's Left was read: the caller runs its transaction again.
func (s *Service) ReserveTx(ctx context.Context, tx *db.Tx, permit Permit, n int64) error {
	if n < 0 {
		return fmt.Errorf("reserve %d devices of grant %s: the number is negative", n, permit.Grant)
	}
	if n == 0 {
		return nil
	}
	r := within(ctx, tx)
	if permit.derived() {
		if _, err := r.reserve(permit.Grant, n, permit.Now); err != nil {
			return fmt.Errorf("reserve devices: %w", err)
		}
	}
	taken, err := r.reserve(permit.root(), n, permit.Now)
	if err != nil {
		return fmt.Errorf("reserve devices: %w", err)
	}
	if !taken {
		return ErrLimitRaced
	}
	return nil
}

// Settlement is what became of reserved devices.
type Settlement struct {
	Permit         Permit // of the claim; only which grants it is about is looked at
	Version        int64  // of the terms under which the rows were let through last
	Used, Released int64
}

// SettleTx turns used reserved devices into registered ones and gives released
// ones back. It works whatever became of the grant. Settling more than is reserved
// is a defect of the caller and changes nothing.
func (s *Service) SettleTx(ctx context.Context, tx *db.Tx, d Settlement) error {
	if d.Used < 0 || d.Released < 0 {
		return fmt.Errorf("settle %d and %d devices of grant %s: a number is negative", d.Used, d.Released, d.Permit.Grant)
	}
	if d.Used+d.Released == 0 {
		return nil
	}
	r := within(ctx, tx)
	ids := []models.GrantID{d.Permit.root()}
	if d.Permit.derived() {
		ids = []models.GrantID{d.Permit.Grant, d.Permit.root()}
	}
	for _, id := range ids {
		settled, err := r.settle(id, d)
		if err != nil {
			return fmt.Errorf("settle devices: %w", err)
		}
		if !settled {
			return fmt.Errorf("settle %d devices of grant %s: fewer are reserved", d.Used+d.Released, id)
		}
	}
	return nil
}

// Room says how many of n devices that were reserved before the limit was lowered
// still fit into it. It promises nothing; RecountTx does.
func (s *Service) Room(ctx context.Context, permit Permit, n int64) (int64, error) {
	grant, err := s.rows(ctx).grant(permit.root(), scope{})
	if err != nil {
		return 0, fmt.Errorf("read the room in a grant: %w", err)
	}
	if grant.DeviceLimit == nil {
		return n, nil
	}
	counted := grant.DevicesUsed + grant.DevicesReserved - grant.DevicesRecount
	return min(n, max(0, *grant.DeviceLimit-counted)), nil
}

// RecountTx counts n reserved devices against the lowered limit. False means that
// others were faster and the room is gone, or that the limit was changed again.
func (s *Service) RecountTx(ctx context.Context, tx *db.Tx, permit Permit, n int64) (bool, error) {
	done := within(ctx, tx).g.Exec(`UPDATE grants SET devices_recount = devices_recount - ?
		WHERE id = ? AND recount_version = ? AND devices_recount >= ?
		AND (device_limit IS NULL OR devices_used + devices_reserved - devices_recount + ? <= device_limit)`,
		n, permit.root(), permit.Recount, n, n)
	if done.Error != nil {
		return false, fmt.Errorf("count devices against a lowered limit: %w", done.Error)
	}
	return done.RowsAffected == 1, nil
}

// reserve takes n devices off what the limit leaves, if it leaves that many. A derived
// grant has no limit of its own.
func (r rows) reserve(id models.GrantID, n int64, now time.Time) (bool, error) {
	done := r.g.Exec(`UPDATE grants SET devices_reserved = devices_reserved + ?, last_used_at = ?
		WHERE id = ? AND state = 'active'
		AND (device_limit IS NULL OR devices_used + devices_reserved + ? <= device_limit)`, n, now, id, n)
	return done.RowsAffected == 1, done.Error
}

// settle turns reservations into use, or gives them back, whatever the state.
func (r rows) settle(id models.GrantID, d Settlement) (bool, error) {
	n := d.Used + d.Released
	done := r.g.Exec(`UPDATE grants SET devices_reserved = devices_reserved - ?, devices_used = devices_used + ?,
			devices_recount = CASE WHEN recount_version <= ? THEN devices_recount
				WHEN devices_recount > ? THEN devices_recount - ? ELSE 0 END
		WHERE id = ? AND devices_reserved >= ?`, n, d.Used, d.Version, n, n, id, n)
	return done.RowsAffected == 1, done.Error
}
