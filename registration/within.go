package registration

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"countersign/models"
	"countersign/registration/match"
)

// What rows of one dispatch mean to each other.

// compareRows judges the captures that would register against each other: of
// several captures of one device the first row counts; rows that share an anchor
// and are not one device all need attention, without a silent winner.
func (d *deciding) compareRows() {
	same := groups{}
	var clashes []clash
	d.eachPair(func(a, b *finding) {
		switch v := compare(a, b); v.Outcome {
		case match.Match:
			same.join(a, b)
		case match.Attention:
			clashes = append(clashes, clash{a, b, v.reason()})
		case match.NoMatch:
		}
	})
	for _, f := range d.findings {
		head := same.head(f)
		if head == f {
			continue
		}
		if head.at == nil {
			head.at = f.at // one of the captures was recognised, so the device is known
		}
		f.repeat(head.row.Row)
	}
	refuseClashes(same, clashes)
}

// dropRepeats answers rows after the first that mean one and the same known
// device.
func (d *deciding) dropRepeats() {
	first := map[int64]int{}
	for _, f := range d.findings {
		if f.at == nil {
			continue
		}
		if row, again := first[f.at.ID]; again {
			f.repeat(row)
			continue
		}
		first[f.at.ID] = f.row.Row
	}
}

// repeat answers a row whose device another row means.
func (f *finding) repeat(of int) {
	a := duplicate(f.row.Row, of)
	f.answer, f.at, f.notes = &a, nil, nil
}

// clash is a pair of rows that share an anchor and are not one device.
type clash struct {
	a, b *finding
	rule string
}

// refuseClashes answers the devices of clashing rows, whichever of their captures
// it was that clashed.
func refuseClashes(same groups, clashes []clash) {
	rows, rules := map[*finding][]int{}, map[*finding]string{}
	for _, c := range clashes {
		a, b := same.head(c.a), same.head(c.b)
		rows[a], rows[b] = append(rows[a], b.row.Row), append(rows[b], a.row.Row)
		rules[a], rules[b] = c.rule, c.rule
		a.clashes, b.clashes = append(a.clashes, b), append(b.clashes, a)
	}
	for f, others := range rows {
		f.at, f.notes, f.verdict = nil, nil, verdict{Verdict: match.Verdict{Outcome: match.Attention, Reason: match.Reason(rules[f])}}
		f.close(models.OutcomeNeedsAttention, fmt.Sprintf(sentenceWithinUpload, rowList(append(others, f.row.Row)), rules[f]))
	}
}

// groups joins rows of one device; each points at an earlier one, the first at
// none.
type groups map[*finding]*finding

// head finds the first row of a device.
func (g groups) head(f *finding) *finding {
	for g[f] != nil {
		f = g[f]
	}
	return f
}

// join makes two rows one device.
func (g groups) join(a, b *finding) {
	a, b = g.head(a), g.head(b)
	switch {
	case a == b:
	case a.row.Row < b.row.Row:
		g[b] = a
	default:
		g[a] = b
	}
}

// compare judges two captures as if one were registered. One capture sent twice
// is one device, however little it says; so are captures of one known device.
func compare(a, b *finding) verdict {
	switch {
	case a.digest == b.digest, a.at != nil && a.at == b.at:
		return verdict{Verdict: match.Verdict{Outcome: match.Match}}
	case a.at != nil && b.at != nil && a.at.isApart(b.at):
		return verdict{Verdict: match.Verdict{Outcome: match.NoMatch}}
	}
	return judge(&a.device, []*known{{Identity: b.device}})
}

// eachPair calls fn once for each two captures that would register and share a
// key, the earlier row first.
func (d *deciding) eachPair(fn func(a, b *finding)) {
	byKey := map[int64][]*finding{}
	for _, f := range d.findings {
		if f.kind != claimHash || !f.registers() {
			continue
		}
		var met []*finding
		for _, k := range f.keys {
			met = append(met, byKey[k]...)
			byKey[k] = append(byKey[k], f)
		}
		slices.SortFunc(met, func(a, b *finding) int { return a.row.Row - b.row.Row })
		for _, earlier := range slices.Compact(met) {
			fn(earlier, f)
		}
	}
}

// claimNewDevices looks at claims by product key id or tuple once more: a device
// that a capture in this dispatch makes known is not unknown, wherever its row
// stands.
func (d *deciding) claimNewDevices() {
	for _, f := range d.findings {
		if f.kind != claimKey && f.kind != claimTuple {
			continue
		}
		fresh := d.freshFits(f.claim)
		switch {
		case len(fresh) == 0:
		case len(fresh) == 1 && f.verdict.Outcome == match.NoMatch:
			f.repeat(fresh[0].row.Row)
		default:
			f.at, f.notes = nil, nil
			f.close(models.OutcomeNotUnique, "")
		}
	}
}

// freshFits are the new devices of this dispatch that fit a claim.
func (d *deciding) freshFits(c *claim) []*finding {
	var fits []*finding
	for _, f := range d.findings {
		if f.kind != claimHash || !f.registers() || f.at != nil {
			continue
		}
		if find(&c.device, []*known{{Identity: f.device}}).Outcome == match.Match {
			fits = append(fits, f)
		}
	}
	return fits
}

// rowList names rows in order, each once.
func rowList(rows []int) string {
	rows = slices.Compact(ascending(rows))
	words := make([]string, len(rows))
	for i, row := range rows {
		words[i] = strconv.Itoa(row)
	}
	return strings.Join(words, ", ")
}

// ascending returns a sorted copy.
func ascending(rows []int) []int { return slices.Sorted(slices.Values(rows)) }
