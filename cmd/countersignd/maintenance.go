package main

import (
	"context"
	"log/slog"
	"time"

	"countersign/internal/db"
)

// inFlight are the bytes of hashes on their way to the core. A partition is kept
// two days past its own, longer than any dispatch is retried.
var inFlight = db.Daily{Table: "upload_hashes", Ahead: 3, Keep: 2, With: "WITH (toast_tuple_target = 8160)"}

const maintainEvery = 10 * time.Minute

// sweeper deletes what was abandoned.
type sweeper interface {
	Sweep(ctx context.Context) error
}

// maintain looks after what grows, at once and then every few minutes.
func maintain(ctx context.Context, gateway *db.DB, uploads sweeper, log *slog.Logger) {
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	for {
		now, err := gateway.Now(ctx)
		if err == nil {
			err = gateway.TendPartitions(ctx, inFlight, now)
		}
		if err == nil {
			err = uploads.Sweep(ctx)
		}
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "maintenance", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
