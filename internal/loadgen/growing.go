package loadgen

import (
	"context"
	"fmt"
	"slices"
	"time"

	"countersign/models"
)

// growing is P6: the time to match and store a dispatch of new devices on the large store
// against the small one, in turns.
func (r *run) growing(ctx context.Context) (Figure, error) {
	inSmall, inLarge, err := r.inBoth(ctx, slices.Concat(warm, []string{"CHECKPOINT"}), func(c *core, round int) (time.Duration, error) {
		sub := submission(round%100, r.fresh(models.DispatchRows, padded))
		return timed(func() error { return registerAll(ctx, c, []models.Submission{sub}) })
	})
	if err != nil {
		return Figure{}, err
	}
	each := ratios(inLarge, inSmall)
	return Figure{
		Values: []float64{median(each)}, Of: fmt.Sprintf("match and store@%s/@%s", count(r.Devices), count(r.Small)), Goal: "≤ 1.5",
		Detail: []string{fmt.Sprintf("A dispatch of %d new devices takes %.1f ms with %s and %.1f ms with %s devices. Rounds: %s.", models.DispatchRows,
			ms(median(inLarge)), count(r.Devices), ms(median(inSmall)), count(r.Small), spread(each))},
	}, nil
}
