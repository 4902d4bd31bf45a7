package recordbook

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"countersign/internal/db"
	"countersign/models"
)

// Memory is how long a product key id that was named in vain is remembered.
const Memory = 24 * time.Hour

// Span is a range of look-up keys, both ends within it.
type Span struct{ First, Last int64 }

// spansAtOnce bounds one statement.
const spansAtOnce = 50

func in(ctx context.Context, tx *db.Tx) *gorm.DB { return tx.Gorm().WithContext(ctx) }

// Missed returns the look-up keys within the spans that a partner named in vain and
// that no device has come to state since, in no order.
func Missed(ctx context.Context, tx *db.Tx, partner models.PartnerID, spans []Span, now time.Time) ([]int64, error) {
	var all []int64
	for len(spans) > 0 {
		n := min(len(spans), spansAtOnce)
		where, args := make([]string, n), make([]any, 0, 2*n)
		for i, s := range spans[:n] {
			where[i] = "key BETWEEN ? AND ?"
			args = append(args, s.First, s.Last)
		}
		var some []int64
		err := in(ctx, tx).Model(&models.MissedKey{}).Where("partner_id = ? AND missed_at > ?", partner, now.Add(-Memory)).
			Where("("+strings.Join(where, " OR ")+")", args...).
			Where("NOT EXISTS (SELECT 1 FROM identity_keys k WHERE k.key = missed_keys.key)").Pluck("key", &some).Error
		if err != nil {
			return nil, err
		}
		all, spans = append(all, some...), spans[n:]
	}
	return all, nil
}

// Miss remembers keys, ascending, that a partner named in vain, and forgets what is
// older than Memory.
func Miss(ctx context.Context, tx *db.Tx, partner models.PartnerID, keys []int64, now time.Time) error {
	if len(keys) == 0 {
		return nil
	}
	err := in(ctx, tx).Where("partner_id = ? AND missed_at <= ?", partner, now.Add(-Memory)).Delete(&models.MissedKey{}).Error
	if err != nil {
		return err
	}
	rows := make([]models.MissedKey, len(keys))
	for i, k := range keys {
		rows[i] = models.MissedKey{PartnerID: partner, Key: k, MissedAt: now}
	}
	return in(ctx, tx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "partner_id"}, {Name: "key"}},
		DoUpdates: clause.AssignmentColumns([]string{"missed_at"}),
	}).CreateInBatches(rows, len(rows)).Error
}

// Stated returns which factories said something about names. Whatever changes
// meanwhile is not waited for.
func Stated(ctx context.Context, tx *db.Tx, names [][]byte) ([]models.FactoryStatement, error) {
	if len(names) == 0 {
		return nil, nil
	}
	var found []models.FactoryStatement
	err := in(ctx, tx).Select("key", "partner_id").Where("key IN ?", names).Find(&found).Error
	return found, err
}
