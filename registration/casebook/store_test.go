package casebook_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/registration/casebook"
)

func TestPairsFromBothSides(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, migrations.Core, func(t *testing.T, d *db.DB) {
		pairs := []models.SettledPair{{Low: 1, High: 5}, {Low: 2, High: 5}, {Low: 5, High: 9}, {Low: 6, High: 7}}
		for i := range pairs {
			pairs[i].CaseID, pairs[i].SettledAt = "case", time.Now()
		}
		if err := d.Write().WithContext(t.Context()).Create(&pairs).Error; err != nil {
			t.Fatal(err)
		}
		for _, ids := range [][]int64{nil, {5}, {9, 1}, {3}} {
			want := map[int64][]int64{}
			for _, p := range pairs {
				for _, id := range ids {
					if p.Low == id || p.High == id {
						want[p.Low], want[p.High] = append(want[p.Low], p.High), append(want[p.High], p.Low)
					}
				}
			}
			now, err := casebook.PairsNow(t.Context(), d, ids)
			if diff := cmp.Diff(want, now); diff != "" || err != nil {
				t.Errorf("%v now: %s %v", ids, diff, err)
			}
			err = d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				held, err := casebook.Pairs(ctx, tx, ids)
				if diff := cmp.Diff(want, held); diff != "" {
					t.Errorf("%v: %s", ids, diff)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAnOpeningJoinsTheCaseThatIsOpen(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, migrations.Core, func(t *testing.T, d *db.DB) {
		opening := func(id models.CaseID, print byte) *casebook.Opening {
			now := time.Now()
			return &casebook.Opening{Case: models.AttentionCase{
				ID: id, State: models.CaseOpen, Settler: models.SettlerOperator, Fingerprint: append(make([]byte, 31), print), Reason: "thin",
				Authority: models.ByTenant, TenantID: "t", TrackingID: "u", Ordinal: 1, Times: 1, OpenedAt: now, LastSeenAt: now,
			}}
		}
		write := func(openings ...*casebook.Opening) {
			t.Helper()
			err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if err := casebook.Join(ctx, tx, openings); err != nil {
					return err
				}
				return casebook.Write(ctx, tx, openings)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		again := opening("b", 1)
		write(opening("a", 1), again)
		later, other := opening("c", 1), opening("d", 2)
		write(later, other)
		if again.Case.ID != "a" || later.Case.ID != "a" || other.Joins {
			t.Errorf("joined %s and %s; the other joins %v", again.Case.ID, later.Case.ID, other.Joins)
		}
		found, err := casebook.List(t.Context(), d, casebook.Viewer{Tenant: "t"}, casebook.Filter{}, "", 10)
		if err != nil || len(found) != 2 || found[1].Times != 3 {
			t.Errorf("%+v, %v", found, err)
		}
	})
}
