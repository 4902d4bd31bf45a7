// Package pause waits for a while, by the machine's clock.
package pause

import (
	"context"
	"time"
)

// For waits so long, and not at all for less than nothing. The error is ctx's, when it ends
// before.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
