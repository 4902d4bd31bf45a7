package registration

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"countersign/internal/db"
	"countersign/models"
)

// store speaks to the core's tables and decides nothing.
type store struct{ db *db.DB }

// errRaced: a row changed between reading and writing it. It counts as a lost
// race, like a violated unique index.
var errRaced = fmt.Errorf("registration: a row changed meanwhile: %w", gorm.ErrDuplicatedKey)

// in returns gorm inside the transaction.
func in(ctx context.Context, tx *db.Tx) *gorm.DB { return tx.Gorm().WithContext(ctx) }

// drawIDs reserves n numbers of a series and returns the first.
func (s store) drawIDs(ctx context.Context, series string, n int64) (first int64, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var next int64
		q := in(ctx, tx).Raw("UPDATE id_series SET next_id = next_id + ? WHERE name = ? RETURNING next_id", n, series).Scan(&next)
		if q.Error == nil && next == 0 {
			return fmt.Errorf("the id series %q is missing", series)
		}
		first = next - n
		return q.Error
	})
	return first, err
}

// completeKeys gives the next identities of the series their keys and reports whether
// there may be more.
func (s store) completeKeys(ctx context.Context) (more bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		series := in(ctx, tx).Model(&models.IDSeries{}).Where("name = ?", withoutLineKeys)
		if tx.Dialect() == db.Postgres {
			series = series.Clauses(clause.Locking{Strength: "UPDATE"}) // replicas that start together take turns
		}
		var from []int64
		if err := series.Pluck("next_id", &from).Error; err != nil || len(from) == 0 {
			more = false
			return err
		}
		var batch []models.Identity
		if err := in(ctx, tx).Where("id >= ?", from[0]).Order("id").Limit(500).Find(&batch).Error; err != nil {
			return err
		}
		if more = len(batch) > 0; !more {
			return in(ctx, tx).Where("name = ?", withoutLineKeys).Delete(&models.IDSeries{}).Error
		}
		if keys := lineKeys(batch); len(keys) > 0 {
			if err := in(ctx, tx).Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(keys, 500).Error; err != nil {
				return err
			}
		}
		return in(ctx, tx).Model(&models.IDSeries{}).Where("name = ?", withoutLineKeys).Update("next_id", batch[len(batch)-1].ID+1).Error
	})
	return more, err
}

// fences returns the fences of the subjects, by subject.
func (s store) fences(ctx context.Context, tx *db.Tx, epochs []models.SubjectEpoch) (map[subject]int64, error) {
	return fencesIn(in(ctx, tx), epochs)
}

// fencesNow is fences for who decides nothing by them.
func (s store) fencesNow(ctx context.Context, epochs []models.SubjectEpoch) (map[subject]int64, error) {
	return fencesIn(s.db.Read().WithContext(ctx), epochs)
}

func fencesIn(g *gorm.DB, epochs []models.SubjectEpoch) (map[subject]int64, error) {
	kinds, ids := make([]models.SubjectKind, len(epochs)), make([]string, len(epochs))
	for i, e := range epochs {
		kinds[i], ids[i] = e.Kind, e.ID
	}
	// Wider than the pairs, so that one index range serves; the map is exact.
	var rows []models.CoreFence
	err := g.Where("kind IN ? AND subject_id IN ?", kinds, ids).Find(&rows).Error
	found := make(map[subject]int64, len(rows))
	for _, f := range rows {
		found[subject{f.Kind, f.SubjectID}] = f.MinEpoch
	}
	return found, err
}

// raiseFence stores a fence unless a higher one stands.
func (s store) raiseFence(ctx context.Context, tx *db.Tx, f models.CoreFence) error {
	return in(ctx, tx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "kind"}, {Name: "subject_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"min_epoch", "set_at"}),
		Where:     clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "fences.min_epoch < excluded.min_epoch"}}},
	}).Create(&f).Error
}

// answers returns the stored answers of rows of an upload, by row.
func (s store) answers(ctx context.Context, tx *db.Tx, upload models.TrackingID, rows []int64) (map[int]models.Answer, error) {
	var stored []models.StoredAnswer
	err := in(ctx, tx).Where("tracking_id = ?", upload).Where(tx.OneOf("ordinal", rows)).Find(&stored).Error
	found := make(map[int]models.Answer, len(stored))
	for _, a := range stored {
		found[a.Ordinal] = given(a)
	}
	return found, err
}

// addTombstones stores answers for rows that have none yet. Where a transaction
// that has written one is still open, it waits for its end.
func (s store) addTombstones(ctx context.Context, tx *db.Tx, stones []models.StoredAnswer) error {
	return in(ctx, tx).Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(stones, 500).Error
}

// dropAnswers deletes so many answers of uploads before one, and tells how many it were.
func (s store) dropAnswers(ctx context.Context, before models.TrackingID, limit int) (int, error) {
	res := s.db.Write().WithContext(ctx).Exec(`DELETE FROM answers WHERE (tracking_id, ordinal) IN (
		SELECT tracking_id, ordinal FROM answers WHERE tracking_id < ? ORDER BY tracking_id, ordinal LIMIT ?)`, before, limit)
	return int(res.RowsAffected), res.Error
}

// known is an identity with its active registration, whose ID is empty if the
// device is not registered.
type known struct {
	models.Identity
	Active owner `gorm:"embedded;embeddedPrefix:active_"`

	apart []int64 // identities that a person told it apart from
}

// owner is what verdicts need of an active registration.
type owner struct {
	ID         models.DeviceID
	TenantID   models.TenantID
	PartnerID  models.PartnerID
	TrackingID models.TrackingID
	Ordinal    int
	GroupTag   string // read by activeHolding alone
}

// knownColumns reads what stands in a known; blanks stand for no registration.
const knownColumns = "identities.*, COALESCE(r.id, '') AS active_id, COALESCE(r.tenant_id, '') AS active_tenant_id, " +
	"COALESCE(r.partner_id, '') AS active_partner_id, COALESCE(r.tracking_id, '') AS active_tracking_id, COALESCE(r.ordinal, 0) AS active_ordinal"

// candidates returns every identity that holds one of the keys, in the order of
// their ids. The keys are lossy: the caller verifies.
func (s store) candidates(ctx context.Context, tx *db.Tx, keys []int64) ([]known, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	g := in(ctx, tx)
	hits := g.Session(&gorm.Session{NewDB: true}).Table("identity_keys").Select("identity_id").Where(tx.OneOf("key", keys))
	var found []known
	err := g.Table("identities").Select(knownColumns).
		Joins("LEFT JOIN registrations r ON r.identity_id = identities.id AND r.state = 'active'").
		Where("identities.id IN (?)", hits).Order("identities.id").Scan(&found).Error
	return found, err
}

// held returns candidates as they stand until the transaction ends: those that
// wanted names are locked and read again, so that a factory's report and whoever
// claims the record of it do not pass each other by. SQLite has a single writer.
func (s store) held(ctx context.Context, tx *db.Tx, keys []int64, wanted func(*known) bool) ([]known, error) {
	found, err := s.candidates(ctx, tx, keys)
	if err != nil || tx.Dialect() != db.Postgres {
		return found, err
	}
	locked, err := s.lock(ctx, tx, found, wanted)
	if err != nil || len(locked) == 0 {
		return found, err
	}
	if found, err = s.candidates(ctx, tx, keys); err != nil {
		return nil, err
	}
	for i := range found {
		if wanted(&found[i]) && !locked[found[i].ID] {
			return nil, errRaced
		}
	}
	return found, nil
}

// anyKnown wants every identity.
func anyKnown(*known) bool { return true }

// lock locks the identities that are wanted and their active registrations, in the
// order of their numbers: neither a claim nor a removal passes.
func (s store) lock(ctx context.Context, tx *db.Tx, found []known, wanted func(*known) bool) (map[int64]bool, error) {
	var ids []int64
	locked := map[int64]bool{}
	for i := range found {
		if wanted(&found[i]) {
			ids, locked[found[i].ID] = append(ids, found[i].ID), true
		}
	}
	if len(ids) == 0 {
		return locked, nil
	}
	var none []int64
	err := in(ctx, tx).Model(&models.Identity{}).Clauses(clause.Locking{Strength: "UPDATE"}).
		Where(tx.OneOf("id", ids)).Order("id").Pluck("id", &none).Error
	if err != nil {
		return locked, err
	}
	err = in(ctx, tx).Model(&models.Registration{}).Clauses(clause.Locking{Strength: "UPDATE"}).
		Where(tx.OneOf("identity_id", ids)).Where("state = 'active'").Order("identity_id").Pluck("identity_id", &none).Error
	return locked, err
}

// said returns a factory's newest statements about identifiers, by key, and keeps
// them from changing.
func (s store) said(ctx context.Context, tx *db.Tx, by models.PartnerID, keys [][]byte) (map[string]models.FactoryStatement, error) {
	found := make(map[string]models.FactoryStatement, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	q := in(ctx, tx).Where("key IN ? AND partner_id = ?", keys, by).Order("key")
	if tx.Dialect() == db.Postgres {
		q = q.Clauses(clause.Locking{Strength: "UPDATE"})
	}
	var statements []models.FactoryStatement
	err := q.Find(&statements).Error
	for _, st := range statements {
		found[string(st.Key)] = st
	}
	return found, err
}

// state writes statements of one factory in place of those they overrule.
func (s store) state(ctx context.Context, tx *db.Tx, overruled [][]byte, statements []models.FactoryStatement) error {
	if len(overruled) > 0 {
		if err := in(ctx, tx).Where("key IN ? AND partner_id = ?", overruled, statements[0].PartnerID).Delete(&models.FactoryStatement{}).Error; err != nil {
			return err
		}
	}
	return bulk(ctx, tx, "factory_statements", statementColumns, statements, statementValues)
}

// digests returns the digests of the captures that identities were taken from.
func (s store) digests(ctx context.Context, tx *db.Tx, ids []int64) (map[int64][]byte, error) {
	found := make(map[int64][]byte, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []models.IdentityHash
	err := in(ctx, tx).Select("identity_id", "digest").Where(tx.OneOf("identity_id", ids)).Find(&rows).Error
	for _, row := range rows {
		found[row.IdentityID] = row.Digest
	}
	return found, err
}

// registered returns the active registrations of a tenant among ids, with their
// identities.
func (s store) registered(ctx context.Context, tx *db.Tx, tenant models.TenantID, ids []models.DeviceID) ([]known, error) {
	var found []known
	err := in(ctx, tx).Table("registrations r").Select(knownColumns).
		Joins("JOIN identities ON identities.id = r.identity_id").
		Where("r.state = 'active' AND r.tenant_id = ? AND r.id IN ?", tenant, ids).Order("r.id").Scan(&found).Error
	return found, err
}

// endSQL ends registrations and keeps what is known of their devices now.
const endSQL = `UPDATE registrations SET state = 'ended', ended_at = ?, last_manufacturer = i.manufacturer, last_product = i.product,
	last_serial = i.serial, last_product_key = i.product_key, last_captured_at = i.captured_at
FROM identities i WHERE i.id = registrations.identity_id AND registrations.id IN ? AND registrations.state = 'active'`

// end ends registrations and frees their anchors. Factory records go on owning
// theirs; which are records is read once the registrations are ours to end, since
// a report may just have attached one.
func (s store) end(ctx context.Context, tx *db.Tx, e ending) error {
	if len(e.devices) == 0 {
		return nil
	}
	q := in(ctx, tx).Exec(endSQL, e.at, e.devices)
	if q.Error == nil && q.RowsAffected != int64(len(e.devices)) {
		return errRaced
	}
	if q.Error != nil {
		return q.Error
	}
	var ordinary []int64
	err := in(ctx, tx).Model(&models.Identity{}).Where(tx.OneOf("id", e.freed.identities)).
		Where("report_tracking_id = '' OR retired_at IS NOT NULL").Pluck("id", &ordinary).Error
	if err != nil || len(ordinary) == 0 {
		return err
	}
	return s.free(ctx, tx, freed{ordinary, e.freed.anchors})
}

// free takes anchors from their owners.
func (s store) free(ctx context.Context, tx *db.Tx, f freed) error {
	if len(f.anchors) == 0 {
		return nil
	}
	return in(ctx, tx).Where("kind IN ? AND key IN ?", anchorKinds, f.anchors).Where(tx.OneOf("identity_id", f.identities)).
		Delete(&models.RegistrationAnchor{}).Error
}

// write stores a plan: first what may collide with other transactions, in sorted
// order, so that a lost race costs little and no two writers wait for each other.
func (s store) write(ctx context.Context, tx *db.Tx, p *plan) error {
	steps := []func() error{
		func() error { return s.free(ctx, tx, p.freed) },
		func() error { return bulk(ctx, tx, "registration_anchors", anchorColumns, p.anchors, anchorValues) },
		func() error { return s.state(ctx, tx, p.overruled, p.statements) },
		func() error {
			return bulk(ctx, tx, "registrations", registrationColumns, p.registrations, registrationValues)
		},
		func() error { return s.change(ctx, tx, p.changes) },
		func() error { return bulk(ctx, tx, "identities", identityColumns, p.identities, identityValues) },
		func() error { return bulk(ctx, tx, "identity_hashes", hashColumns, p.hashes, hashValues) },
		func() error { return bulk(ctx, tx, "identity_keys", keyColumns, p.keys, keyValues) },
		func() error { return s.record(ctx, tx, p.events, p.answers) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// record appends to the history and stores the answers.
func (s store) record(ctx context.Context, tx *db.Tx, events []models.DeviceEvent, answers []models.StoredAnswer) error {
	if err := bulk(ctx, tx, "device_events", eventColumns, events, eventValues); err != nil {
		return err
	}
	return bulk(ctx, tx, "answers", answerColumns, answers, answerValues)
}

// change rewrites identities. Keys and hash bytes of those that were recognised
// in a newer capture are taken out here and come in again with the others.
func (s store) change(ctx context.Context, tx *db.Tx, changes []change) error {
	var ids, keys []int64
	for _, c := range changes {
		if c.recapture {
			ids, keys = append(ids, c.id), append(keys, c.oldKeys...)
		}
		if err := in(ctx, tx).Model(&models.Identity{}).Where("id = ?", c.id).Updates(c.columns).Error; err != nil {
			return err
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := in(ctx, tx).Where(tx.OneOf("identity_id", ids)).Delete(&models.IdentityHash{}).Error; err != nil {
		return err
	}
	// The sign keeps the second list out of the index: as conditions on both of its
	// columns, each key would be looked for with each identity.
	return in(ctx, tx).Where(tx.OneOf("key", keys)).Where(tx.OneOf("+identity_id", ids)).Delete(&models.IdentityKey{}).Error
}

// registered is a registration with its identity as it is now.
type registered struct {
	models.Registration
	Now models.LastKnown `gorm:"embedded;embeddedPrefix:now_"`
}

// registeredColumns reads what stands in a registered.
const registeredColumns = "r.*, i.manufacturer AS now_manufacturer, i.product AS now_product, i.serial AS now_serial, " +
	"i.product_key AS now_product_key, i.captured_at AS now_captured_at"

// seen is a look at registrations r within a scope, with their identities i.
func (s store) seen(ctx context.Context, scope Scope) *gorm.DB {
	in, args := scope.condition("r")
	return s.db.Read().WithContext(ctx).Table("registrations r").Select(registeredColumns).
		Joins("JOIN identities i ON i.id = r.identity_id").Where(in, args...)
}

// device returns a registration within a scope with its identity.
func (s store) device(ctx context.Context, scope Scope, id models.DeviceID) (found registered, err error) {
	err = s.seen(ctx, scope).Where("r.id = ?", id).Take(&found).Error
	return found, err
}

// devices returns registrations within a scope, newest first, older than before.
func (s store) devices(ctx context.Context, scope Scope, f Filter, before models.DeviceID, limit int) ([]registered, error) {
	q := s.seen(ctx, scope)
	if f.Serial == "" && f.ProductKey == "" {
		q = q.Where("r.id IN (?)", s.walk(ctx, scope, f, before, limit))
	} else {
		q = narrow(q, f)
	}
	if f.Serial != "" {
		q = q.Where(bySerial, f.Serial, f.Serial)
	}
	if key, ok := productKeyKey(f.ProductKey); ok {
		q = q.Where(byProductKey, key, f.ProductKey, f.ProductKey)
	}
	if before != "" {
		q = q.Where("r.id < ?", before)
	}
	var found []registered
	err := q.Order("r.id DESC").Limit(limit).Scan(&found).Error
	return found, err
}

// walk picks the ids of a page along the index of the tenant, or else of the partner.
// It spells equality as a range: with an equality PostgreSQL may walk the primary key
// instead, through everybody's devices, and hope to meet enough of this owner's.
func (s store) walk(ctx context.Context, scope Scope, f Filter, before models.DeviceID, limit int) *gorm.DB {
	column, owner := "r.partner_id", string(scope.Partner)
	if scope.Tenant != "" {
		column, owner = "r.tenant_id", string(scope.Tenant)
	}
	if f.Grant != "" {
		column, owner = "r.grant_id", string(f.Grant)
	}
	first, end := f.ids()
	if before != "" {
		end = min(end, before)
	}
	q := s.db.Read().WithContext(ctx).Table("registrations r").Select("r.id").
		Where("("+column+", r.id) >= (?, ?) AND ("+column+", r.id) < (?, ?)", owner, first, owner, end)
	if scope.Partner != "" && column != "r.partner_id" {
		q = q.Where("r.partner_id = ?", scope.Partner)
	}
	if scope.Tenant != "" && column != "r.tenant_id" {
		q = q.Where("r.tenant_id = ?", scope.Tenant)
	}
	return narrow(q, f).Order(column + " DESC, r.id DESC").Limit(limit)
}

// narrow applies what needs no look-up of a filter to registrations r.
func narrow(q *gorm.DB, f Filter) *gorm.DB {
	if f.State != "" {
		q = q.Where("r.state = ?", f.State)
	}
	if f.GroupTag != "" {
		q = q.Where("r.group_tag = ? AND r.group_tag <> ''", f.GroupTag) // the latter is the index's own condition
	}
	if f.Grant != "" {
		q = q.Where("r.grant_id = ? AND r.grant_id <> ''", f.Grant)
	}
	if f.Upload != "" {
		q = q.Where("r.tracking_id = ?", f.Upload)
	}
	if !f.Since.IsZero() {
		q = q.Where("r.registered_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		q = q.Where("r.registered_at < ?", f.Until)
	}
	return q
}

// Active registrations are found through what their identity says now, ended ones
// through what it said then.
const (
	bySerial = `r.id IN (SELECT id FROM registrations WHERE state = 'active' AND identity_id IN
		(SELECT id FROM identities WHERE lower(serial) = lower(?))
	UNION ALL SELECT id FROM registrations WHERE state = 'ended' AND lower(last_serial) = lower(?))`
	byProductKey = `r.id IN (SELECT id FROM registrations WHERE state = 'active' AND identity_id IN
		(SELECT k.identity_id FROM identity_keys k JOIN identities i ON i.id = k.identity_id WHERE k.key = ? AND i.product_key = ?)
	UNION ALL SELECT id FROM registrations WHERE state = 'ended' AND last_product_key = ?)`
)

// history returns what a scope may see of an identity's history, in the order it was
// written. A device id is left out unless its registration is within the scope, too:
// entries about another tenant's registration name it.
func (s store) history(ctx context.Context, scope Scope, identity, after int64, limit int) ([]models.DeviceEvent, error) {
	own, ownArgs := scope.condition("r")
	other, _ := scope.condition("o")
	in, args := scope.condition("e")
	var found []models.DeviceEvent
	err := s.db.Read().WithContext(ctx).Table("device_events e").
		Select("e.id, e.identity_id, COALESCE(r.id, '') AS device_id, e.kind, e.tenant_id, e.partner_id, e.client_id, e.grant_id, "+
			"e.tracking_id, e.ordinal, e.reason, e.at, e.why, e.case_id, COALESCE(o.id, '') AS other_device").
		Joins("LEFT JOIN registrations r ON r.id = e.device_id AND "+own, ownArgs...).
		Joins("LEFT JOIN registrations o ON o.id = e.other_device AND "+other, ownArgs...).
		Where("e.identity_id = ? AND e.id > ?", identity, after).Where(in, args...).
		Order("e.id").Limit(limit).Scan(&found).Error
	return found, err
}

// activeHolding returns the registered identities that hold one of the keys, outside a
// transaction.
func (s store) activeHolding(ctx context.Context, keys []int64) ([]known, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var found []known
	err := s.db.Read().WithContext(ctx).Table("identities").Select(knownColumns+", r.group_tag AS active_group_tag").
		Joins("JOIN registrations r ON r.identity_id = identities.id AND r.state = 'active'").
		Where("identities.id IN (SELECT identity_id FROM identity_keys WHERE key IN ?)", keys).Order("identities.id").Scan(&found).Error
	return found, err
}

// count returns how many devices a tenant has.
func (s store) count(ctx context.Context, tenant models.TenantID) (n int64, err error) {
	err = s.db.Read().WithContext(ctx).Model(&models.Registration{}).
		Where("tenant_id = ? AND state = ?", tenant, models.RegistrationActive).Count(&n).Error
	return n, err
}
