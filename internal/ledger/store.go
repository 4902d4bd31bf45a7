package ledger

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"countersign/internal/db"
	"countersign/models"
)

// rows is the SQL of this package, bound to a context and either to a transaction
// or to the read pool.
type rows struct{ g *gorm.DB }

// within reads and writes inside tx.
func within(ctx context.Context, tx *db.Tx) rows { return rows{tx.Gorm().WithContext(ctx)} }

// addEntry writes an entry; a trigger puts it into the inbox. One that tells of a
// ConsentEvent that has an entry is left out.
func (r rows) addEntry(entry *models.LedgerEntry) error {
	if entry.EventID == nil {
		return r.g.Create(entry).Error
	}
	return r.g.Clauses(clause.OnConflict{DoNothing: true}).Create(entry).Error
}
