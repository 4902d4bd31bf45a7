package registration

import (
	"bytes"
	"slices"

	"countersign/models"
)

// fill judges the rows and writes what follows into a plan.
func (d *reports) fill(p *plan) {
	for _, f := range d.rows {
		d.judge(f)
	}
	d.compareRows()
	kept := map[*known]bool{nil: true} // records that a standing row renews are not in its way
	for _, f := range d.rows {
		if f.standing {
			kept[f.at] = true
		}
	}
	for _, f := range d.rows {
		d.carryOut(p, f, kept)
	}
	d.state(p)
	p.sort()
}

// carryOut writes one row into the plan and answers it.
func (d *reports) carryOut(p *plan, f *reported, kept map[*known]bool) {
	for _, n := range f.notes {
		p.note(f.row.Row, n.kind, n.of.ID, n.of.Active.ID, string(f.reason)).Why = f.whyNot(n.of)
	}
	retired := 0
	if f.heard {
		retired = d.clear(p, f, kept)
	}
	switch {
	case f.answer != nil:
	case f.kind == claimKey:
		d.answerReturned(f, retired > 0 || f.overtook)
	case f.standing:
		f.close(models.OutcomeRegistered, d.keep(p, f))
	}
	if f.answer.Code == models.OutcomeNeedsAttention {
		p.open(f.dispute())
	}
	p.say(*f.answer)
}

// clear retires the OEM's unregistered records that are older than a row and share
// a name with it.
func (d *reports) clear(p *plan, f *reported, kept map[*known]bool) (retired int) {
	as, kind := models.RetiredSuperseded, models.DeviceSuperseded
	if f.kind == claimKey {
		as, kind = models.RetiredWithdrawn, models.DeviceWithdrawn
	}
	for _, k := range d.known.of(f.claim) {
		if kept[k] || !d.own(k) || k.registered() || d.newer(k, f) || !f.namesDevice(k) {
			continue
		}
		kept[k] = true // gone, and so no later row's to retire
		retired++
		p.changes = append(p.changes, change{id: k.ID, columns: map[string]any{"retired_at": p.now, "retired_as": as}})
		p.freed.add(&k.Identity)
		p.note(f.row.Row, kind, k.ID, "", "")
	}
	return retired
}

// answerReturned answers a returned key that no newer report states.
func (d *reports) answerReturned(f *reported, withdrew bool) {
	_, stated := d.said[f.names[0]]
	switch {
	case withdrew:
		f.close(models.OutcomeRegistered, sentenceWithdrawn)
	case stated && d.said[f.names[0]].PartnerID == d.by:
		f.close(models.OutcomeRegistered, sentenceWithdrawnBefore)
	default:
		f.close(models.OutcomeNotFound, sentenceNothingToReturn)
	}
}

// keep writes the record of a standing row and says what it was.
func (d *reports) keep(p *plan, f *reported) string {
	if f.at == nil {
		f.device.ReportTrackingID, f.device.ReportRow, f.device.SoldTo = d.upload, f.row.Row, f.row.SoldTo
		identity := p.learn(f.claim)
		p.anchors = append(p.anchors, anchorsOf(&identity)...)
		p.note(f.row.Row, models.DeviceReported, identity.ID, "", "")
		return sentenceReported
	}
	p.note(f.row.Row, models.DeviceReported, f.at.ID, f.at.Active.ID, "").Why = f.whyAt()
	switch {
	case f.at.registered():
		d.attach(p, f)
		return sentenceAttached
	case d.saysNothingNew(f):
		p.changes = append(p.changes, change{id: f.at.ID, columns: recordChanges(d.record(f, f.at.Identity))})
		return sentenceNothingNew
	}
	d.renew(p, f)
	return sentenceRenewed
}

// record puts a row's report on an identity.
func (d *reports) record(f *reported, i models.Identity) models.Identity {
	i.ReportedBy, i.ReportTrackingID, i.ReportRow, i.SoldTo = d.by, d.upload, f.row.Row, f.row.SoldTo
	return i
}

// saysNothingNew: the record was taken from this capture, and says the same beside it.
func (d *reports) saysNothingNew(f *reported) bool {
	k := f.at
	return d.own(k) && k.SoldTo == f.row.SoldTo && k.ProductKey == f.device.ProductKey &&
		bytes.Equal(d.captures[k.ID], f.digest[:])
}

// attach puts the report on a registered device. What a registration knows of its
// hardware is not the OEM's to rewrite; only an unknown product key id is filled in.
func (d *reports) attach(p *plan, f *reported) {
	identity := d.record(f, f.at.Identity)
	if identity.ProductKey == "" && f.device.ProductKey != "" {
		identity.ProductKey = f.device.ProductKey
		if k, ok := productKeyKey(identity.ProductKey); ok {
			p.keys = append(p.keys, models.IdentityKey{Key: k, IdentityID: identity.ID})
		}
	}
	p.changes = append(p.changes, change{id: identity.ID, columns: recordChanges(identity)})
}

// renew makes a record say exactly what its newest report says: a merge with older
// reports would depend on the order in which they are executed.
func (d *reports) renew(p *plan, f *reported) {
	identity := d.record(f, f.device)
	identity.ID, identity.CapturedAt = f.at.ID, p.now
	columns := identityChanges(identity)
	for name, value := range recordChanges(identity) {
		columns[name] = value
	}
	p.changes = append(p.changes, change{id: identity.ID, columns: columns, recapture: true, oldKeys: keysOf(&f.at.Identity)})
	if f.at.onRecord() {
		p.freed.add(&f.at.Identity)
	}
	p.share(f.at)
	p.anchors = append(p.anchors, anchorsOf(&identity)...)
	p.capture(identity, f.claim)
}

// state writes the OEM's newest statement about each name.
func (d *reports) state(p *plan) {
	newest := map[string]*reported{}
	for _, f := range d.rows {
		for _, name := range f.names {
			if f.heard && d.mayState(f, name) {
				newest[name] = f
			}
		}
	}
	for name, f := range newest {
		if _, ok := d.said[name]; ok {
			p.overruled = append(p.overruled, []byte(name))
		}
		p.statements = append(p.statements, models.FactoryStatement{
			Key: []byte(name), PartnerID: d.by, TrackingID: d.upload, Ordinal: f.row.Row,
		})
	}
	slices.SortFunc(p.overruled, bytes.Compare)
}

func (d *reports) mayState(f *reported, name string) bool {
	st, ok := d.said[name]
	if !ok || f.standing {
		return true
	}
	return before(st.TrackingID, st.Ordinal, d.upload, f.row.Row)
}
