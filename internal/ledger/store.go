package ledger

import (
	"context"
	"fmt"
	"time"

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

// addEntries writes entries that tell of no ConsentEvent.
func (r rows) addEntries(entries []models.LedgerEntry) error {
	return r.g.CreateInBatches(entries, writeSize).Error
}

// --- the sequencer

// sequencer is the name of the one lease.
const sequencer = "sequencer"

// waits reports whether any entry has no place yet.
func (r rows) waits() (bool, error) {
	var ids []int64
	err := r.g.Model(&models.LedgerInbox{}).Limit(1).Pluck("id", &ids).Error
	return len(ids) > 0, err
}

// takeLease returns the number of the lease, 0 when somebody holds it.
func (r rows) takeLease(holder string, now, until time.Time) (int64, error) {
	done := r.g.Exec(`UPDATE ledger_lease SET number = number + 1, holder = ?, lease_until = ? WHERE name = ? AND lease_until <= ?`,
		holder, until, sequencer, now)
	if done.Error != nil || done.RowsAffected == 0 {
		return 0, done.Error
	}
	var lease models.LedgerLease
	err := r.g.Where("name = ?", sequencer).Take(&lease).Error
	return lease.Number, err
}

// renewLease holds the lease's row until the end of the transaction. false: somebody
// has taken it over.
func (r rows) renewLease(number int64, until time.Time) (bool, error) {
	done := r.g.Exec(`UPDATE ledger_lease SET lease_until = ? WHERE name = ? AND number = ?`, until, sequencer, number)
	return done.RowsAffected == 1, done.Error
}

// waiting lists entries without a place, in the order they were begun in.
func (r rows) waiting(limit int) ([]models.LedgerEntry, error) {
	var found []models.LedgerEntry
	err := r.g.Joins("JOIN ledger_inbox ON ledger_inbox.id = ledger_entries.id").Order("ledger_entries.id").Limit(limit).Find(&found).Error
	return found, err
}

// heads reads the ends of chains by name; one that has not begun is missing.
func (r rows) heads(names []string) (map[string]models.LedgerChain, error) {
	var found []models.LedgerChain
	if err := r.g.Where("name IN ?", names).Find(&found).Error; err != nil {
		return nil, err
	}
	byName := make(map[string]models.LedgerChain, len(names))
	for _, chain := range found {
		byName[chain.Name] = chain
	}
	return byName, nil
}

// writeSize bounds the rows of one statement, and so its arguments.
const writeSize = 500

// write stores a batch and takes its entries out of the inbox.
func (r rows) write(b *batch, these clause.Expr, count int64) error {
	err := r.g.CreateInBatches(b.links, writeSize).Error
	if err == nil {
		err = r.g.Clauses(clause.OnConflict{UpdateAll: true}).CreateInBatches(b.ends(), writeSize).Error
	}
	if err == nil {
		err = r.g.CreateInBatches(b.checkpoints, writeSize).Error
	}
	if err != nil {
		return err
	}
	done := r.g.Where(these).Delete(&models.LedgerInbox{})
	if done.Error == nil && done.RowsAffected != count {
		return fmt.Errorf("%d entries left the inbox, not %d", done.RowsAffected, count)
	}
	return done.Error
}

// oldest is when the oldest entry without a place was written, nil when none waits.
func (r rows) oldest() (*time.Time, error) {
	var found []models.LedgerEntry
	err := r.g.Select("ledger_entries.at").Joins("JOIN ledger_inbox ON ledger_inbox.id = ledger_entries.id").
		Order("ledger_entries.id").Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0].At, nil
}

// --- readers

// unsettled reports whether an entry about one of the subjects has no place yet.
func (r rows) unsettled(subjects []string) (bool, error) {
	var ids []int64
	err := r.g.Model(&models.LedgerInbox{}).Joins("JOIN ledger_entries e ON e.id = ledger_inbox.id").
		Where("e.subject_id IN ?", subjects).Limit(1).Pluck("ledger_inbox.id", &ids).Error
	return len(ids) > 0, err
}

// linkRow is a link with what a reader of it wants.
type linkRow struct {
	Seq     int64
	Line    string
	Hash    []byte
	Before  []byte
	JWS     *string
	EventID *int64
}

const linkSQL = `SELECT l.seq, l.line, l.hash, b.hash AS before, c.jws, e.event_id
	FROM ledger_links l
	JOIN ledger_entries e ON e.id = l.entry
	LEFT JOIN ledger_links b ON b.chain = l.chain AND b.seq = l.seq - 1
	LEFT JOIN ledger_checkpoints c ON c.chain = l.chain AND c.seq = l.seq
	WHERE l.chain = ? AND `

func (r rows) page(chain string, after int64, limit int) ([]linkRow, error) {
	var found []linkRow
	return found, r.g.Raw(linkSQL+"l.seq > ? ORDER BY l.seq LIMIT ?", chain, after, limit).Scan(&found).Error
}

func (r rows) about(chain string, subjects []string) ([]linkRow, error) {
	var found []linkRow
	return found, r.g.Raw(linkSQL+"e.subject_id IN ? ORDER BY l.seq", chain, subjects).Scan(&found).Error
}
