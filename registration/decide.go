package registration

import (
	"fmt"
	"slices"
	"strings"

	"countersign/models"
	"countersign/registration/match"
)

// finding is what became of one claim so far. A claim without an answer will be
// registered: to the identity at, or as a new device when at is nil.
type finding struct {
	*claim
	at      *known
	answer  *models.Answer
	notes   []note
	verdict verdict
	clashes []*finding // other rows it is in conflict with
}

// note is an entry for the history of a known device.
type note struct {
	kind models.DeviceEventKind
	of   *known
}

// deciding judges the claims of one dispatch. Every claim is first judged against
// what is stored, then those that would register against each other, so the order
// of rows does not change a verdict; only which of several rows about one device
// is the first.
type deciding struct {
	authority models.Authority
	findings  []*finding
	known     keyIndex
}

// decide fills a plan from claims, in the order of their rows, and the candidates
// found for them.
func decide(p *plan, claims []claim, candidates []known, newID func() string) error {
	p.newID = newID
	d := &deciding{authority: p.sub.Authority, known: indexByKey(candidates)}
	for i := range claims {
		f := &finding{claim: &claims[i]}
		d.findings = append(d.findings, f)
		d.against(f)
	}
	d.compareRows()
	d.claimNewDevices()
	d.refuseCounting(p)
	d.dropRepeats()
	for _, f := range d.findings {
		if err := f.carryOut(p, newID); err != nil {
			return err
		}
	}
	p.sort()
	return nil
}

// keyIndex leads from keys to the candidates of one dispatch.
type keyIndex map[int64][]*known

func indexByKey(candidates []known) keyIndex {
	index := make(keyIndex, 4*len(candidates))
	for i := range candidates {
		for _, k := range keysOf(&candidates[i].Identity) {
			index[k] = append(index[k], &candidates[i])
		}
	}
	return index
}

// against judges one claim by what is stored.
func (d *deciding) against(f *finding) {
	switch f.kind {
	case claimNone:
		f.answer = &f.claim.answer
	case claimHash:
		d.againstRules(f)
	case claimKey, claimTuple:
		d.againstFits(f)
	}
}

// of are the identities that share a key with a claim, each once, in the order of
// their numbers.
func (x keyIndex) of(c *claim) []*known {
	var out []*known
	for _, k := range c.keys {
		out = append(out, x[k]...)
	}
	slices.SortFunc(out, func(a, b *known) int { return int(a.ID - b.ID) })
	return slices.Compact(out)
}

// againstRules matches a capture.
func (d *deciding) againstRules(f *finding) {
	if f.statesMaker() && d.otherMaker(f, f.device.Manufacturer) {
		return
	}
	among := d.known.of(f.claim)
	f.verdict = judge(&f.device, among)
	if to := f.verdict.to; to != nil && !to.registered() {
		become := merge(to.Identity, f.device)
		f.verdict.guard(&become, among)
	}
	switch f.verdict.Outcome {
	case match.Attention:
		d.needsAttention(f)
	case match.Match:
		d.belongs(f, f.verdict.to)
	case match.NoMatch:
		if f.device.Manufacturer == "" || f.device.Serial == "" {
			f.close(models.OutcomeInvalidHash, sentenceHashIncomplete)
		}
	}
}

// needsAttention refuses a capture in conflict with known devices. Who settles it
// follows from whose they are; the sentence names nobody.
func (d *deciding) needsAttention(f *finding) {
	who := "The customer"
	for _, k := range f.verdict.involved {
		if k.registered() && k.Active.TenantID != d.authority.TenantID {
			who = "An operator of the registration service"
		}
		f.notes = append(f.notes, note{models.DeviceAttention, k})
	}
	f.close(models.OutcomeNeedsAttention, fmt.Sprintf(sentenceAttention, reasonSentence(f.verdict.Reason), who, f.verdict.Reason))
}

// belongs answers a claim whose device is known.
func (d *deciding) belongs(f *finding, k *known) {
	f.at = k
	switch {
	case !f.statesMaker() && d.otherMaker(f, k.Manufacturer):
		f.at = nil
	case !k.registered():
		d.soldTo(f, k)
	case k.Active.TenantID != d.authority.TenantID:
		f.notes = []note{{models.DeviceContested, k}}
		f.close(models.OutcomeOtherTenant, "")
	default:
		f.notes = []note{{models.DeviceSeen, k}}
		f.close(models.OutcomeAlreadyAssigned, d.seenBefore(k.Active))
		f.answer.DeviceID = k.Active.ID
	}
}

// soldTo refuses a partner the claim on a device that its factory sold to another
// one. A customer may claim whatever it holds.
func (d *deciding) soldTo(f *finding, k *known) {
	by := d.authority.PartnerID
	if d.authority.Kind != models.ByGrant || k.SoldTo == "" || by == k.SoldTo || by == k.ReportedBy {
		return
	}
	f.verdict.Reason = soldToAnother
	f.notes = []note{{models.DeviceAttention, k}}
	f.close(models.OutcomeNeedsAttention, fmt.Sprintf(sentenceSoldToAnother, soldToAnother))
}

// seenBefore names the upload that registered the device to whoever made it.
func (d *deciding) seenBefore(o owner) string {
	if d.authority.Kind == models.ByTenant || o.PartnerID != "" && o.PartnerID == d.authority.PartnerID {
		return fmt.Sprintf(sentenceSeenBefore, o.Ordinal, o.TrackingID)
	}
	return ""
}

// againstFits looks up a product key id or tuple. Several known devices that fit,
// registered or not, are never resolved by guessing.
func (d *deciding) againstFits(f *finding) {
	among := d.known.of(f.claim)
	f.verdict = find(&f.device, among)
	switch f.verdict.Outcome {
	case match.Match:
		d.belongs(f, f.verdict.to)
	case match.Attention:
		f.close(models.OutcomeNotUnique, "")
	case match.NoMatch:
		f.close(models.OutcomeNotFound, d.letterCaseHint(f.claim, among))
	}
}

// letterCaseHint helps a caller that wrote what it reported itself in other
// letters; about other callers' devices it says nothing.
func (d *deciding) letterCaseHint(c *claim, among []*known) string {
	for _, k := range among {
		if c.kind == claimTuple && k.RetiredAt == nil && d.mine(k) && fitsButCase(c, &k.Identity) {
			return sentenceLetterCase
		}
	}
	return ""
}

// mine: the caller reported the device itself, so a hint tells it nothing new.
func (d *deciding) mine(k *known) bool {
	return d.authority.PartnerID != "" && k.ReportedBy == d.authority.PartnerID
}

func fitsButCase(c *claim, i *models.Identity) bool {
	return strings.EqualFold(i.Manufacturer, c.device.Manufacturer) &&
		strings.EqualFold(i.Product, c.device.Product) && strings.EqualFold(i.Serial, c.device.Serial)
}

// close gives a claim its answer.
func (f *finding) close(code models.OutcomeCode, detail string) {
	a := answer(f.row.Row, code, detail)
	f.answer = &a
}

// registers reports whether the claim is going to be registered.
func (f *finding) registers() bool { return f.answer == nil }

// carryOut writes a finding into the plan.
func (f *finding) carryOut(p *plan, newID func() string) error {
	row := f.row.Row
	for _, n := range f.notes {
		p.note(row, n.kind, n.of.ID, n.of.Active.ID, f.verdict.reason()).Why = f.whyNot(n.of)
	}
	if !f.registers() {
		if f.answer.Code == models.OutcomeNeedsAttention {
			p.open(f.dispute())
		}
		p.say(*f.answer)
		return nil
	}
	e, err := p.register(f.claim, f.become(p), models.DeviceID(newID()))
	if err == nil {
		f.explain(e)
	}
	return err
}

// become is the identity that a claim is registered to.
func (f *finding) become(p *plan) models.Identity {
	if f.at == nil {
		return p.learn(f.claim)
	}
	p.takes(f.row.Row, f.at)
	if f.at.onRecord() {
		p.freed.add(&f.at.Identity) // its anchors come in again as the registration's
	}
	p.share(f.at)
	if f.kind == claimHash {
		return p.renew(f.at, f.claim)
	}
	return f.at.Identity
}
