package registration

import (
	"context"
	"slices"

	"countersign/internal/db"
	"countersign/models"
	"countersign/registration/recordbook"
)

// Product key ids are numbers that a factory hands out in order, so whoever knows one
// can guess its neighbours, and a claim needs nothing else. Who counts through them
// cannot see where one factory's ends: the sign of guessing is what it names in vain
// beside what it hits. A pallet that was bought is consecutive too, and has no gaps,
// or they close when the factory's report arrives.
const (
	// guessesNear is how many unknown product key ids a partner must have named near a
	// record to be refused it.
	guessesNear = 10
	// guessReach is how far, in numbers, a guess is near.
	guessReach = 100
)

// foreign reports whether a factory's record names the claimant neither as who
// reported nor as who bought the device.
func (d *deciding) foreign(k *known) bool {
	by := d.authority.PartnerID
	return k.onRecord() && !k.registered() && k.SoldTo != by && k.ReportedBy != by
}

// guessable are the spans of product key ids around the claims that would take a
// factory's record from a partner that it does not name, ascending.
func (d *deciding) guessable(claims []claim) []recordbook.Span {
	var keys []int64
	for i := range claims {
		if claims[i].kind == claimKey && slices.ContainsFunc(d.known.of(&claims[i]), d.foreign) {
			keys = append(keys, claims[i].keys[0])
		}
	}
	slices.Sort(keys)
	var spans []recordbook.Span
	for _, k := range keys {
		if last := len(spans) - 1; last >= 0 && k-guessReach <= spans[last].Last {
			spans[last].Last = k + guessReach
			continue
		}
		spans = append(spans, recordbook.Span{First: k - guessReach, Last: k + guessReach})
	}
	return spans
}

// guessed reads what the partner named in vain near claims on records of others.
func (g *registering) guessed(ctx context.Context, tx *db.Tx, p *plan, claims []claim, found []known) (err error) {
	byKey := func(c claim) bool { return c.kind == claimKey }
	if g.sub.Authority.Kind != models.ByGrant || !slices.ContainsFunc(claims, byKey) {
		return nil
	}
	d := &deciding{authority: g.sub.Authority, known: indexByKey(found)}
	p.guessed, err = recordbook.Missed(ctx, tx, g.sub.Authority.PartnerID, d.guessable(claims), p.now)
	return err
}

// refuseCounting refuses claims by product key id on records that do not name the
// partner when it named enough unknown ones near them, in this dispatch or lately.
func (d *deciding) refuseCounting(p *plan) {
	if d.authority.Kind != models.ByGrant {
		return
	}
	for _, f := range d.findings {
		if f.kind == claimKey && f.answer != nil && f.answer.Code == models.OutcomeNotFound {
			p.missed = append(p.missed, f.keys[0])
		}
	}
	p.missed = distinct(p.missed)
	vain := distinct(append(slices.Clone(p.guessed), p.missed...))
	for _, f := range d.findings {
		if f.kind == claimKey && f.registers() && d.foreign(f.at) && near(vain, f.keys[0]) >= guessesNear {
			f.verdict.Reason = keysInSequence
			f.notes = []note{{models.DeviceAttention, f.at}}
			f.close(models.OutcomeNeedsAttention, sentenceKeysInSequence)
		}
	}
}

// near counts the keys within reach of one.
func near(ascending []int64, k int64) int {
	first, _ := slices.BinarySearch(ascending, k-guessReach)
	end, _ := slices.BinarySearch(ascending, k+guessReach+1)
	return end - first
}

// distinct sorts and drops repetitions.
func distinct(keys []int64) []int64 {
	slices.Sort(keys)
	return slices.Compact(keys)
}
