package forward

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"gorm.io/gorm"

	"countersign/consent"
	"countersign/internal/db"
	"countersign/models"
)

// store speaks to the tables dispatches, uploads, upload_rows, upload_hashes and
// batches. Every change of a dispatch is conditional on the attempt it was
// claimed with, so that a worker that lost its lease changes nothing.
type store struct{ db *db.DB }

func (s *store) insertTx(ctx context.Context, tx *db.Tx, dispatches []models.Dispatch) error {
	if len(dispatches) == 0 {
		return nil
	}
	return gorm.G[models.Dispatch](tx.Gorm()).CreateInBatches(ctx, &dispatches, 100)
}

// lapsed is the dispatch whose worker has been silent for longest, beyond its lease.
func (s *store) lapsed(ctx context.Context, now time.Time) (*models.Dispatch, error) {
	return oneDispatch(s.db.Read().WithContext(ctx).Where("state = 'leased' AND lease_until < ?", now).Order("lease_until"))
}

// busy lists the partners with so many dispatches in work.
func (s *store) busy(ctx context.Context, now time.Time, limit int) (partners []models.PartnerID, err error) {
	err = s.db.Read().WithContext(ctx).Raw(`SELECT partner_id FROM dispatches WHERE state = 'leased' AND lease_until >= ?
		GROUP BY partner_id HAVING count(*) >= ?`, now, limit).Scan(&partners).Error
	return partners, err
}

// queue is a part of the dispatches that may be claimed now.
type queue struct{ g *gorm.DB }

// due is the queue of all partners but some.
func (s *store) due(ctx context.Context, now time.Time, but []models.PartnerID) *queue {
	return queueOf(s.db.Read().WithContext(ctx), now, but)
}

func queueOf(g *gorm.DB, now time.Time, but []models.PartnerID) *queue {
	g = g.Model(&models.Dispatch{}).Where("state = 'ready' AND run_at <= ?", now)
	if len(but) > 0 {
		g = g.Where("partner_id NOT IN ?", but)
	}
	return &queue{g.Session(&gorm.Session{})}
}

// of is the part of a queue where a column has a value.
func (q *queue) of(column, value string) *queue {
	return &queue{q.g.Where(column+" = ?", value).Session(&gorm.Session{})}
}

// firstAfter is the smallest value of a column beyond the last one served, or the
// smallest of all when there is none beyond; false without any. The index of turns
// answers it at once, however long the queue is.
func (q *queue) firstAfter(column string, last *string) (value string, found bool, err error) {
	if last != nil {
		beyond := &queue{q.g.Where(column+" > ?", *last).Session(&gorm.Session{})}
		if value, found, err = beyond.first(column); err != nil || found {
			return value, found, err
		}
	}
	return q.first(column)
}

func (q *queue) first(column string) (value string, found bool, err error) {
	var values []string
	err = q.smallest(column).Pluck(column, &values).Error
	if err != nil || len(values) == 0 {
		return "", false, err
	}
	return values[0], true, nil
}

func (q *queue) smallest(column string) *gorm.DB { return q.g.Order(column).Limit(1) }

func (q *queue) oldest() (*models.Dispatch, error) { return oneDispatch(q.g.Order("run_at, id")) }

func oneDispatch(g *gorm.DB) (*models.Dispatch, error) {
	var found []models.Dispatch
	if err := g.Limit(1).Find(&found).Error; err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// stillDueTx locks a candidate if it is still as it was picked, else errNotClaimed:
// somebody else was faster, or a late heartbeat has renewed the lease.
func (s *store) stillDueTx(ctx context.Context, tx *db.Tx, d models.Dispatch, now time.Time) error {
	res := tx.Gorm().WithContext(ctx).Exec(`UPDATE dispatches SET worker = worker
		WHERE id = ? AND attempt = ? AND state = ?
		  AND ((state = 'ready' AND run_at <= ?) OR (state = 'leased' AND lease_until < ?))`,
		d.ID, d.Attempt, d.State, now, now)
	if res.Error == nil && res.RowsAffected == 0 {
		return errNotClaimed
	}
	return res.Error
}

// leaseTx takes the lease if the dispatch is still as it was picked, and moves
// its upload on. d.State stays as picked when somebody else was faster.
func (s *store) leaseTx(ctx context.Context, tx *db.Tx, d *models.Dispatch, worker string, now, until time.Time) error {
	res := tx.Gorm().WithContext(ctx).Exec(`UPDATE dispatches
		SET state = 'leased', attempt = attempt + 1, crashes = ?, worker = ?, lease_until = ?,
		    ever_sent = ?, grant_epoch = ?, grant_version = ?, last_error = ?
		WHERE id = ? AND attempt = ?
		  AND ((state = 'ready' AND run_at <= ?) OR (state = 'leased' AND lease_until < ?))`,
		d.Crashes, worker, until, d.EverSent, d.GrantEpoch, d.GrantVersion, d.LastError, d.ID, d.Attempt, now, now)
	if res.Error != nil {
		return res.Error
	}
	if res.RowsAffected == 0 {
		return errNotClaimed
	}
	d.State, d.Worker, d.LeaseUntil = models.DispatchLeased, worker, &until
	d.Attempt++
	return tx.Gorm().WithContext(ctx).Exec(`UPDATE uploads SET state = 'processing', started_at = ?
		WHERE id = ? AND state = 'queued'`, now, d.UploadID).Error
}

// halveTx cuts a dispatch over which workers die into two, so that one row that kills
// them is found in the end and the others go on. What may have been sent stays so.
func (s *store) halveTx(ctx context.Context, tx *db.Tx, d models.Dispatch, crashes int, now time.Time) error {
	middle := d.FirstOrdinal + (d.LastOrdinal-d.FirstOrdinal)/2
	res := tx.Gorm().WithContext(ctx).Exec(`UPDATE dispatches
		SET state = 'ready', lease_until = NULL, worker = '', attempt = attempt + 1, crashes = ?, last_ordinal = ?, run_at = ?
		WHERE id = ? AND attempt = ? AND state = 'leased'`, crashes, middle, now, d.ID, d.Attempt)
	if res.Error != nil || res.RowsAffected == 0 {
		return res.Error
	}
	second := d
	second.ID, second.State, second.Attempt, second.Crashes, second.Worker, second.LeaseUntil = 0, models.DispatchReady, 0, crashes, "", nil
	second.FirstOrdinal, second.RunAt = middle+1, now
	return gorm.G[models.Dispatch](tx.Gorm()).Create(ctx, &second)
}

// extend is the heartbeat. It reports whether the lease is still ours.
func (s *store) extend(ctx context.Context, d models.Dispatch, lease time.Duration) (bool, error) {
	now, err := s.db.Now(ctx)
	if err != nil {
		return false, err
	}
	res := s.db.Write().WithContext(ctx).Exec(`UPDATE dispatches SET lease_until = ?
		WHERE id = ? AND attempt = ? AND state = 'leased'`, now.Add(lease), d.ID, d.Attempt)
	return res.RowsAffected == 1, res.Error
}

// release gives the lease back: try again after a pause. Its worker is alive, so that
// whatever crashed before has nothing to do with these rows.
func (s *store) release(ctx context.Context, d *models.Dispatch, pause time.Duration, why string) error {
	return s.putBack(ctx, d, pause, why, 0)
}

// putBack is release for rows over which so many workers or calls have failed in a row.
func (s *store) putBack(ctx context.Context, d *models.Dispatch, pause time.Duration, why string, failures int) error {
	now, err := s.db.Now(ctx)
	if err != nil {
		return err
	}
	return s.db.Write().WithContext(ctx).Exec(`UPDATE dispatches
		SET state = 'ready', lease_until = NULL, worker = '', crashes = ?, run_at = ?, last_error = ?
		WHERE id = ? AND attempt = ? AND state = 'leased'`, failures, now.Add(pause), why, d.ID, d.Attempt).Error
}

// holdTx puts a dispatch aside whose grant, partner, client or tenant is
// suspended.
func (s *store) holdTx(ctx context.Context, tx *db.Tx, d *models.Dispatch, until time.Time, why string) error {
	return tx.Gorm().WithContext(ctx).Exec(`UPDATE dispatches
		SET state = 'ready', lease_until = NULL, worker = '', run_at = ?, last_error = ?
		WHERE id = ? AND attempt = ? AND state IN ('ready', 'leased')`, until, why, d.ID, d.Attempt).Error
}

// stopTx leaves a dispatch to an operator.
func (s *store) stopTx(ctx context.Context, tx *db.Tx, d *models.Dispatch, why string) error {
	return stopWith(ctx, tx.Gorm(), d, why)
}

func (s *store) stop(ctx context.Context, d *models.Dispatch, why string) error {
	return stopWith(ctx, s.db.Write(), d, why)
}

func stopWith(ctx context.Context, g *gorm.DB, d *models.Dispatch, why string) error {
	return g.WithContext(ctx).Exec(`UPDATE dispatches
		SET state = 'stopped', lease_until = NULL, worker = '', crashes = ?, last_error = ?
		WHERE id = ? AND attempt = ? AND state = 'leased'`, d.Crashes, why, d.ID, d.Attempt).Error
}

func (s *store) stopped(ctx context.Context, after int64, limit int) ([]models.Dispatch, error) {
	return gorm.G[models.Dispatch](s.db.Read()).
		Where("state = 'stopped' AND id > ?", after).Order("id").Limit(limit).Find(ctx)
}

func (s *store) restart(ctx context.Context, id int64, now time.Time) (bool, error) {
	res := s.db.Write().WithContext(ctx).Exec(`UPDATE dispatches
		SET state = 'ready', crashes = 0, run_at = ?, last_error = '' WHERE id = ? AND state = 'stopped'`, now, id)
	return res.RowsAffected == 1, res.Error
}

func (s *store) backlog(ctx context.Context, now time.Time) (Backlog, error) {
	var b Backlog
	for _, state := range []string{"state = 'ready'", "state = 'leased'", "state = 'stopped'"} { // each has an index of its own
		var n int64
		if err := s.db.Read().WithContext(ctx).Model(&models.Dispatch{}).Where(state).Count(&n).Error; err != nil {
			return Backlog{}, err
		}
		if state == "state = 'stopped'" {
			b.Stopped = n
		} else {
			b.Waiting += n
		}
	}
	oldest, err := oneDispatch(s.db.Read().WithContext(ctx).Where("state IN ('ready', 'leased')").Order("id"))
	if err != nil || oldest == nil {
		return b, err
	}
	b.Oldest = max(0, now.Sub(oldest.CreatedAt).Seconds())
	return b, nil
}

// waiting sums the devices of each partner that are not done yet, and tells how long the
// dispatch that has waited longest for a worker has been due.
func (s *store) waiting(ctx context.Context) (map[models.PartnerID]int64, time.Duration, error) {
	now, err := s.db.Now(ctx)
	if err != nil {
		return nil, 0, err
	}
	sums, err := gorm.G[struct {
		PartnerID models.PartnerID
		Devices   int64
	}](s.db.Read()).Raw(`SELECT partner_id, sum(last_ordinal - first_ordinal + 1) AS devices FROM dispatches WHERE state = 'ready' GROUP BY partner_id
		UNION ALL SELECT partner_id, sum(last_ordinal - first_ordinal + 1) AS devices FROM dispatches WHERE state = 'leased' GROUP BY partner_id`).Find(ctx)
	if err != nil {
		return nil, 0, err
	}
	out := map[models.PartnerID]int64{}
	for _, sum := range sums {
		out[sum.PartnerID] += sum.Devices
	}
	due, err := oneDispatch(s.db.Read().WithContext(ctx).Where("state = 'ready'").Order("run_at"))
	if err != nil || due == nil {
		return out, 0, err
	}
	return out, max(0, now.Sub(due.RunAt)), nil
}

// dropDone deletes so many dispatches that were done before a moment, and tells how many it
// were.
func (s *store) dropDone(ctx context.Context, before time.Time, limit int) (int, error) {
	res := s.db.Write().WithContext(ctx).Exec(`DELETE FROM dispatches WHERE id IN (
		SELECT id FROM dispatches WHERE state = 'done' AND done_at < ? ORDER BY done_at LIMIT ?)`, before, limit)
	return int(res.RowsAffected), res.Error
}

// load reads the upload and the open rows of a claimed dispatch.
func (s *store) load(ctx context.Context, w *work) error {
	upload, err := gorm.G[models.Upload](s.db.Read()).Where("id = ?", w.dispatch.UploadID).Take(ctx)
	if err != nil {
		return err
	}
	last := w.dispatch.LastOrdinal
	if upload.CutOrdinal != nil {
		last = min(last, *upload.CutOrdinal)
	}
	rows, err := gorm.G[openRow](s.db.Read()).Raw(`SELECT r.ordinal, r.serial_number, r.product_key, r.manufacturer,
			r.model, r.order_data, coalesce(r.replaces, r.device_id) AS device_id, r.sold_to, r.returned, h.hash
		FROM upload_rows r
		LEFT JOIN upload_hashes h ON h.staged_on = ? AND h.upload_id = r.upload_id AND h.ordinal = r.ordinal
		WHERE r.upload_id = ? AND r.ordinal BETWEEN ? AND ? AND r.settled_at IS NULL
		ORDER BY r.ordinal`, upload.StagedOn, upload.ID, w.dispatch.FirstOrdinal, last).Find(ctx)
	if err != nil {
		return err
	}
	w.upload = upload
	w.rows = make([]models.CoreRow, len(rows))
	for i, r := range rows {
		if w.rows[i], err = r.coreRow(); err != nil {
			return err
		}
	}
	return nil
}

type openRow struct {
	Ordinal      int
	SerialNumber *string
	ProductKey   *string
	Manufacturer *string
	Model        *string
	OrderData    *string
	DeviceID     *models.DeviceID
	SoldTo       *string
	Returned     bool
	Hash         []byte
}

func (r openRow) coreRow() (models.CoreRow, error) {
	row := models.CoreRow{Row: r.Ordinal, Identity: models.DeviceIdentity{
		SerialNumber: text(r.SerialNumber), ProductKey: text(r.ProductKey),
		Manufacturer: text(r.Manufacturer), Model: text(r.Model), Hash: r.Hash,
	}, SoldTo: models.PartnerID(text(r.SoldTo)), Returned: r.Returned}
	if r.DeviceID != nil {
		row.DeviceID = *r.DeviceID
	}
	if r.OrderData == nil {
		return row, nil
	}
	return row, json.Unmarshal([]byte(*r.OrderData), &row.Order)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// settle writes the outcomes, and closes the dispatch when they are final, in
// one transaction that only counts while the lease is held; held tells whether it was.
func (s *store) settle(ctx context.Context, gate Gate, w *work, done settled) (held bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		held, err = s.settleTx(ctx, tx, gate, w, done)
		return err
	})
	return held, err
}

// settleTx is settle in the caller's transaction; held is false when the lease was lost.
func (s *store) settleTx(ctx context.Context, tx *db.Tx, gate Gate, w *work, done settled) (held bool, err error) {
	now, err := tx.Now(ctx)
	if err != nil {
		return false, err
	}
	held, err = s.holdsLeaseTx(ctx, tx, w.dispatch, done.final, now)
	if err != nil || !held {
		return held, err
	}
	if err := s.writeOutcomesTx(ctx, tx, w, done.answers, now); err != nil {
		return held, err
	}
	if err := s.tellClaimsTx(ctx, tx, w, done.answers); err != nil {
		return held, err
	}
	if done.final {
		if err := s.dropHashesTx(ctx, tx, w); err != nil {
			return held, err
		}
	}
	if err := s.countTx(ctx, tx, w, done, now); err != nil {
		return held, err
	}
	if w.dispatch.Kind != models.UploadRegister || w.dispatch.GrantID == "" || len(done.answers) == 0 {
		return held, nil
	}
	return held, gate.SettleTx(ctx, tx, consent.Settlement{
		Permit: w.permit, Version: w.dispatch.GrantVersion, Used: done.used(), Released: int64(done.failed()),
	})
}

// countedTx notes under which version of the grant's terms the rows were let through.
func (s *store) countedTx(ctx context.Context, tx *db.Tx, d models.Dispatch, version int64) error {
	return tx.Gorm().WithContext(ctx).Exec("UPDATE dispatches SET grant_version = ? WHERE id = ? AND attempt = ?",
		version, d.ID, d.Attempt).Error
}

// holdsLeaseTx is the fence against a worker that woke too late: the update of
// its own attempt both checks and locks the dispatch.
func (s *store) holdsLeaseTx(ctx context.Context, tx *db.Tx, d models.Dispatch, final bool, now time.Time) (bool, error) {
	sql := "UPDATE dispatches SET worker = worker WHERE id = ? AND attempt = ? AND state = 'leased'"
	args := []any{d.ID, d.Attempt}
	if final {
		sql = `UPDATE dispatches SET state = 'done', done_at = ?, lease_until = NULL, worker = ''
			WHERE id = ? AND attempt = ? AND state = 'leased'`
		args = append([]any{now}, args...)
	}
	res := tx.Gorm().WithContext(ctx).Exec(sql, args...)
	return res.RowsAffected == 1, res.Error
}

// writeOutcomesTx settles rows in one statement: both databases name the columns
// of VALUES column1, column2 and so on.
func (s *store) writeOutcomesTx(ctx context.Context, tx *db.Tx, w *work, answers []models.Answer, now time.Time) error {
	if len(answers) == 0 {
		return nil
	}
	values := make([]string, len(answers))
	args := make([]any, 0, 4*len(answers)+3)
	args = append(args, now)
	for i, a := range answers {
		values[i] = "(CAST(? AS integer), CAST(? AS text), CAST(? AS text), CAST(? AS text))"
		var device any
		if a.DeviceID != "" {
			device = string(a.DeviceID)
		}
		args = append(args, a.Row, string(a.Code), a.Detail, device)
	}
	args = append(args, w.dispatch.UploadID)
	return tx.Gorm().WithContext(ctx).Exec(`UPDATE upload_rows
		SET settled_at = ?, error_code = v.column2, detail = v.column3, device_id = coalesce(v.column4, upload_rows.device_id)
		FROM (VALUES `+strings.Join(values, ", ")+`) AS v
		WHERE upload_rows.upload_id = ? AND upload_rows.ordinal = v.column1 AND upload_rows.settled_at IS NULL`,
		args...).Error
}

// kindOfTx is what a partner is in the channel.
func (s *store) kindOfTx(ctx context.Context, tx *db.Tx, partner models.PartnerID) (models.PartnerKind, error) {
	found, err := gorm.G[models.Partner](tx.Gorm()).Select("kind").Where("id = ?", partner).Take(ctx)
	return found.Kind, err
}

// dropHashesTx forgets the bytes: from now on the core has the current hash, and
// the row its digest.
func (s *store) dropHashesTx(ctx context.Context, tx *db.Tx, w *work) error {
	return tx.Gorm().WithContext(ctx).Exec(`DELETE FROM upload_hashes
		WHERE staged_on = ? AND upload_id = ? AND ordinal BETWEEN ? AND ?`,
		w.upload.StagedOn, w.upload.ID, w.dispatch.FirstOrdinal, w.dispatch.LastOrdinal).Error
}

// countTx brings the upload and its batch up to date, and finishes the upload
// with its last row.
func (s *store) countTx(ctx context.Context, tx *db.Tx, w *work, done settled, now time.Time) error {
	n, failed := len(done.answers), done.failed()
	err := tx.Gorm().WithContext(ctx).Exec(`UPDATE uploads SET
			open_rows = open_rows - ?, error_rows = error_rows + ?,
			state = CASE WHEN open_rows > ? THEN state WHEN error_rows + ? > 0 THEN 'finished_with_errors' ELSE 'finished' END,
			completed_at = CASE WHEN open_rows > ? THEN completed_at ELSE ? END
		WHERE id = ? AND state = 'processing'`,
		n, failed, n, failed, n, now, w.upload.ID).Error
	if err != nil || w.upload.BatchID == nil || done.used() == 0 {
		return err
	}
	change := done.used()
	switch w.dispatch.Kind {
	case models.UploadRemove:
		change = -change
	case models.UploadReplace: // one goes and one comes
		return nil
	case models.UploadRegister, models.UploadReport:
	}
	return tx.Gorm().WithContext(ctx).Exec("UPDATE batches SET devices_count = devices_count + ? WHERE id = ?",
		change, *w.upload.BatchID).Error
}
