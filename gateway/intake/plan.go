package intake

import (
	"iter"
	"math/bits"

	"countersign/models"
)

// tally is what an upload's rows come to. It keeps one bit per row, so that a million
// rows need no second look at what was staged.
type tally struct {
	rows    int
	open    int      // rows without an outcome
	failed  int      // rows settled by intake, which always carry an error code
	outside int      // of the failed: outside the grant's limits
	isOpen  []uint64 // bit set of ordinals
}

func (t *tally) add(c checked) {
	t.rows++
	for len(t.isOpen) <= c.ordinal/64 {
		t.isOpen = append(t.isOpen, 0)
	}
	if c.verdict != nil {
		t.failed++
		if c.verdict.code == models.OutcomeConsentLimit {
			t.outside++
		}
		return
	}
	t.open++
	t.isOpen[c.ordinal/64] |= 1 << (c.ordinal % 64)
}

// openOrdinals yields the open rows in input order.
func (t *tally) openOrdinals() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range t.isOpen {
			for ; word != 0; word &= word - 1 {
				if !yield(i*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// cut says how many open rows fit into what is left of the grant's limit, and the
// ordinal of the last of them; nil when all fit.
func (t *tally) cut(left *int64) (taken int, cutOrdinal *int) {
	if left == nil || int64(t.open) <= *left {
		return t.open, nil
	}
	last := 0
	for ordinal := range t.openOrdinals() {
		if int64(taken) >= *left {
			break
		}
		taken, last = taken+1, ordinal
	}
	return taken, &last
}

// span is a range of ordinals, both ends included.
type span struct{ first, last int }

// spans groups the first taken open rows into ranges of at most models.DispatchRows
// ordinals that begin and end with an open row.
func (t *tally) spans(taken int) []span {
	var out []span
	for ordinal := range t.openOrdinals() {
		if taken == 0 {
			break
		}
		taken--
		if n := len(out); n > 0 && ordinal-out[n-1].first < models.DispatchRows {
			out[n-1].last = ordinal
			continue
		}
		out = append(out, span{ordinal, ordinal})
	}
	return out
}
