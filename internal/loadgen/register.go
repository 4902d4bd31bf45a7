package loadgen

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/models"
)

const workers = 2 // as a gateway forwards by default

// dispatches are registered in each round; tests make do with fewer.
var dispatches = 20

// sides are the times of one kind of hash, round by round.
type sides struct{ register, tables, single []time.Duration }

// registering is C3: the rate of Register against a raw COPY of the rows that it
// wrote, prepared in memory, with the hash in all its 3000 bytes.
func (r *run) registering(ctx context.Context) (Figure, error) {
	c, err := r.store(ctx, r.Small)
	if err != nil {
		return Figure{}, err
	}
	ref, err := r.reference(ctx, c)
	if err != nil {
		return Figure{}, err
	}
	defer ref.close()
	times := map[shape]*sides{padded: {}, random: {}}
	for round := range r.Rounds + 1 { // the first one warms up
		for _, s := range []shape{padded, random} {
			t := times[s]
			if round == 0 {
				t = &sides{}
			}
			if err := r.registerRound(ctx, c, ref, s, t); err != nil {
				return Figure{}, err
			}
		}
	}
	out := Figure{Of: "register/COPY: padded random", Goal: "≥ 0.8 and ≥ 0.6"}
	for _, s := range []shape{padded, random} {
		t := times[s]
		each, single := ratios(t.tables, t.register), ratios(t.single, t.register)
		out.Values = append(out.Values, median(each))
		out.Detail = append(out.Detail, fmt.Sprintf("With %s hashes %.0f devices a second were registered by %d workers, rounds: %s. "+
			"Against a COPY of one row a device into one table with nothing but a primary key: %.2f.",
			s, perSecond(median(t.register)), workers, spread(each), median(single)))
	}
	return out, nil
}

func perSecond(d time.Duration) float64 { return float64(dispatches*models.DispatchRows) / d.Seconds() }

// registerRound registers devices, fetches the rows that this wrote and copies them.
func (r *run) registerRound(ctx context.Context, c *core, ref *reference, s shape, t *sides) error {
	subs := make([]models.Submission, dispatches)
	for i := range subs {
		subs[i] = submission(i, r.fresh(models.DispatchRows, s))
	}
	if err := c.checkpoint(ctx); err != nil {
		return err
	}
	took, err := timed(func() error { return registerAll(ctx, c, subs) })
	if err != nil {
		return err
	}
	t.register = append(t.register, took)
	tables, err := ref.fetch(ctx, c, subs)
	if err != nil {
		return err
	}
	for _, side := range []struct {
		into  *[]time.Duration
		blobs []blob
	}{{&t.tables, tables[:len(tables)-1]}, {&t.single, tables[len(tables)-1:]}} {
		if _, err := ref.conn.Exec(ctx, "CHECKPOINT"); err != nil {
			return err
		}
		took, err := timed(func() error { return ref.copy(ctx, side.blobs) })
		if err != nil {
			return err
		}
		*side.into = append(*side.into, took)
	}
	return nil
}

// registerAll registers submissions as a gateway's workers would.
func registerAll(ctx context.Context, c *core, subs []models.Submission) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for _, sub := range subs {
		g.Go(func() error {
			res, err := c.Register(ctx, sub)
			if err == nil && (res.Refusal != nil || len(res.Answers) != len(sub.Rows)) {
				err = fmt.Errorf("a dispatch was refused: %+v", res.Refusal)
			}
			return err
		})
	}
	return g.Wait()
}

// list writes ids as SQL; they are UUIDs of our own making.
func list(subs []models.Submission) string {
	ids := make([]string, len(subs))
	for i, s := range subs {
		ids[i] = "'" + string(s.Upload) + "'"
	}
	return strings.Join(ids, ",")
}
