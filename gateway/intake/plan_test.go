package intake

import (
	"slices"
	"testing"
	"time"

	"countersign/models"
)

var anyTime = time.Date(2031, 2, 3, 10, 0, 0, 0, time.UTC)

// tallyOf makes a tally of n rows; those in settled have an outcome.
func tallyOf(n int, code models.OutcomeCode, settled func(i int) bool) *tally {
	t := &tally{}
	for i := 1; i <= n; i++ {
		c := checked{ordinal: i}
		if settled != nil && settled(i) {
			c.verdict = &verdict{code: code}
		}
		t.add(c)
	}
	return t
}

func TestTally_everyRowSettledAtIntakeHasACode(t *testing.T) {
	t.Parallel()
	even := func(i int) bool { return i%2 == 0 }
	if got := tallyOf(10, models.OutcomeDuplicated, even); got.open != 5 || got.failed != 5 || got.rows != 10 {
		t.Errorf("%+v", got)
	}
}

func TestTally_cutTakesTheFirstOpenRows(t *testing.T) {
	t.Parallel()
	tl := tallyOf(100, models.OutcomeInvalidHash, func(i int) bool { return i <= 10 || i == 64 })
	for _, tc := range []struct {
		left       int64
		taken, cut int // cut -1: none
	}{{1000, 89, -1}, {89, 89, -1}, {88, 88, 99}, {1, 1, 11}, {53, 53, 63}, {54, 54, 65}, {0, 0, 0}, {-3, 0, 0}} {
		taken, cut := tl.cut(&tc.left)
		if taken != tc.taken || (cut == nil) != (tc.cut < 0) || cut != nil && *cut != tc.cut {
			t.Errorf("left %d: taken %d, cut %v", tc.left, taken, cut)
		}
	}
	if taken, cut := tl.cut(nil); taken != 89 || cut != nil {
		t.Errorf("no limit: taken %d, cut %v", taken, cut)
	}
}

func TestTally_spansHoldEveryTakenRowOnce(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		n       int
		settled func(i int) bool
		taken   int
		want    []span
	}{
		{"one", 1, nil, 1, []span{{1, 1}}},
		{"full", 500, nil, 500, []span{{1, 500}}},
		{"one more", 501, nil, 501, []span{{1, 500}, {501, 501}}},
		{"cut", 1200, nil, 700, []span{{1, 500}, {501, 700}}},
		{"hole", 1200, func(i int) bool { return i > 10 && i < 1100 }, 111, []span{{1, 10}, {1100, 1200}}},
		{"shifted", 600, func(i int) bool { return i == 1 }, 599, []span{{2, 501}, {502, 600}}},
		{"none", 600, func(int) bool { return true }, 0, nil},
	} {
		if got := tallyOf(tc.n, models.OutcomeInvalidHash, tc.settled).spans(tc.taken); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
