package files

import (
	"context"
	"time"

	"gorm.io/gorm"

	"countersign/gateway/intake"
	"countersign/internal/db"
	"countersign/models"
)

// store speaks to the tables partial_files and file_parts.
type store struct{ db *db.DB }

// of narrows to an owner's files. An empty owner has none.
func of(g *gorm.DB, o Owner) *gorm.DB {
	if o.Partner == "" {
		return g.Where("partner_id = '' AND tenant_id = ? AND tenant_id <> ''", o.Tenant)
	}
	return g.Where("partner_id = ?", o.Partner)
}

func (s *store) create(ctx context.Context, f *models.PartialFile) error {
	return gorm.G[models.PartialFile](s.db.Write()).Create(ctx, f)
}

// open counts an owner's files that are not whole.
func (s *store) open(ctx context.Context, o Owner) (n int64, err error) {
	err = of(s.db.Read().WithContext(ctx).Model(&models.PartialFile{}), o).Where("tracking_id = ''").Count(&n).Error
	return n, err
}

func (s *store) file(ctx context.Context, o Owner, id models.FileID) (*models.PartialFile, error) {
	var found []models.PartialFile
	err := of(s.db.Read().WithContext(ctx), o).Where("id = ?", id).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// add stores a piece behind what is there; kept is false when that is not what was thought.
func (s *store) add(ctx context.Context, f *models.PartialFile, bytes []byte) (kept bool, err error) {
	var expires time.Time
	err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		expires = now.Add(KeptFor)
		res := tx.Gorm().WithContext(ctx).Exec(`UPDATE partial_files SET received = received + ?, expires_at = ?
			WHERE id = ? AND received = ? AND tracking_id = ''`, len(bytes), expires, f.ID, f.Received)
		if kept = res.RowsAffected == 1; res.Error != nil || !kept {
			return res.Error
		}
		part := models.FilePart{FileID: f.ID, Position: f.Received, Bytes: bytes}
		return gorm.G[models.FilePart](tx.Gorm()).Create(ctx, &part)
	})
	if err == nil && kept {
		f.Received += int64(len(bytes))
		f.ExpiresAt = expires
	}
	return kept, err
}

// tail is the end of what is there, to be looked through once more.
func (s *store) tail(ctx context.Context, f models.PartialFile) ([]byte, error) {
	var last []models.FilePart
	err := s.db.Read().WithContext(ctx).Where("file_id = ?", f.ID).Order("position DESC").Limit(1).Find(&last).Error
	if err != nil || len(last) == 0 {
		return nil, err
	}
	bytes := last[0].Bytes
	return bytes[max(0, len(bytes)-overlap):], nil
}

func (s *store) part(ctx context.Context, id models.FileID, position int64) ([]byte, error) {
	var found []models.FilePart
	err := s.db.Read().WithContext(ctx).Where("file_id = ? AND position = ?", id, position).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0].Bytes, nil
}

func (s *store) became(ctx context.Context, f models.PartialFile, a intake.Accepted) error {
	return s.db.Write().WithContext(ctx).Exec("UPDATE partial_files SET tracking_id = ?, location = ? WHERE id = ? AND received = length",
		a.TrackingID, a.Location, f.ID).Error
}

func (s *store) expired(ctx context.Context, now time.Time, limit int) (found []models.PartialFile, err error) {
	err = s.db.Read().WithContext(ctx).Where("expires_at < ?", now).Order("expires_at").Limit(limit).Find(&found).Error
	return found, err
}

// remove forgets a file: first that it is there, so that nothing is added meanwhile.
func (s *store) remove(ctx context.Context, f models.PartialFile) error {
	if err := s.db.Write().WithContext(ctx).Exec("DELETE FROM partial_files WHERE id = ?", f.ID).Error; err != nil {
		return err
	}
	return s.removeParts(ctx, f.ID)
}

// removeParts deletes the bytes of a file, a few megabytes in a statement.
func (s *store) removeParts(ctx context.Context, id models.FileID) error {
	const few = 16
	for {
		res := s.db.Write().WithContext(ctx).Exec(`DELETE FROM file_parts WHERE file_id = ? AND position IN (
			SELECT position FROM file_parts WHERE file_id = ? ORDER BY position LIMIT ?)`, id, id, few)
		if res.Error != nil || res.RowsAffected < few {
			return res.Error
		}
	}
}
