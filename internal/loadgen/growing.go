package loadgen

import (
	"context"
	"fmt"
	"time"

	"countersign/models"
)

// growing is P6: the time to match and store a dispatch of new devices on the large store
// against the small one, in turns.
func (r *run) growing(ctx context.Context) (Figure, error) {
	small, err := r.store(ctx, r.Small)
	if err != nil {
		return Figure{}, err
	}
	large, err := r.store(ctx, r.Devices)
	if err != nil {
		return Figure{}, err
	}
	for _, c := range []*core{small, large} {
		if err := c.exec(ctx, append(warm, "CHECKPOINT")...); err != nil {
			return Figure{}, err
		}
	}
	var inSmall, inLarge []time.Duration
	for round := range warmUps + 4*r.Rounds {
		var took [2]time.Duration
		for i, c := range []*core{small, large} {
			sub := submission(round%100, r.fresh(models.DispatchRows, padded))
			if took[i], err = timed(func() error { return registerAll(ctx, c, []models.Submission{sub}) }); err != nil {
				return Figure{}, err
			}
		}
		if round >= warmUps {
			inSmall, inLarge = append(inSmall, took[0]), append(inLarge, took[1])
		}
	}
	each := ratios(inLarge, inSmall)
	return Figure{
		Values: []float64{median(each)}, Of: fmt.Sprintf("match and store@%s/@%s", count(r.Devices), count(r.Small)), Goal: "≤ 1.5",
		Detail: []string{fmt.Sprintf("A dispatch of %d new devices takes %.1f ms with %s and %.1f ms with %s devices. Rounds: %s.", models.DispatchRows,
			ms(median(inLarge)), count(r.Devices), ms(median(inSmall)), count(r.Small), spread(each))},
	}, nil
}
