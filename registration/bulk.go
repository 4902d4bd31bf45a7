package registration

import (
	"context"
	"iter"

	"countersign/internal/db"
)

// bulk inserts items of one kind; none is no work.
func bulk[T any](ctx context.Context, tx *db.Tx, table string, columns []string, items []T, values func(*T) []any) error {
	if len(items) == 0 {
		return nil
	}
	_, err := tx.BulkInsert(ctx, table, columns, each(items, values))
	return err
}

func each[T any](items []T, values func(*T) []any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range items {
			if !yield(values(&items[i]), nil) {
				return
			}
		}
	}
}
