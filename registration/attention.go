package registration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"countersign/internal/db"
	"countersign/models"
	"countersign/registration/casebook"
	"countersign/registration/match"
	"countersign/registration/recordbook"
)

// dispute is a row in conflict as its case will keep it.
type dispute struct {
	*claim
	rule     int
	reason   match.Reason
	involved []*known
	rows     []*claim // other rows of the upload that it is in conflict with
}

func (f *finding) dispute() dispute {
	d := dispute{claim: f.claim, rule: f.verdict.Rule, reason: f.verdict.Reason, involved: involved(f.notes)}
	for _, other := range f.clashes {
		d.rows = append(d.rows, other.claim)
	}
	return d
}

func (f *reported) dispute() dispute {
	return dispute{claim: f.claim, rule: f.rule, reason: f.reason, involved: involved(f.notes)}
}

// involved are the devices whose history says that something conflicts with them.
func involved(notes []note) []*known {
	var out []*known
	for _, n := range notes {
		if n.kind == models.DeviceAttention {
			out = append(out, n.of)
		}
	}
	return out
}

// recordWithheld reports whether a reason keeps a factory's record from a partner
// though nobody doubts which device is meant.
func recordWithheld(r match.Reason) bool { return r == soldToAnother || r == keysInSequence }

// settlerOf says who may settle a conflict: the customer among its own devices and
// those of nobody, the manufacturer among its own unregistered records, and what
// concerns anybody else an operator, so that nobody decides about another's device.
func settlerOf(by models.Authority, reason match.Reason, involved []*known) (who models.Settler, id string) {
	if recordWithheld(reason) && len(involved) == 1 {
		return models.SettlerManufacturer, string(involved[0].ReportedBy)
	}
	for _, k := range involved {
		foreign := k.registered() && k.Active.TenantID != by.TenantID
		if by.Kind == models.ByFactory {
			foreign = k.registered() || k.onRecord() && k.ReportedBy != by.PartnerID
		}
		if foreign {
			return models.SettlerOperator, ""
		}
	}
	if by.Kind == models.ByFactory {
		return models.SettlerManufacturer, string(by.PartnerID)
	}
	return models.SettlerCustomer, string(by.TenantID)
}

// open opens a case for a row, or joins the one that is open already.
func (p *plan) open(d dispute) {
	a := p.sub.Authority
	settler, id := settlerOf(a, d.reason, d.involved)
	o := &casebook.Opening{Case: models.AttentionCase{
		ID: models.CaseID(p.newID()), State: models.CaseOpen, Settler: settler, SettlerID: id,
		Fingerprint: d.fingerprint(a), Rule: d.rule, Reason: string(d.reason),
		Authority: a.Kind, TenantID: a.TenantID, PartnerID: a.PartnerID, ClientID: a.ClientID, GrantID: a.GrantID,
		TrackingID: p.sub.Upload, Ordinal: d.row.Row, Rows: d.otherRows(), Times: 1, OpenedAt: p.now, LastSeenAt: p.now,
	}}
	if d.kind == claimHash {
		o.Capture = &models.CaseCapture{Digest: d.digest[:], Hash: d.row.Identity.Hash}
	}
	for _, k := range d.involved {
		o.Parties = append(o.Parties, partyOf(k, d.whyNot(k)))
	}
	p.cases = append(p.cases, o)
}

func partyOf(k *known, why string) models.CaseParty {
	party := models.CaseParty{IdentityID: k.ID, DeviceID: k.Active.ID, TenantID: k.Active.TenantID, PartnerID: k.Active.PartnerID, Why: why}
	if !k.registered() {
		party.PartnerID = k.ReportedBy
	}
	return party
}

// fingerprint is what makes two rows one case: the submitter, what was submitted,
// and what it conflicts with.
func (d dispute) fingerprint(a models.Authority) []byte {
	parts := []string{
		string(a.Kind), string(a.TenantID), string(a.PartnerID), string(d.reason), string(d.digest[:]),
		d.device.ProductKey, d.device.Manufacturer, d.device.Product, d.device.Serial,
	}
	var with []string
	for _, k := range d.involved {
		with = append(with, name(k))
	}
	for _, c := range d.rows {
		with = append(with, string(c.digest[:]))
	}
	slices.Sort(with)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", parts, with))
	return sum[:]
}

// otherRows names the rows it is in conflict with.
func (d dispute) otherRows() string {
	rows := make([]int, len(d.rows))
	for i, c := range d.rows {
		rows[i] = c.row.Row
	}
	return rowList(rows)
}

// nameCases puts the ids of cases, which stand once it is known which are open
// already, into answers and histories.
func (p *plan) nameCases() {
	if len(p.cases) == 0 {
		return
	}
	ids := make(map[int]models.CaseID, len(p.cases))
	for _, o := range p.cases {
		ids[o.Case.Ordinal] = o.Case.ID
	}
	for i, a := range p.given {
		if id, ok := ids[a.Row]; ok {
			p.given[i].Detail = fmt.Sprintf(sentenceCase, a.Detail, id)
		}
	}
	for i, a := range p.answers {
		if id, ok := ids[a.Ordinal]; ok {
			detail := given(a).Detail // the standard sentence is not stored
			p.answers[i].Detail = fmt.Sprintf(sentenceCase, detail, id)
		}
	}
	for i, e := range p.events {
		if id, ok := ids[e.Ordinal]; ok && e.Kind == models.DeviceAttention {
			p.events[i].CaseID = id
		}
	}
}

// share says that a device may have to do without an anchor, because a device that
// it was told apart from owns it.
func (p *plan) share(k *known) {
	if len(k.apart) == 0 {
		return
	}
	if p.apart == nil {
		p.apart = map[int64][]int64{}
	}
	p.apart[k.ID] = append(p.apart[k.ID], k.apart...)
}

// yield leaves out the anchors that are owned by devices told apart from those
// that want them. The arbiter has one owner per anchor; a person's word that two
// devices share one does not give it a second.
func (p *plan) yield(ctx context.Context, tx *db.Tx) error {
	var wanted [][]byte
	for _, a := range p.anchors {
		if len(p.apart[a.IdentityID]) > 0 {
			wanted = append(wanted, a.Key)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	owners, err := casebook.Owners(ctx, tx, wanted)
	if err != nil {
		return err
	}
	p.anchors = slices.DeleteFunc(p.anchors, func(a models.RegistrationAnchor) bool {
		from := p.apart[a.IdentityID]
		if len(from) == 0 {
			return false
		}
		same := func(o models.RegistrationAnchor) bool { return o.Kind == a.Kind && bytes.Equal(o.Key, a.Key) }
		owned := slices.ContainsFunc(owners, func(o models.RegistrationAnchor) bool { return same(o) && slices.Contains(from, o.IdentityID) })
		return owned || slices.ContainsFunc(p.anchors, func(o models.RegistrationAnchor) bool {
			return same(o) && o.IdentityID < a.IdentityID && slices.Contains(from, o.IdentityID)
		})
	})
	return nil
}

// apart fills in which of the candidates were told apart.
func apart(ctx context.Context, tx *db.Tx, found []known) error {
	pairs, err := casebook.Pairs(ctx, tx, numbers(found))
	tellApart(found, pairs)
	return err
}

// apartNow is apart for who only reads.
func (r *Registrar) apartNow(ctx context.Context, found []known) error {
	pairs, err := casebook.PairsNow(ctx, r.store.db, numbers(found))
	tellApart(found, pairs)
	return err
}

func tellApart(found []known, pairs map[int64][]int64) {
	for i := range found {
		found[i].apart = pairs[found[i].ID]
	}
}

func numbers(found []known) []int64 {
	ids := make([]int64, len(found))
	for i := range found {
		ids[i] = found[i].ID
	}
	return ids
}

// finish writes what was decided.
func (r *Registrar) finish(ctx context.Context, tx *db.Tx, p *plan) error {
	slices.SortStableFunc(p.cases, func(a, b *casebook.Opening) int { return bytes.Compare(a.Case.Fingerprint, b.Case.Fingerprint) })
	if err := casebook.Join(ctx, tx, p.cases); err != nil {
		return err
	}
	p.nameCases()
	if err := p.nameRecords(ctx, tx); err != nil {
		return err
	}
	if err := p.yield(ctx, tx); err != nil {
		return err
	}
	r.pause(decided)
	if err := r.store.end(ctx, tx, ending{devices: p.ended, at: p.now}); err != nil {
		return err
	}
	if err := r.store.write(ctx, tx, p); err != nil {
		return err
	}
	if err := recordbook.Miss(ctx, tx, p.sub.Authority.PartnerID, p.missed, p.now); err != nil {
		return err
	}
	if err := casebook.Write(ctx, tx, p.cases); err != nil {
		return err
	}
	r.pause(written)
	return nil
}
