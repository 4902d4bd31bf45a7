package registration

import (
	"context"
	"fmt"
	"slices"

	"countersign/internal/db"
	"countersign/models"
	"countersign/registration/casebook"
	"countersign/registration/match"
)

// Replace puts other hardware in the place of registered devices, as a repair does:
// "this hash replaces device X". In one transaction the registration of X ends, its
// identity is retired and its anchors are freed, and the capture is registered to
// the same tenant under a new device id, with the order data of X where the row
// states none. A row is answered with 807 unless the tenant has X and the caller is
// the tenant itself or the partner that registered it. A capture of X itself
// replaces nothing and only renews what is known of it; one of another device that
// the tenant has is 9003, of another tenant's 808. Everything else is as for
// Register.
func (r *Registrar) Replace(ctx context.Context, sub models.Submission) (models.Result, error) {
	if err := checkSubmission(sub); err != nil {
		return models.Result{}, err
	}
	return r.run(ctx, sub.Rows, func(rows []models.CoreRow) step {
		return &replacing{claiming{r: r, sub: withRows(sub, rows)}}
	})
}

// replacing is one attempt at a group of replacements.
type replacing struct{ claiming }

func (g *replacing) prepare(ctx context.Context) error {
	for _, row := range byNumber(g.sub.Rows) {
		if len(row.Identity.Hash) == 0 {
			g.claims = append(g.claims, settled(row, models.OutcomeMissingIdentifier, sentenceReplaceNeedsHash))
			continue
		}
		g.claims = append(g.claims, readHash(row))
	}
	return g.r.number(ctx, g.claims)
}

func (g *replacing) execute(ctx context.Context, tx *db.Tx) (models.Result, error) {
	adm, err := g.r.admit(ctx, tx, g.sub)
	if err != nil || len(adm.open) == 0 || adm.refusal != nil {
		return models.Result{Answers: sortAnswers(adm.answers), Refusal: adm.refusal}, err
	}
	d := &replacements{deciding: deciding{authority: g.sub.Authority}}
	claims := g.openClaims(adm.open)
	if err := g.look(ctx, tx, d, claims); err != nil {
		return models.Result{}, err
	}
	p := &plan{sub: g.sub, newID: g.r.newID}
	if p.now, err = tx.Now(ctx); err != nil {
		return models.Result{}, err
	}
	if err := d.fill(p, claims); err != nil {
		return models.Result{}, err
	}
	if err := g.r.finish(ctx, tx, p); err != nil {
		return models.Result{}, err
	}
	return models.Result{Answers: sortAnswers(append(adm.answers, p.given...))}, nil
}

// look reads and locks the devices that are to be replaced, then what conflicts.
func (g *replacing) look(ctx context.Context, tx *db.Tx, d *replacements, claims []claim) error {
	ids := make([]models.DeviceID, len(claims))
	for i := range claims {
		ids[i] = claims[i].row.DeviceID
	}
	olds, err := g.r.heldRegistered(ctx, tx, g.sub.Authority.TenantID, ids)
	if err != nil {
		return err
	}
	if err := apart(ctx, tx, olds); err != nil {
		return err
	}
	found, err := g.r.store.held(ctx, tx, allKeys(claims), (*known).onRecord)
	if err != nil {
		return err
	}
	if err := apart(ctx, tx, found); err != nil {
		return err
	}
	d.known = indexByKey(found)
	d.olds = make(map[models.DeviceID]*known, len(olds))
	for i := range olds {
		d.olds[olds[i].Active.ID] = &olds[i]
	}
	d.regs, err = casebook.Registrations(ctx, tx, ids)
	return err
}

// heldRegistered returns the active registrations of a tenant among ids as they
// stand until the transaction ends.
func (r *Registrar) heldRegistered(ctx context.Context, tx *db.Tx, tenant models.TenantID, ids []models.DeviceID) ([]known, error) {
	found, err := r.store.registered(ctx, tx, tenant, ids)
	if err != nil || tx.Dialect() != db.Postgres {
		return found, err
	}
	if _, err := r.store.lock(ctx, tx, found, anyKnown); err != nil {
		return nil, err
	}
	return r.store.registered(ctx, tx, tenant, ids) // none can have come to it
}

// replacements judges the rows of one submission of replacements.
type replacements struct {
	deciding
	olds map[models.DeviceID]*known
	regs map[models.DeviceID]models.Registration
}

func (d *replacements) fill(p *plan, claims []claim) error {
	first := map[models.DeviceID]int{}
	for i := range claims {
		f := &finding{claim: &claims[i]}
		d.findings = append(d.findings, f)
		d.judge(f)
		if row, again := first[f.row.DeviceID]; again && f.replaces(d) {
			f.repeat(row)
			continue
		}
		first[f.row.DeviceID] = f.row.Row
	}
	d.compareRows()
	d.dropRepeats()
	for _, f := range d.findings {
		if err := d.carryOut(p, f); err != nil {
			return err
		}
	}
	p.sort()
	return nil
}

// old is the device that a row replaces; nil when the caller may not.
func (d *replacements) old(f *finding) *known {
	k := d.olds[f.row.DeviceID]
	if k == nil || !mayRemove(d.authority, k.Active) {
		return nil
	}
	return k
}

// replaces reports whether a row will replace a device, or only renew it.
func (f *finding) replaces(d *replacements) bool {
	return f.registers() || f.at != nil && f.at == d.olds[f.row.DeviceID]
}

// judge decides one row by what is stored.
func (d *replacements) judge(f *finding) {
	old := d.old(f)
	switch {
	case f.kind == claimNone:
		f.answer = &f.claim.answer
		return
	case old == nil:
		f.close(models.OutcomeNotRegistered, "")
		return
	}
	among := d.known.of(f.claim)
	if v := judge(&f.device, among); v.Outcome == match.Match && v.to.ID == old.ID {
		v.to = old
		f.verdict, f.at = v, old
		f.notes = []note{{models.DeviceSeen, old}}
		f.close(models.OutcomeRegistered, sentenceStillTheSame)
		f.answer.DeviceID = old.Active.ID
		return
	}
	d.against(f, old, slices.DeleteFunc(among, func(k *known) bool { return k.ID == old.ID }))
}

// against judges a capture by everything but the device that it replaces.
func (d *replacements) against(f *finding, old *known, among []*known) {
	if f.statesMaker() && d.otherMaker(f, f.device.Manufacturer) {
		return
	}
	f.verdict = judge(&f.device, among)
	to := f.verdict.to
	if to != nil && !to.registered() {
		become := merge(to.Identity, f.device)
		f.verdict.guard(&become, among)
	}
	switch {
	case f.verdict.Outcome == match.Attention:
		f.verdict.involved = append(f.verdict.involved, old) // so that settling can mean it
		d.needsAttention(f)
	case to == nil && (f.device.Manufacturer == "" || f.device.Serial == ""):
		f.close(models.OutcomeInvalidHash, sentenceHashIncomplete)
	case to == nil:
	case to.registered() && to.Active.TenantID == d.authority.TenantID:
		f.verdict.Reason, f.verdict.involved = replacedByRegistered, []*known{to, old}
		d.needsAttention(f)
	default:
		d.belongs(f, to)
	}
}

// carryOut writes one row into the plan and answers it.
func (d *replacements) carryOut(p *plan, f *finding) error {
	old := d.olds[f.row.DeviceID]
	if f.registers() {
		next, err := p.exchange(f, old, d.regs[old.Active.ID])
		if err != nil {
			return err
		}
		done := answer(f.row.Row, models.OutcomeRegistered, fmt.Sprintf(sentenceReplaced, old.Active.ID))
		done.DeviceID = next
		p.say(done)
		return nil
	}
	if f.at != nil && f.at == old && d.mayRenew(f, old) {
		p.refresh(old, f.claim)
	}
	return f.carryOut(p, p.newID)
}

// mayRenew reports whether no other device owns an anchor that the newer capture
// adds: the rules let a mere copy of a serial pass, the arbiter does not.
func (d *replacements) mayRenew(f *finding, old *known) bool {
	become := merge(old.Identity, f.device)
	return len(inTheWay(&become, d.known.of(f.claim), old)) == 0
}

// inTheWay are the devices, beside those left out and those told apart from them,
// that own an anchor which an identity states.
func inTheWay(become *models.Identity, among []*known, but ...*known) []*known {
	var out []*known
	for _, k := range among {
		own := func(o *known) bool { return o.ID == k.ID || k.isApart(o) }
		if (k.registered() || k.onRecord()) && !slices.ContainsFunc(but, own) && shareAnchor(become, &k.Identity) {
			out = append(out, k)
		}
	}
	return out
}

// refresh takes a newer capture of a device that keeps its registration or record.
func (p *plan) refresh(k *known, c *claim) {
	p.share(k)
	p.freed.add(&k.Identity)
	identity := p.renew(k, c)
	p.anchors = append(p.anchors, anchorsOf(&identity)...)
}

// exchange ends the registration of a device, whose hardware is gone, in favour of
// a capture, and returns the new registration's id. Each history names the other.
func (p *plan) exchange(f *finding, old *known, reg models.Registration) (models.DeviceID, error) {
	next := models.DeviceID(p.newID())
	before, err := readOrder(reg)
	if err != nil {
		return "", err
	}
	f.row.Order = f.row.Order.Merge(before)
	p.ended = append(p.ended, old.Active.ID)
	p.changes = append(p.changes, change{id: old.ID, columns: map[string]any{"retired_at": p.now, "retired_as": models.RetiredReplaced}})
	p.freed.add(&old.Identity)
	gone := p.note(f.row.Row, models.DeviceReplaced, old.ID, old.Active.ID, "")
	gone.OtherDevice, gone.Why = next, f.claim.whyNot(old, f.verdict.Rule, false)
	made, err := p.bind(f.claim, f.become(p), next)
	if err != nil {
		return "", err
	}
	f.explain(made)
	made.OtherDevice = old.Active.ID
	return next, nil
}
