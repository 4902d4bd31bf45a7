package intake

import (
	"context"
	"iter"
	"math"

	"countersign/internal/db"
	"countersign/models"
)

// readRows is how many rows a streamed list reads at once.
const readRows = 500

// Reader answers what became of uploads. Every answer is within a Scope; what lies
// outside looks like what does not exist, and so do uploads still being received.
type Reader struct{ store *store }

// NewReader makes a Reader.
func NewReader(d *db.DB) *Reader { return &Reader{store: &store{db: d}} }

// BatchJobStatus returns an upload and its rows in input order. The rows are read while
// they are ranged over, once; an error ends the range.
func (r *Reader) BatchJobStatus(ctx context.Context, scope Scope, tracking models.TrackingID) (UploadStatus, iter.Seq2[RowStatus, error], error) {
	up, err := r.upload(ctx, scope, tracking)
	if err != nil {
		return UploadStatus{}, nil, err
	}
	return up, func(yield func(RowStatus, error) bool) {
		after := 0
		for {
			rows, err := r.statuses(ctx, up, condition{}, after, readRows)
			if err != nil {
				yield(RowStatus{}, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if len(rows) < readRows {
				return
			}
			after = rows[len(rows)-1].Ordinal
		}
	}, nil
}

// UploadRows returns a page of an upload's rows in input order and the cursor of the
// next page, empty at the end.
func (r *Reader) UploadRows(ctx context.Context, scope Scope, tracking models.TrackingID, filter RowFilter, page Page) ([]RowStatus, string, error) {
	at, err := decodeCursor("rows", page.Cursor)
	if err != nil {
		return nil, "", err
	}
	up, err := r.upload(ctx, scope, tracking)
	if err != nil {
		return nil, "", err
	}
	where, err := filter.condition(up.CutOrdinal)
	if err != nil {
		return nil, "", err
	}
	rows, err := r.statuses(ctx, up, where, at.ordinal, page.limit()+1)
	if err != nil {
		return nil, "", err
	}
	rows, more := cutPage(rows, page.limit())
	if !more {
		return rows, "", nil
	}
	return rows, encodeCursor("rows", position{ordinal: rows[len(rows)-1].Ordinal}), nil
}

// Uploads returns a page of uploads, newest first, and the cursor of the next page.
func (r *Reader) Uploads(ctx context.Context, scope Scope, filter UploadFilter, page Page) ([]UploadStatus, string, error) {
	at, err := decodeCursor("uploads", page.Cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := r.store.uploads(ctx, scope, filter.condition(scope), at.upload, page.limit()+1)
	if err != nil {
		return nil, "", err
	}
	found, more := cutPage(found, page.limit())
	if !more {
		return found, "", nil
	}
	return found, encodeCursor("uploads", position{upload: found[len(found)-1].ID}), nil
}

// Batches ranges over all batches, oldest first. It is not paged: Partner Center's
// clients look through the whole list for a name before they create a batch.
func (r *Reader) Batches(ctx context.Context, scope Scope) iter.Seq2[models.Batch, error] {
	return func(yield func(models.Batch, error) bool) {
		var after int64
		for {
			found, err := r.store.batches(ctx, scope, after, readRows)
			if err != nil {
				yield(models.Batch{}, err)
				return
			}
			for _, b := range found {
				if !yield(b, nil) {
					return
				}
			}
			if len(found) < readRows {
				return
			}
			after = found[len(found)-1].ID
		}
	}
}

// Batch returns one batch by its name, compared without case. The scope names partner
// and tenant, within which names are unique.
func (r *Reader) Batch(ctx context.Context, scope Scope, name string) (models.Batch, error) {
	_, folded, err := batchName(name)
	if err != nil {
		return models.Batch{}, ErrBatchNotFound
	}
	found, err := r.store.batch(r.store.reader(ctx), scope, folded)
	if err != nil {
		return models.Batch{}, err
	}
	if found == nil {
		return models.Batch{}, ErrBatchNotFound
	}
	return *found, nil
}

// BatchDevices returns a page of the devices registered through a batch and not removed
// through it since, in the order they were sent, and the cursor of the next page.
func (r *Reader) BatchDevices(ctx context.Context, scope Scope, name string, page Page) ([]Device, string, error) {
	at, err := decodeCursor("devices", page.Cursor)
	if err != nil {
		return nil, "", err
	}
	batch, err := r.Batch(ctx, scope, name)
	if err != nil {
		return nil, "", err
	}
	rows, err := r.store.batchDevices(ctx, batch.ID, at, page.limit()+1)
	if err != nil {
		return nil, "", err
	}
	rows, more := cutPage(rows, page.limit())
	devices := make([]Device, len(rows))
	for i, row := range rows {
		seen, err := status(models.Upload{}, row)
		if err != nil {
			return nil, "", err
		}
		devices[i] = Device{ID: seen.DeviceID, Identity: seen.Identity, RegisteredAt: *row.SettledAt}
	}
	if !more {
		return devices, "", nil
	}
	last := rows[len(rows)-1]
	return devices, encodeCursor("devices", position{upload: last.UploadID, ordinal: last.Ordinal}), nil
}

func (r *Reader) upload(ctx context.Context, scope Scope, tracking models.TrackingID) (UploadStatus, error) {
	up, err := r.store.upload(ctx, scope, tracking)
	if err != nil {
		return UploadStatus{}, err
	}
	if up == nil {
		return UploadStatus{}, ErrUploadNotFound
	}
	return *up, nil
}

func (r *Reader) statuses(ctx context.Context, up UploadStatus, where condition, after, limit int) ([]RowStatus, error) {
	if where.sql == "" {
		where.sql = "1 = 1"
	}
	rows, err := r.store.rows(ctx, up.ID, where, min(after, math.MaxInt32), limit)
	if err != nil {
		return nil, err
	}
	out := make([]RowStatus, len(rows))
	for i, row := range rows {
		if out[i], err = status(up.Upload, row); err != nil {
			return nil, err
		}
	}
	return out, nil
}
