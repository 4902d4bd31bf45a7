package registration

import (
	"fmt"
	"slices"

	"countersign/models"
	"countersign/registration/match"
)

// What rows of one dispatch of reports mean to each other.

// standing are the rows that stand so far, by their names and by the known device
// they are about. No two share one.
type standing struct {
	byName   map[string]*reported
	byDevice map[*known]*reported
}

// compareRows goes through the rows in the order of their numbers, as if each were
// a report of its own: a row that says nothing new about a device that stands is a
// repetition, and a row that names what an earlier one named takes its place.
func (d *reports) compareRows() {
	s := standing{map[string]*reported{}, map[*known]*reported{}}
	for _, f := range d.rows {
		if !f.heard {
			continue
		}
		earlier := s.sharing(f)
		if first := repeated(f, earlier); first != nil {
			a := duplicate(f.row.Row, first.row.Row)
			f.answer, f.at = &a, nil
			continue
		}
		for _, e := range earlier {
			s.drop(e)
			e.overtakenBy(f)
		}
		if !f.late && f.kind == claimHash {
			s.add(f)
		}
	}
}

// sharing are the standing rows that share a name or a device with a row, in the
// order of their numbers.
func (s standing) sharing(f *reported) []*reported {
	var out []*reported
	for _, name := range f.names {
		if e := s.byName[name]; e != nil {
			out = append(out, e)
		}
	}
	if e := s.byDevice[f.at]; e != nil {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *reported) int { return a.row.Row - b.row.Row })
	return slices.Compact(out)
}

func (s standing) add(f *reported) {
	f.standing = true
	for _, name := range f.names {
		s.byName[name] = f
	}
	if f.at != nil {
		s.byDevice[f.at] = f
	}
}

func (s standing) drop(f *reported) {
	f.standing = false
	for _, name := range f.names {
		delete(s.byName, name)
	}
	delete(s.byDevice, f.at)
}

// repeated finds the earlier row that a row only says again: the same device under
// the same names, sold to the same partner. A row that says less is a newer word and
// no repetition: in a dispatch of its own it would renew the record, and rows may be
// grouped otherwise next time.
func repeated(f *reported, earlier []*reported) *reported {
	for _, e := range earlier {
		if f.kind == claimHash && !f.late && sameDevice(e, f) && slices.Equal(e.names, f.names) && e.row.SoldTo == f.row.SoldTo {
			return e
		}
	}
	return nil
}

func sameDevice(a, b *reported) bool {
	return a.digest == b.digest || a.at != nil && a.at == b.at ||
		judge(&a.device, []*known{{Identity: b.device}}).Outcome == match.Match
}

// overtakenBy answers a row whose record a later row of the dispatch makes old. It
// leaves no identity behind.
func (f *reported) overtakenBy(later *reported) {
	sentence := sentenceOvertaken
	if later.kind == claimKey {
		sentence, later.overtook = sentenceWithdrawnByRow, true
	}
	f.close(models.OutcomeRegistered, fmt.Sprintf(sentence, later.row.Row))
}
