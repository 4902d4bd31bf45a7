package registration

import (
	"bytes"
	"context"
	"slices"
	"strconv"

	"countersign/internal/db"
	"countersign/models"
	"countersign/registration/casebook"
	"countersign/registration/match"
)

// What each kind of settlement does.

// decide fills the plan and the case with what the decision means.
func (g *settling) decide(ctx context.Context, tx *db.Tx) error {
	as := g.s.As
	now := g.p.now
	g.c.State, g.c.SettledAt, g.c.SettledAs = models.CaseSettled, &now, &as
	g.c.SettledBy, g.c.SettledByID, g.c.Note = g.s.Authority.Kind, g.s.Authority.ClientID, plain(g.s.Note)
	switch {
	case g.claim == nil || recordWithheld(match.Reason(g.c.Reason)):
		return g.withoutCapture()
	case as == models.SettledSame:
		return g.same()
	case as == models.SettledReplaces:
		return g.replaces()
	}
	return g.different(ctx, tx)
}

// withoutCapture closes a case about which device is meant nobody doubts.
func (g *settling) withoutCapture() error {
	if g.s.As == models.SettledReplaces {
		return ErrSettlement.WithDetail("Nothing was captured that could replace a device. Settle the case as same or as different.")
	}
	if recordWithheld(match.Reason(g.c.Reason)) && g.s.As == models.SettledSame && len(g.involved) == 1 {
		g.p.changes = append(g.p.changes, change{id: g.involved[0].ID, columns: map[string]any{"sold_to": g.c.PartnerID}})
	}
	g.record(nil, "")
	return nil
}

// same merges the capture into the device that is meant.
func (g *settling) same() error {
	k, err := g.meant()
	if err != nil {
		return err
	}
	become := merge(k.Identity, g.claim.device)
	if len(inTheWay(&become, g.among, g.involved...)) > 0 {
		return ErrCaseOutdated
	}
	g.tellApart(k.ID, k)
	if k.registered() || k.onRecord() {
		g.p.refresh(k, g.claim)
	} else {
		g.p.renew(k, g.claim)
	}
	g.record(k, "")
	return nil
}

// different makes the capture a device of its own, unless it is one already.
func (g *settling) different(ctx context.Context, tx *db.Tx) error {
	if g.s.Device != "" {
		return ErrSettlement.WithDetail("Different means a device of its own, unlike each that is involved. Name no device.")
	}
	own := g.verdict.to // another case, or a row since, has made it one
	if own == nil {
		own = &known{Identity: g.p.learn(g.claim)}
	}
	g.tellApart(own.ID, own)
	if err := g.tellSiblingsApart(ctx, tx, own); err != nil {
		return err
	}
	g.record(nil, "")
	g.note(own, models.SettledDifferent)
	return nil
}

// tellSiblingsApart stores that rows of one upload which were in conflict with each
// other are different devices, as far as they have become devices by now.
func (g *settling) tellSiblingsApart(ctx context.Context, tx *db.Tx, own *known) error {
	var rows []int
	for _, text := range rowsOf(g.c) {
		if n, err := strconv.Atoi(text); err == nil && n != g.c.Ordinal {
			rows = append(rows, n)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	siblings, err := casebook.Siblings(ctx, tx, g.c, rows)
	if err != nil {
		return err
	}
	for _, k := range g.among {
		digests, err := g.r.store.digests(ctx, tx, []int64{k.ID})
		if err != nil {
			return err
		}
		for _, digest := range siblings {
			if k.ID != own.ID && bytes.Equal(digests[k.ID], digest) {
				g.pair(own.ID, k.ID)
			}
		}
	}
	return nil
}

// replaces ends the registration that is meant in favour of the capture.
func (g *settling) replaces() error {
	old, err := g.meant()
	if err != nil {
		return err
	}
	if !old.registered() {
		return ErrSettlement.WithDetail("Only a registered device can be replaced, and none is involved. Settle the case as same or as different.")
	}
	f := &finding{claim: g.claim, verdict: g.verdict}
	switch {
	case g.verdict.Outcome == match.Attention, g.verdict.Outcome == match.Match && g.verdict.to.registered():
		return ErrCaseOutdated
	case g.verdict.Outcome == match.Match:
		f.at = g.verdict.to
	}
	id := g.claim.device.ID
	if f.at != nil {
		id = f.at.ID
	}
	become := g.claim.device
	if f.at != nil {
		become = merge(f.at.Identity, g.claim.device)
	}
	become.ID = id
	if len(inTheWay(&become, g.among, append(slices.Clone(g.involved), &known{Identity: become})...)) > 0 {
		return ErrCaseOutdated
	}
	return g.exchange(f, old, id)
}

// exchange writes the replacement. The new registration is the submitter's, whose
// row is carried out by it, unless the device is another tenant's: then it stays
// with whoever registered the old one.
func (g *settling) exchange(f *finding, old *known, id int64) error {
	g.tellApart(id, old)
	reg, submitted := g.regs[old.Active.ID], g.p.sub
	if old.Active.TenantID != g.c.TenantID {
		g.p.sub = models.Submission{Upload: reg.TrackingID, Authority: models.Authority{
			Kind: reg.Authority, TenantID: reg.TenantID, PartnerID: reg.PartnerID, ClientID: reg.ClientID, GrantID: reg.GrantID,
		}}
		g.claim.row.Row = reg.Ordinal
	}
	next, err := g.p.exchange(f, old, reg)
	g.p.sub = submitted
	if err != nil {
		return err
	}
	g.c.ResultDevice = next
	g.record(old, next)
	return nil
}

// tellApart stores that the device which the capture is differs from every party
// but the one that is meant.
func (g *settling) tellApart(id int64, meant *known) {
	for _, k := range g.involved {
		if k.ID != id && k.ID != meant.ID {
			g.pair(id, k.ID)
		}
	}
}

// pair stores that two identities are different devices.
func (g *settling) pair(a, b int64) {
	low, high := min(a, b), max(a, b)
	g.pairs = append(g.pairs, models.SettledPair{Low: low, High: high, CaseID: g.c.ID, SettledAt: g.p.now})
	if g.p.apart == nil {
		g.p.apart = map[int64][]int64{}
	}
	g.p.apart[a], g.p.apart[b] = append(g.p.apart[a], b), append(g.p.apart[b], a)
}

// record puts the settlement into the case and into the history of every party.
func (g *settling) record(meant *known, next models.DeviceID) {
	if meant != nil {
		g.c.SettledDevice = meant.Active.ID
	}
	for _, k := range g.involved {
		e := g.note(k, g.s.As)
		e.Why = g.whyNot(k)
		switch {
		case meant == nil:
		case k.ID == meant.ID:
			e.OtherDevice = next
		default:
			e.Reason = string(models.SettledDifferent)
		}
	}
}

func (g *settling) whyNot(k *known) string {
	if g.claim == nil {
		return ""
	}
	return g.claim.whyNot(k, g.c.Rule, false)
}

// note tells the history of a device about the settlement. Its owner reads it, who
// is told of the case and its row only when the row was submitted for that owner.
func (g *settling) note(k *known, as models.Settlement) *models.DeviceEvent {
	e := models.DeviceEvent{
		IdentityID: k.ID, DeviceID: k.Active.ID, Kind: models.DeviceSettled, TenantID: k.Active.TenantID, PartnerID: k.Active.PartnerID,
		Reason: string(as), At: g.p.now,
	}
	if !k.registered() {
		e.TenantID, e.PartnerID = g.c.TenantID, g.c.PartnerID
	}
	if e.TenantID == g.c.TenantID {
		e.CaseID = g.c.ID
	}
	if e.TenantID == g.c.TenantID && e.PartnerID == g.c.PartnerID {
		e.TrackingID, e.Ordinal = g.c.TrackingID, g.c.Ordinal
	}
	g.p.events = append(g.p.events, e)
	return &g.p.events[len(g.p.events)-1]
}
