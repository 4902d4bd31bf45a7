package registration

import (
	"context"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// ending is what a removal writes: registrations that end and the anchors that
// become free.
type ending struct {
	devices []models.DeviceID
	freed   freed
	at      time.Time
}

// removing is one removal of a group of rows.
type removing struct {
	r   *Registrar
	sub models.Submission
}

func (m *removing) prepare(context.Context) error { return nil }

func (m *removing) execute(ctx context.Context, tx *db.Tx) (models.Result, error) {
	adm, err := m.r.admit(ctx, tx, m.sub)
	if err != nil || len(adm.open) == 0 || adm.refusal != nil {
		return models.Result{Answers: sortAnswers(adm.answers), Refusal: adm.refusal}, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return models.Result{}, err
	}
	ids := make([]models.DeviceID, len(adm.open))
	for i, row := range adm.open {
		ids[i] = row.DeviceID
	}
	found, err := m.r.store.registered(ctx, tx, m.sub.Authority.TenantID, ids)
	if err != nil {
		return models.Result{}, err
	}
	out := m.decide(adm.open, found, now)
	m.r.pause(decided)
	if err := m.r.store.end(ctx, tx, out.ending); err != nil {
		return models.Result{}, err
	}
	if err := m.r.store.record(ctx, tx, out.events, out.stored(m.sub.Upload, now)); err != nil {
		return models.Result{}, err
	}
	m.r.pause(written)
	return models.Result{Answers: sortAnswers(append(adm.answers, out.answers...))}, nil
}

// removal is what one submission of removals comes to.
type removal struct {
	ending  ending
	events  []models.DeviceEvent
	answers []models.Answer
}

func (o *removal) stored(upload models.TrackingID, now time.Time) []models.StoredAnswer {
	out := make([]models.StoredAnswer, len(o.answers))
	for i, a := range o.answers {
		out[i] = kept(upload, a, now)
	}
	return out
}

// decide answers rows in the order of their numbers: the first that names a
// device ends its registration.
func (m *removing) decide(rows []models.CoreRow, found []known, now time.Time) removal {
	byID := make(map[models.DeviceID]*known, len(found))
	for i := range found {
		byID[found[i].Active.ID] = &found[i]
	}
	out := removal{ending: ending{at: now}}
	taken := make(map[models.DeviceID]int, len(rows))
	for _, row := range byNumber(rows) {
		k := byID[row.DeviceID]
		if k == nil || !mayRemove(m.sub.Authority, k.Active) {
			out.answers = append(out.answers, answer(row.Row, models.OutcomeNotRegistered, ""))
			continue
		}
		if first, twice := taken[row.DeviceID]; twice {
			out.answers = append(out.answers, duplicate(row.Row, first))
			continue
		}
		taken[row.DeviceID] = row.Row
		out.remove(m.sub, row, k)
	}
	return out
}

// mayRemove: the tenant may remove any of its devices, a partner what it
// registered itself. The caller's tenant is known to be the owner's.
func mayRemove(a models.Authority, o owner) bool {
	return a.Kind == models.ByTenant || o.PartnerID == a.PartnerID
}

func (o *removal) remove(sub models.Submission, row models.CoreRow, k *known) {
	o.ending.devices = append(o.ending.devices, k.Active.ID)
	o.ending.freed.add(&k.Identity)
	o.events = append(o.events, event(sub, row.Row, models.DeviceRemoved, k.ID, k.Active.ID, o.ending.at))
	done := answer(row.Row, models.OutcomeRegistered, sentenceRemoved)
	done.DeviceID = k.Active.ID
	o.answers = append(o.answers, done)
}
