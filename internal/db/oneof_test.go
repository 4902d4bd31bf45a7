package db_test

import (
	"context"
	"slices"
	"testing"

	"countersign/internal/db"
	"countersign/internal/dbtest"
)

func TestOneOfTakesAnyNumberOfValues(t *testing.T) {
	t.Parallel()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			d := dbtest.Empty(t, dialect)
			many := make([]int64, 70_000) // more than PostgreSQL takes as single arguments
			for i := range many {
				many[i] = int64(i) - 35_000
			}
			err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				g := tx.Gorm().WithContext(ctx)
				if err := g.Exec("CREATE TABLE numbers (n bigint)").Error; err != nil {
					return err
				}
				if err := g.Exec("INSERT INTO numbers VALUES (-1), (7), (9223372036854775807)").Error; err != nil {
					return err
				}
				for _, c := range []struct {
					of   []int64
					want []int64
				}{
					{many, []int64{-1, 7}},
					{[]int64{9223372036854775807, 8}, []int64{9223372036854775807}},
					{nil, nil},
				} {
					var got []int64
					if err := g.Table("numbers").Where(tx.OneOf("n", c.of)).Order("n").Pluck("n", &got).Error; err != nil {
						return err
					}
					if !slices.Equal(got, c.want) {
						t.Errorf("OneOf of %d values found %v, want %v", len(c.of), got, c.want)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
