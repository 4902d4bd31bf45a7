package notice

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"countersign/internal/db"
	"countersign/models"
)

// The cursors.
const (
	cursorOfLedger = "ledger" // number of the last entry whose mails are written
	cursorOfDigest = "digest" // number of the last day on which digests were written
)

// store speaks to the outbox and the cursors, and reads whom a mail is about.
type store struct{ db *db.DB }

func in(ctx context.Context, tx *db.Tx) *gorm.DB { return tx.Gorm().WithContext(ctx) }

func (s store) cursor(ctx context.Context, name string) (at int64, known bool, err error) {
	var found []models.NoticeCursor
	err = s.db.Read().WithContext(ctx).Where("name = ?", name).Find(&found).Error
	if err != nil || len(found) == 0 {
		return 0, false, err
	}
	return found[0].Seq, true, nil
}

// holdCursorTx holds a cursor until the end of the transaction and returns where it is.
// One that is not there is made at begin.
func (s store) holdCursorTx(ctx context.Context, tx *db.Tx, name string, begin int64) (int64, error) {
	err := in(ctx, tx).Clauses(clause.OnConflict{DoNothing: true}).Create(&models.NoticeCursor{Name: name, Seq: begin}).Error
	if err != nil {
		return 0, err
	}
	var at int64
	err = in(ctx, tx).Raw("UPDATE notice_cursors SET seq = seq WHERE name = ? RETURNING seq", name).Scan(&at).Error
	return at, err
}

func (s store) moveCursorTx(ctx context.Context, tx *db.Tx, name string, to int64) error {
	return in(ctx, tx).Model(&models.NoticeCursor{}).Where("name = ?", name).Update("seq", to).Error
}

func (s store) partnerTx(ctx context.Context, tx *db.Tx, id models.PartnerID) (p models.Partner, err error) {
	err = in(ctx, tx).Where("id = ?", id).Take(&p).Error
	return p, err
}

func (s store) tenantTx(ctx context.Context, tx *db.Tx, id models.TenantID) (t models.Tenant, err error) {
	err = in(ctx, tx).Where("id = ?", id).Take(&t).Error
	return t, err
}

// mutedTx reports whether a request is never shown to its tenant.
func (s store) mutedTx(ctx context.Context, tx *db.Tx, id models.RequestID) (bool, error) {
	var found []models.ConsentRequest
	err := in(ctx, tx).Select("muted").Where("id = ?", id).Find(&found).Error
	return err == nil && len(found) == 1 && found[0].Muted, err
}

// adminsTx returns the active people of a tenant who may be its admins.
func (s store) adminsTx(ctx context.Context, tx *db.Tx, tenant models.TenantID) ([]models.Person, error) {
	var found []models.Person
	err := in(ctx, tx).Where("tenant_id = ? AND state = 'active' AND email <> '' AND (given_role = 'admin' OR claim_role = 'admin')", tenant).
		Order("id").Find(&found).Error
	return found, err
}

// addTx puts a mail into the outbox unless one of its occasion for this recipient is, or
// was, there.
func (s store) addTx(ctx context.Context, tx *db.Tx, n models.Notice) error {
	return in(ctx, tx).Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "occasion"}}, DoNothing: true}).Create(&n).Error
}

// ending returns active grants that end within a span, by id.
func (s store) ending(ctx context.Context, from, until time.Time, after models.GrantID, limit int) ([]models.Grant, error) {
	var found []models.Grant
	err := s.db.Read().WithContext(ctx).
		Where("state IN ('active', 'suspended') AND expires_at > ? AND expires_at <= ? AND id > ?", from, until, after).
		Order("id").Limit(limit).Find(&found).Error
	return found, err
}

// registeredBetween counts what partners registered in uploads that were finished within
// a span, by tenant and partner.
func (s store) registeredBetween(ctx context.Context, from, until time.Time) ([]counted, error) {
	var found []counted
	err := s.db.Read().WithContext(ctx).Raw(`SELECT u.tenant_id, p.name, sum(u.row_count - u.error_rows) AS devices
		FROM uploads u JOIN partners p ON p.id = u.partner_id
		WHERE u.completed_at >= ? AND u.completed_at < ? AND u.kind = 'register'
		GROUP BY u.tenant_id, p.id, p.name HAVING sum(u.row_count - u.error_rows) > 0
		ORDER BY u.tenant_id, p.name, p.id`, from, until).Scan(&found).Error
	return found, err
}

// due returns the mail that is due longest; nil for none.
func (s store) due(ctx context.Context, now time.Time) (*models.Notice, error) {
	var found []models.Notice
	err := s.db.Read().WithContext(ctx).Where("state = 'ready' AND run_at <= ?", now).Order("run_at, id").Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// claim takes a mail until a time, unless somebody was faster.
func (s store) claim(ctx context.Context, n *models.Notice, now, until time.Time) (bool, error) {
	res := s.db.Write().WithContext(ctx).Exec(`UPDATE notices SET attempts = attempts + 1, run_at = ?
		WHERE id = ? AND attempts = ? AND state = 'ready' AND run_at <= ?`, until, n.ID, n.Attempts, now)
	n.Attempts++
	return res.RowsAffected == 1, res.Error
}

// finish ends a mail that is still ours and forgets what was in it and for whom.
func (s store) finish(ctx context.Context, n *models.Notice, state models.NoticeState, now time.Time) error {
	return s.db.Write().WithContext(ctx).Exec(`UPDATE notices SET state = ?, done_at = ?, recipient = '', subject = '', body = ''
		WHERE id = ? AND attempts = ? AND state = 'ready'`, state, now, n.ID, n.Attempts).Error
}

// again gives a mail back.
func (s store) again(ctx context.Context, n *models.Notice, at time.Time) error {
	return s.db.Write().WithContext(ctx).Exec("UPDATE notices SET run_at = ? WHERE id = ? AND attempts = ? AND state = 'ready'",
		at, n.ID, n.Attempts).Error
}

func (s store) waiting(ctx context.Context) (n int64, err error) {
	err = s.db.Read().WithContext(ctx).Model(&models.Notice{}).Where("state = 'ready'").Count(&n).Error
	return n, err
}

// sweep forgets mails that were done before a time.
func (s store) sweep(ctx context.Context, before time.Time) error {
	return s.db.Write().WithContext(ctx).Where("state <> 'ready' AND done_at < ?", before).Delete(&models.Notice{}).Error
}
