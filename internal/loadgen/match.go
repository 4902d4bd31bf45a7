package loadgen

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"countersign/models"
)

const (
	knownRows  = models.DispatchRows / 2
	neighbours = 25   // devices of one line in a dispatch of known ones
	reach      = 2000 // how far into a line they lie
	warmUps    = 3
)

// warm reads what is looked at by key into memory, where a server that has run for
// a while has it, and which takes a small one no time and a large one hours of use.
var warm = []string{
	"CREATE EXTENSION IF NOT EXISTS pg_prewarm",
	"SELECT pg_prewarm('identity_keys_pkey')", "SELECT pg_prewarm('identities_pkey')",
}

// matching is C2: the time to match a dispatch against the large and the small
// store. Half of its devices are known and lie scattered over the store, half are
// new. No dispatch is matched twice, so that no page is in memory because the
// measurement itself had just read it.
func (r *run) matching(ctx context.Context) (Figure, error) {
	inSmall, inLarge, err := r.inBoth(ctx, warm, func(c *core, round int) (time.Duration, error) { return r.matchOnce(ctx, c, round) })
	if err != nil {
		return Figure{}, err
	}
	each := ratios(inLarge, inSmall)
	return Figure{
		Values: []float64{median(each)}, Of: fmt.Sprintf("match@%s/match@%s", count(r.Devices), count(r.Small)), Goal: "≤ 1.5",
		Detail: []string{fmt.Sprintf("A dispatch of %d is matched in %.1f ms against %s and %.1f ms against %s devices. Rounds: %s.", models.DispatchRows,
			ms(median(inLarge)), count(r.Devices), ms(median(inSmall)), count(r.Small), spread(each))},
	}, nil
}

// bothStores are the small and the large store.
func (r *run) bothStores(ctx context.Context) (both [2]*core, err error) {
	for i, size := range []int{r.Small, r.Devices} {
		if both[i], err = r.store(ctx, size); err != nil {
			return both, err
		}
	}
	return both, nil
}

// inBoth times something on the small and on the large store in turns, the first rounds for
// nothing. Both are got ready by statements before.
func (r *run) inBoth(ctx context.Context, ready []string, do func(c *core, round int) (time.Duration, error)) (inSmall, inLarge []time.Duration, err error) {
	both, err := r.bothStores(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range both {
		if err := c.exec(ctx, ready...); err != nil {
			return nil, nil, err
		}
	}
	for round := range warmUps + 4*r.Rounds {
		var took [2]time.Duration
		for i, c := range both {
			if took[i], err = do(c, round); err != nil {
				return nil, nil, err
			}
		}
		if round >= warmUps {
			inSmall, inLarge = append(inSmall, took[0]), append(inLarge, took[1])
		}
	}
	return inSmall, inLarge, nil
}

// matchOnce matches one dispatch and checks that the known half was recognised.
func (r *run) matchOnce(ctx context.Context, c *core, round int) (time.Duration, error) {
	h, err := c.Ready(ctx, submission(0, r.mixed(c.size, round)))
	if err != nil {
		return 0, err
	}
	var res models.Result
	took, err := timed(func() error {
		res, err = h.Match(ctx)
		return err
	})
	if err != nil {
		return 0, err
	}
	fresh := 0
	for _, a := range res.Answers {
		if a.Code == models.OutcomeRegistered {
			fresh++
		}
	}
	// A few new devices may share an adapter or key with another line by chance.
	if want := models.DispatchRows - knownRows; fresh > want || fresh < want-5 {
		return 0, fmt.Errorf("%d of %d new devices were taken for new: the store does not hold what it should", fresh, want)
	}
	return took, nil
}

// mixed makes a dispatch of devices that a store of a size holds and new ones.
func (r *run) mixed(size, round int) []models.CoreRow {
	rnd := rand.New(rand.NewPCG(uint64(size), uint64(round)))
	lines := (size + lineLength - 1) / lineLength
	var rows []models.CoreRow
	for len(rows) < knownRows {
		line := rnd.IntN(lines)
		within := min(lineLength, size-line*lineLength)
		rows = append(rows, stored(uint64(line), rnd.IntN(max(1, min(reach, within-neighbours))), min(neighbours, within))...)
	}
	rows = append(rows[:knownRows], r.fresh(models.DispatchRows-knownRows, padded)...)
	for i := range rows {
		rows[i].Row = i + 1
	}
	return rows
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// count writes a number of devices as figures are named.
func count(n int) string {
	switch {
	case n >= 1_000_000 && n%100_000 == 0:
		return fmt.Sprintf("%gM", float64(n)/1e6)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}
