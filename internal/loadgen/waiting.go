package loadgen

import (
	"context"
	"fmt"
	"time"

	"countersign/gateway/client"
	"countersign/internal/pause"
	"countersign/models"
)

// ahead are the devices queued before P8's small upload; tests make do with fewer.
var ahead = 100_000

// waiting is P8: how long ten devices take that come when 100,000 of somebody else wait: of
// another partner; of the same partner for another customer; of the same partner and
// customer. In seconds, not a ratio.
func (r *run) waiting(ctx context.Context) (Figure, error) {
	core, err := r.emptyCore(ctx)
	if err != nil {
		return Figure{}, err
	}
	p, err := r.startProgram(ctx, core)
	defer p.end()
	if err != nil {
		return Figure{}, err
	}
	out := Figure{Of: "seconds of 10 devices behind 100,000: another partner's, another customer's, the same", Goal: "≤ 5 each"}
	for i, who := range []string{"of another partner", "of the same partner, another customer", "of the same partner and customer"} {
		took, left, err := r.behind(ctx, p, i)
		if err != nil {
			return Figure{}, fmt.Errorf("%s: %w\n%s", who, err, p.log.String())
		}
		out.Values = append(out.Values, took.Seconds())
		out.Detail = append(out.Detail, fmt.Sprintf("%s: %.2f s, with %d devices still waiting then.", who, took.Seconds(), left))
	}
	return out, nil
}

// behind queues much and then sends little, and waits for that.
func (r *run) behind(ctx context.Context, p *program, relation int) (time.Duration, int, error) {
	bulk, err := p.pair(ctx, fmt.Sprintf("Bulk %d", relation))
	if err != nil {
		return 0, 0, err
	}
	small := bulk
	switch relation {
	case 0:
		small, err = p.pair(ctx, "Small")
	case 1:
		small, err = p.agree(ctx, bulk)
	}
	if err != nil {
		return 0, 0, err
	}
	const each = 5000
	c := r.consign(bulk.tenant, (ahead+each-1)/each, each, padded)
	if err := sendAll(ctx, bulk, c.bodies); err != nil {
		return 0, 0, err
	}
	one := r.consign(small.tenant, 1, 10, padded).bodies[0]
	one.RequestID = client.NewRequestID()
	took, err := timed(func() error {
		receipt, err := small.Submit(ctx, one)
		if err != nil {
			return err
		}
		for {
			up, err := small.Upload(ctx, client.Owner{}, receipt.TrackingID)
			if err != nil || up.State == string(models.UploadFinished) {
				return err
			}
			if up.State == string(models.UploadFinishedWithErrors) {
				return fmt.Errorf("%d of its rows ended with an error", up.Rows.WithErrors)
			}
			if err := pause.For(ctx, 20*time.Millisecond); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return 0, 0, err
	}
	var left int
	if err := p.conn.QueryRow(ctx, "SELECT coalesce(sum(last_ordinal - first_ordinal + 1), 0) FROM dispatches WHERE state IN ('ready', 'leased')").Scan(&left); err != nil {
		return 0, 0, err
	}
	// What is left is thrown away, so that the next one has its own queue ahead.
	_, err = p.conn.Exec(ctx, "UPDATE dispatches SET state = 'stopped' WHERE state = 'ready'")
	return took, left, err
}
