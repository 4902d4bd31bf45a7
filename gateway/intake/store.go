package intake

import (
	"context"
	"iter"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"countersign/internal/db"
	"countersign/models"
)

// store speaks to the tables idempotency_keys, batches, uploads, upload_rows and
// upload_hashes. Every change is conditional on the state, or the owner, it was decided
// upon.
type store struct{ db *db.DB }

// deleting in row_count marks a receiving upload whose rows are being deleted, so that
// it can neither grow nor be closed any more. While an upload is receiving, its
// created_at is the moment of its last sign of life.
const deleting = -1

func (s *store) reader(ctx context.Context) *gorm.DB { return s.db.Read().WithContext(ctx) }

// ---- repeatable calls

// claimKey takes the key when nobody holds it, or when its holder's lease lapsed.
func (s *store) claimKey(ctx context.Context, l *lease) (bool, error) {
	now, err := s.db.Now(ctx)
	if err != nil {
		return false, err
	}
	res := s.db.Write().WithContext(ctx).Exec(`INSERT INTO idempotency_keys
			(partner_id, key_digest, state, owner, lease_until, location, created_at)
		VALUES (?, ?, 'running', ?, ?, '', ?)
		ON CONFLICT (partner_id, key_digest) DO UPDATE
			SET owner = excluded.owner, lease_until = excluded.lease_until
			WHERE idempotency_keys.state = 'running' AND idempotency_keys.lease_until <= ?`,
		l.partner, l.key, l.owner, now.Add(leaseFor), now, now)
	return res.RowsAffected == 1, res.Error
}

// key returns the stored call, nil if there is none, and what is left of its lease.
func (s *store) key(ctx context.Context, l *lease) (*models.IdempotencyKey, time.Duration, error) {
	now, err := s.db.Now(ctx)
	if err != nil {
		return nil, 0, err
	}
	found, err := gorm.G[models.IdempotencyKey](s.db.Read()).
		Where("partner_id = ? AND key_digest = ?", l.partner, l.key).Limit(1).Find(ctx)
	if err != nil || len(found) == 0 {
		return nil, 0, err
	}
	return &found[0], found[0].LeaseUntil.Sub(now), nil
}

// renewKey reports whether the call is still ours.
func (s *store) renewKey(ctx context.Context, l *lease) (bool, error) {
	now, err := s.db.Now(ctx)
	if err != nil {
		return false, err
	}
	res := s.db.Write().WithContext(ctx).Exec(`UPDATE idempotency_keys SET lease_until = ?
		WHERE partner_id = ? AND key_digest = ? AND state = 'running' AND owner = ?`,
		now.Add(leaseFor), l.partner, l.key, l.owner)
	return res.RowsAffected == 1, res.Error
}

// dropKey forgets a call that was refused, so that its repeat is tried afresh.
func (s *store) dropKey(ctx context.Context, l *lease) error {
	return s.db.Write().WithContext(ctx).Exec(`DELETE FROM idempotency_keys
		WHERE partner_id = ? AND key_digest = ? AND state = 'running' AND owner = ?`,
		l.partner, l.key, l.owner).Error
}

func (s *store) completeKeyTx(ctx context.Context, tx *db.Tx, l *lease, body []byte, a Accepted) error {
	res := tx.Gorm().WithContext(ctx).Exec(`UPDATE idempotency_keys
		SET state = 'done', body_digest = ?, tracking_id = ?, location = ?
		WHERE partner_id = ? AND key_digest = ? AND state = 'running' AND owner = ?`,
		body, a.TrackingID, a.Location, l.partner, l.key, l.owner)
	if res.Error == nil && res.RowsAffected == 0 {
		return ErrSuperseded.WithRetryAfter(soon)
	}
	return res.Error
}

func (s *store) dropOldKeys(ctx context.Context, before time.Time, limit int) (int, error) {
	res := s.db.Write().WithContext(ctx).Exec(`DELETE FROM idempotency_keys WHERE (partner_id, key_digest) IN (
		SELECT partner_id, key_digest FROM idempotency_keys
		WHERE created_at < ? AND (state = 'done' OR lease_until < ?) ORDER BY created_at LIMIT ?)`,
		before, before, limit)
	return int(res.RowsAffected), res.Error
}

// ---- staging

func (s *store) beginStaging(ctx context.Context, up *models.Upload) error {
	return gorm.G[models.Upload](s.db.Write()).Create(ctx, up)
}

// stage adds rows to a receiving upload in one transaction.
func (s *store) stage(ctx context.Context, up *models.Upload, rows []checked) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		res := tx.Gorm().WithContext(ctx).Exec(`UPDATE uploads SET row_count = row_count + ?, created_at = ?
			WHERE id = ? AND state = 'receiving' AND row_count = ?`, len(rows), now, up.ID, up.RowCount)
		if res.Error == nil && res.RowsAffected == 0 {
			return ErrAbandoned.WithRetryAfter(soon)
		}
		if res.Error != nil {
			return res.Error
		}
		return s.insertRowsTx(ctx, tx, *up, rows)
	})
	if err == nil {
		up.RowCount += len(rows)
	}
	return err
}

func (s *store) insertRowsTx(ctx context.Context, tx *db.Tx, up models.Upload, rows []checked) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	values := make([][]any, len(rows))
	for i, r := range rows {
		if values[i], err = rowValues(up.ID, r, now); err != nil {
			return err
		}
	}
	if _, err := tx.BulkInsert(ctx, "upload_rows", rowColumns, db.Rows(values)); err != nil {
		return err
	}
	if _, err = tx.BulkInsert(ctx, "upload_hashes", []string{"staged_on", "upload_id", "ordinal", "hash"}, hashValues(up, rows)); err != nil {
		return err
	}
	return s.addReferencesTx(ctx, tx, up, rows)
}

// addReferencesTx remembers what the rows are about. Most chunks of an upload name the
// same few orders, which are there already.
func (s *store) addReferencesTx(ctx context.Context, tx *db.Tx, up models.Upload, rows []checked) error {
	refs := referencesOf(up, rows)
	if len(refs) == 0 {
		return nil
	}
	return tx.Gorm().WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(refs, ChunkRows).Error
}

// hashValues yields the bytes of the rows that will be forwarded.
func hashValues(up models.Upload, rows []checked) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, r := range rows {
			behind := up.CutOrdinal != nil && r.ordinal > *up.CutOrdinal
			if len(r.identity.Hash) == 0 || behind {
				continue
			}
			if !yield([]any{up.StagedOn, up.ID, r.ordinal, r.identity.Hash}, nil) {
				return
			}
		}
	}
}

// stagedRows reads rows of a receiving upload with their bytes, in input order.
func (s *store) stagedRows(ctx context.Context, up models.Upload, after, limit int) ([]foreseenRow, error) {
	var found []struct {
		models.UploadRow
		Hash []byte
	}
	err := s.reader(ctx).Raw(`SELECT r.*, h.hash FROM upload_rows r
		LEFT JOIN upload_hashes h ON h.staged_on = ? AND h.upload_id = r.upload_id AND h.ordinal = r.ordinal
		WHERE r.upload_id = ? AND r.ordinal > ? ORDER BY r.ordinal LIMIT ?`, up.StagedOn, up.ID, after, limit).Scan(&found).Error
	out := make([]foreseenRow, len(found))
	for i, row := range found {
		out[i] = foreseenRow{row.UploadRow, row.Hash}
	}
	return out, err
}

// abandoned lists receiving uploads without a sign of life, and those whose deletion
// was interrupted.
func (s *store) abandoned(ctx context.Context, before time.Time, limit int) ([]models.Upload, error) {
	return gorm.G[models.Upload](s.db.Read()).
		Where("state = 'receiving' AND (row_count = ? OR created_at < ?)", deleting, before).
		Order("created_at").Limit(limit).Find(ctx)
}

// discard deletes a receiving upload with its rows, ChunkRows in a transaction. One that
// gave a sign of life since it was looked at is left alone.
func (s *store) discard(ctx context.Context, up models.Upload) error {
	res := s.db.Write().WithContext(ctx).Exec(`UPDATE uploads SET row_count = ?
		WHERE id = ? AND state = 'receiving' AND row_count = ?`, deleting, up.ID, up.RowCount)
	if res.Error != nil || res.RowsAffected == 0 {
		return res.Error
	}
	for {
		first, err := s.firstRow(ctx, up.ID)
		if err != nil {
			return err
		}
		if first == nil {
			if err := s.dropReferences(ctx, up.ID); err != nil {
				return err
			}
			return s.db.Write().WithContext(ctx).Exec(`DELETE FROM uploads
				WHERE id = ? AND state = 'receiving' AND row_count = ?`, up.ID, deleting).Error
		}
		if err := s.deleteRows(ctx, up, *first, *first+ChunkRows-1); err != nil {
			return err
		}
	}
}

func (s *store) dropReferences(ctx context.Context, upload int64) error {
	for {
		res := s.db.Write().WithContext(ctx).Exec(`DELETE FROM upload_references WHERE upload_id = ? AND digest IN (
			SELECT digest FROM upload_references WHERE upload_id = ? ORDER BY digest LIMIT ?)`, upload, upload, ChunkRows)
		if res.Error != nil || res.RowsAffected < ChunkRows {
			return res.Error
		}
	}
}

func (s *store) firstRow(ctx context.Context, upload int64) (*int, error) {
	var first *int
	err := s.db.Write().WithContext(ctx).Raw("SELECT min(ordinal) FROM upload_rows WHERE upload_id = ?", upload).Scan(&first).Error
	return first, err
}

func (s *store) deleteRows(ctx context.Context, up models.Upload, first, last int) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := dropHashes(tx.Gorm().WithContext(ctx), up, first, last); err != nil {
			return err
		}
		return tx.Gorm().WithContext(ctx).Exec("DELETE FROM upload_rows WHERE upload_id = ? AND ordinal BETWEEN ? AND ?",
			up.ID, first, last).Error
	})
}

// dropHashesBehind forgets the bytes of rows that the grant's limit cut off.
func (s *store) dropHashesBehind(ctx context.Context, up models.Upload) error {
	for first := *up.CutOrdinal + 1; first <= up.RowCount; first += ChunkRows {
		if err := dropHashes(s.db.Write().WithContext(ctx), up, first, first+ChunkRows-1); err != nil {
			return err
		}
	}
	return nil
}

func dropHashes(g *gorm.DB, up models.Upload, first, last int) error {
	return g.Exec("DELETE FROM upload_hashes WHERE staged_on = ? AND upload_id = ? AND ordinal BETWEEN ? AND ?",
		up.StagedOn, up.ID, first, last).Error
}

// ---- closing

// closeTx makes an upload visible: a staged one by changing its row, a small one by
// writing it with its rows.
func (s *store) closeTx(ctx context.Context, tx *db.Tx, up *models.Upload, rows []checked) error {
	if up.ID == 0 {
		if err := gorm.G[models.Upload](tx.Gorm()).Create(ctx, up); err != nil {
			return err
		}
		return s.insertRowsTx(ctx, tx, *up, rows)
	}
	res := tx.Gorm().WithContext(ctx).Exec(`UPDATE uploads SET state = ?, batch_id = ?, grant_id = ?, cut_ordinal = ?,
			open_rows = ?, error_rows = ?, report_id = ?, created_at = ?, accepted_at = ?, started_at = ?, completed_at = ?
		WHERE id = ? AND state = 'receiving' AND row_count = ?`,
		up.State, up.BatchID, up.GrantID, up.CutOrdinal, up.OpenRows, up.ErrorRows, up.ReportID,
		up.CreatedAt, up.AcceptedAt, up.StartedAt, up.CompletedAt, up.ID, up.RowCount)
	if res.Error == nil && res.RowsAffected == 0 {
		return ErrAbandoned.WithRetryAfter(soon)
	}
	return res.Error
}

// createBatchTx returns the new batch's id, or 0 when the name is taken.
func (s *store) createBatchTx(ctx context.Context, tx *db.Tx, b models.Batch) (int64, error) {
	var id int64
	err := tx.Gorm().WithContext(ctx).Raw(`INSERT INTO batches (partner_id, tenant_id, name, folded_name, devices_count, created_at)
		VALUES (?, ?, ?, ?, 0, ?) ON CONFLICT (partner_id, tenant_id, folded_name) DO NOTHING RETURNING id`,
		b.PartnerID, b.TenantID, b.Name, b.FoldedName, b.CreatedAt).Scan(&id).Error
	return id, err
}

// ---- reading; see reader.go

// within narrows a query to the records a reader may see. An empty scope sees nothing.
func within(g *gorm.DB, scope Scope, table string) *gorm.DB {
	if scope.Partner == "" && scope.Tenant == "" {
		return g.Where("1 = 0")
	}
	if scope.Partner != "" {
		g = g.Where(table+".partner_id = ?", scope.Partner)
	}
	if scope.Tenant != "" {
		g = g.Where(table+".tenant_id = ?", scope.Tenant)
	}
	return g
}

// batch finds a batch by its folded name; nil if there is none.
func (s *store) batch(g *gorm.DB, scope Scope, folded string) (*models.Batch, error) {
	var found []models.Batch
	err := within(g, scope, "batches").Where("folded_name = ?", folded).Order("id").Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// inBatch tells whether a device was registered through a batch.
func (s *store) inBatch(ctx context.Context, scope Scope, folded string, device models.DeviceID) (bool, error) {
	var found []int
	err := within(s.reader(ctx), scope, "uploads").Table("uploads").Select("1").
		Joins("JOIN batches ON batches.id = uploads.batch_id AND batches.folded_name = ?", folded).
		Joins("JOIN upload_rows ON upload_rows.upload_id = uploads.id").
		Where("uploads.kind IN ('register', 'replace') AND upload_rows.device_id = ? AND upload_rows.error_code = ''", device).
		Limit(1).Find(&found).Error
	return len(found) > 0, err
}

// batchOf returns the batch an upload of a tenant belongs to, nil for none.
func (s *store) batchOf(ctx context.Context, tenant models.TenantID, tracking models.TrackingID) (*int64, error) {
	var found []models.Upload
	err := s.reader(ctx).Select("batch_id").Where("tracking_id = ? AND tenant_id = ?", tracking, tenant).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0].BatchID, nil
}

func (s *store) batches(ctx context.Context, scope Scope, after int64, limit int) ([]models.Batch, error) {
	var found []models.Batch
	err := within(s.reader(ctx), scope, "batches").Where("id > ?", after).Order("id").Limit(limit).Find(&found).Error
	return found, err
}

// visible selects accepted uploads with the names of their batches.
func (s *store) visible(ctx context.Context, scope Scope) *gorm.DB {
	g := s.reader(ctx).Table("uploads").Select(uploadColumns).
		Joins("LEFT JOIN batches ON batches.id = uploads.batch_id")
	return within(g, scope, "uploads").Where("uploads.state <> 'receiving'")
}

// upload returns an accepted upload; nil if there is none.
func (s *store) upload(ctx context.Context, scope Scope, tracking models.TrackingID) (*UploadStatus, error) {
	var found []UploadStatus
	err := s.visible(ctx, scope).Where("tracking_id = ?", tracking).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func (s *store) uploads(ctx context.Context, scope Scope, where condition, before int64, limit int) ([]UploadStatus, error) {
	var found []UploadStatus
	g := s.visible(ctx, scope).Where(where.sql, where.args...)
	if before != 0 {
		g = g.Where("uploads.id < ?", before)
	}
	err := g.Order("uploads.id DESC").Limit(limit).Find(&found).Error
	return found, err
}

// rows returns rows of an upload that the caller was let see, in input order.
func (s *store) rows(ctx context.Context, upload int64, where condition, after, limit int) ([]models.UploadRow, error) {
	return gorm.G[models.UploadRow](s.db.Read()).Where("upload_id = ? AND ordinal > ?", upload, after).
		Where(where.sql, where.args...).Order("ordinal").Limit(limit).Find(ctx)
}

// batchDevices returns the rows that registered a device through the batch and whose
// device was not removed through it since.
func (s *store) batchDevices(ctx context.Context, batch int64, after position, limit int) ([]models.UploadRow, error) {
	return gorm.G[models.UploadRow](s.db.Read()).Raw(`SELECT `+deviceColumns+`
		FROM uploads JOIN upload_rows ON upload_rows.upload_id = uploads.id
		WHERE uploads.batch_id = ? AND uploads.kind IN ('register', 'replace') AND uploads.state <> 'receiving'
		  AND upload_rows.settled_at IS NOT NULL AND upload_rows.error_code = '' AND upload_rows.device_id IS NOT NULL
		  AND (upload_rows.upload_id, upload_rows.ordinal) > (?, ?)
		  AND NOT EXISTS (SELECT 1 FROM uploads gone JOIN upload_rows r ON r.upload_id = gone.id
			WHERE gone.batch_id = uploads.batch_id AND gone.kind IN ('remove', 'replace') AND gone.id > uploads.id
			  AND CASE gone.kind WHEN 'remove' THEN r.device_id ELSE r.replaces END = upload_rows.device_id AND r.settled_at IS NOT NULL AND r.error_code = '')
		ORDER BY upload_rows.upload_id, upload_rows.ordinal LIMIT ?`,
		batch, after.upload, after.ordinal, limit).Find(ctx)
}
