package casebook

import (
	"context"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"countersign/internal/db"
	"countersign/models"
)

// Opening is a case that a submission opens, or joins when it is open already.
type Opening struct {
	Case    models.AttentionCase
	Capture *models.CaseCapture // nil for a claim without a hash
	Parties []models.CaseParty
	Joins   bool // the case is open already; set by Join
}

func in(ctx context.Context, tx *db.Tx) *gorm.DB { return tx.Gorm().WithContext(ctx) }

// Join finds out which cases are open already and gives their ids to the openings.
// An opening that another transaction makes at the same time meets the unique
// index when it is written: that is a lost race, and the next attempt joins it.
func Join(ctx context.Context, tx *db.Tx, openings []*Opening) error {
	if len(openings) == 0 {
		return nil
	}
	prints := make([][]byte, len(openings))
	for i, o := range openings {
		prints[i] = o.Case.Fingerprint
	}
	var open []models.AttentionCase
	err := in(ctx, tx).Select("id", "fingerprint").Where("fingerprint IN ? AND state = 'open'", prints).Find(&open).Error
	ids := make(map[string]models.CaseID, len(open))
	for _, c := range open {
		ids[string(c.Fingerprint)] = c.ID
	}
	for _, o := range openings {
		if id, ok := ids[string(o.Case.Fingerprint)]; ok {
			o.Case.ID, o.Joins = id, true
			continue
		}
		ids[string(o.Case.Fingerprint)] = o.Case.ID // a second row of this dispatch joins the first
	}
	return err
}

// Write stores openings in the order of their fingerprints, so that two
// transactions never wait for each other.
func Write(ctx context.Context, tx *db.Tx, openings []*Opening) error {
	for _, o := range openings {
		if err := write(ctx, tx, o); err != nil {
			return err
		}
	}
	return nil
}

func write(ctx context.Context, tx *db.Tx, o *Opening) error {
	g := in(ctx, tx)
	if o.Joins {
		return g.Model(&models.AttentionCase{}).Where("id = ?", o.Case.ID).
			Updates(map[string]any{"times": gorm.Expr("times + 1"), "last_seen_at": o.Case.LastSeenAt}).Error
	}
	if err := g.Create(&o.Case).Error; err != nil {
		return err
	}
	if o.Capture != nil {
		o.Capture.CaseID = o.Case.ID
		if err := g.Create(o.Capture).Error; err != nil {
			return err
		}
	}
	for i := range o.Parties {
		o.Parties[i].CaseID = o.Case.ID
	}
	if len(o.Parties) == 0 {
		return nil
	}
	return g.CreateInBatches(o.Parties, 500).Error
}

// Viewer says whose cases a reader may see: a partner those of its own submissions
// and those it may settle, a tenant those of its tenant, with both those that are
// of both; an operator all. Nobody else sees any.
type Viewer struct {
	Partner  models.PartnerID
	Tenant   models.TenantID
	Operator bool
}

func (v Viewer) narrow(q *gorm.DB) *gorm.DB {
	if v.Partner == "" && v.Tenant == "" && !v.Operator {
		return q.Where("1 = 0")
	}
	if v.Partner != "" {
		q = q.Where("(c.partner_id = ? OR c.settler = 'manufacturer' AND c.settler_id = ?)", v.Partner, v.Partner)
	}
	if v.Tenant != "" {
		q = q.Where("c.tenant_id = ?", v.Tenant)
	}
	return q
}

// party narrows case_parties p to those whose device the viewer knows anyway.
func (v Viewer) party() (sql string, args []any) {
	var parts []string
	if v.Partner != "" {
		parts, args = append(parts, "p.partner_id = ?"), append(args, v.Partner)
	}
	if v.Tenant != "" {
		parts, args = append(parts, "p.tenant_id = ?"), append(args, v.Tenant)
	}
	if len(parts) == 0 {
		return "1 = 1", nil
	}
	return strings.Join(parts, " AND "), args
}

// Filter narrows a list of cases. Empty fields do not narrow.
type Filter struct {
	State   models.CaseState
	Settler models.Settler
	Reason  string
	Device  models.DeviceID // involved in the case, and one the viewer knows
}

// List returns cases, newest first, older than before.
func List(ctx context.Context, d *db.DB, v Viewer, f Filter, before models.CaseID, limit int) ([]models.AttentionCase, error) {
	q := v.narrow(d.Read().WithContext(ctx).Table("attention_cases c"))
	if f.State != "" {
		q = q.Where("c.state = ?", f.State)
	}
	if f.Settler != "" {
		q = q.Where("c.settler = ?", f.Settler)
	}
	if f.Reason != "" {
		q = q.Where("c.reason = ?", f.Reason)
	}
	if f.Device != "" {
		known, args := v.party()
		q = q.Where("c.id IN (SELECT p.case_id FROM case_parties p WHERE p.device_id = ? AND "+known+")", append([]any{f.Device}, args...)...)
	}
	if before != "" {
		q = q.Where("c.id < ?", before)
	}
	var found []models.AttentionCase
	err := q.Order("c.id DESC").Limit(limit).Scan(&found).Error
	return found, err
}

// Get returns one case.
func Get(ctx context.Context, d *db.DB, v Viewer, id models.CaseID) (found models.AttentionCase, err error) {
	err = v.narrow(d.Read().WithContext(ctx).Table("attention_cases c")).Where("c.id = ?", id).Take(&found).Error
	return found, err
}

// PartiesOf returns who is involved in cases.
func PartiesOf(ctx context.Context, d *db.DB, ids []models.CaseID) (map[models.CaseID][]models.CaseParty, error) {
	found := make(map[models.CaseID][]models.CaseParty, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []models.CaseParty
	err := d.Read().WithContext(ctx).Where("case_id IN ?", ids).Order("case_id, identity_id").Find(&rows).Error
	for _, p := range rows {
		found[p.CaseID] = append(found[p.CaseID], p)
	}
	return found, err
}

// CaptureOf returns the capture of a case; nil when it has none.
func CaptureOf(ctx context.Context, d *db.DB, id models.CaseID) (*models.CaseCapture, error) {
	var rows []models.CaseCapture
	err := d.Read().WithContext(ctx).Where("case_id = ?", id).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// Lock returns a case and who is involved, and keeps it from changing.
func Lock(ctx context.Context, tx *db.Tx, id models.CaseID) (c models.AttentionCase, parties []models.CaseParty, err error) {
	g := in(ctx, tx)
	q := g.Where("id = ?", id)
	if tx.Dialect() == db.Postgres {
		q = q.Clauses(clause.Locking{Strength: "UPDATE"})
	}
	if err = q.Take(&c).Error; err == nil {
		err = g.Where("case_id = ?", id).Order("identity_id").Find(&parties).Error
	}
	return c, parties, err
}

// Settle stores what became of a case, and the pairs it tells apart.
func Settle(ctx context.Context, tx *db.Tx, c models.AttentionCase, pairs []models.SettledPair) error {
	if len(pairs) > 0 {
		if err := in(ctx, tx).Clauses(clause.OnConflict{DoNothing: true}).Create(&pairs).Error; err != nil {
			return err
		}
	}
	return in(ctx, tx).Model(&models.AttentionCase{}).Where("id = ?", c.ID).Updates(map[string]any{
		"state": c.State, "settled_at": c.SettledAt, "settled_as": c.SettledAs, "settled_by": c.SettledBy,
		"settled_by_id": c.SettledByID, "settled_device": c.SettledDevice, "result_device": c.ResultDevice, "note": c.Note,
	}).Error
}

// Siblings returns the digests of the captures of other cases of an upload.
func Siblings(ctx context.Context, tx *db.Tx, of models.AttentionCase, rows []int) ([][]byte, error) {
	var digests [][]byte
	err := in(ctx, tx).Table("case_captures k").Select("k.digest").Joins("JOIN attention_cases c ON c.id = k.case_id").
		Where("c.tracking_id = ? AND c.ordinal IN ?", of.TrackingID, rows).Order("k.digest").Scan(&digests).Error
	return digests, err
}

// Pairs returns which of the identities were told apart from others, and from whom.
func Pairs(ctx context.Context, tx *db.Tx, ids []int64) (map[int64][]int64, error) {
	if len(ids) == 0 {
		return map[int64][]int64{}, nil
	}
	return apart(in(ctx, tx).Where(tx.OneOf("low", ids)).Or(tx.OneOf("high", ids)))
}

// PairsNow is Pairs for who only reads, about a few identities.
func PairsNow(ctx context.Context, d *db.DB, ids []int64) (map[int64][]int64, error) {
	if len(ids) == 0 {
		return map[int64][]int64{}, nil
	}
	return apart(d.Read().WithContext(ctx).Where("low IN ? OR high IN ?", ids, ids))
}

func apart(q *gorm.DB) (map[int64][]int64, error) {
	apart := map[int64][]int64{}
	var pairs []models.SettledPair
	err := q.Select("low", "high").Order("low, high").Find(&pairs).Error
	for _, p := range pairs {
		apart[p.Low], apart[p.High] = append(apart[p.Low], p.High), append(apart[p.High], p.Low)
	}
	return apart, err
}

// Identities reads identities by their numbers.
func Identities(ctx context.Context, tx *db.Tx, ids []int64) (found []models.Identity, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return found, in(ctx, tx).Where(tx.OneOf("id", ids)).Order("id").Find(&found).Error
}

// Registrations reads registrations by their device ids.
func Registrations(ctx context.Context, tx *db.Tx, ids []models.DeviceID) (map[models.DeviceID]models.Registration, error) {
	found := make(map[models.DeviceID]models.Registration, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []models.Registration
	err := in(ctx, tx).Where("id IN ?", ids).Find(&rows).Error
	for _, r := range rows {
		found[r.ID] = r
	}
	return found, err
}

// Owners returns who owns which of the anchors.
func Owners(ctx context.Context, tx *db.Tx, keys [][]byte) (found []models.RegistrationAnchor, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	return found, in(ctx, tx).Where("kind IN ('E', 'U', 'S') AND key IN ?", keys).Find(&found).Error
}

// Explained returns the entries of a device's history that say why, oldest first,
// after a place. Devices outside the reader's scope are left blank; ownRegistration
// and ownEntry say in SQL what is in it, of registrations r, o and entries e.
func Explained(ctx context.Context, d *db.DB, ask Explaining, after int64, limit int) ([]models.DeviceEvent, error) {
	var found []models.DeviceEvent
	err := d.Read().WithContext(ctx).Table("device_events e").
		Select("e.id, e.kind, COALESCE(r.id, '') AS device_id, COALESCE(o.id, '') AS other_device, e.tenant_id, e.partner_id, "+
			"e.tracking_id, e.ordinal, e.reason, e.at, e.why, e.case_id").
		Joins("LEFT JOIN registrations r ON r.id = e.device_id AND "+ask.Own("r"), ask.Args...).
		Joins("LEFT JOIN registrations o ON o.id = e.other_device AND "+ask.Own("o"), ask.Args...).
		Where("e.identity_id = ? AND e.id > ? AND e.why <> ''", ask.Identity, after).Where(ask.Own("e"), ask.Args...).
		Order("e.id").Limit(limit).Scan(&found).Error
	return found, err
}

// Explaining asks for the explanations of one device.
type Explaining struct {
	Identity int64
	Own      func(table string) string // the condition that a row of a table is the reader's
	Args     []any                     // of the condition
}
