package gateway

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/semaphore"
)

// What one upload may hold in memory while it arrives: the rows of a small one, or a few
// chunks of a large one, which is staged on the way.
const (
	leastHeld = 64 << 10
	mostHeld  = 4 << 20
)

// crowdRetryAfter is when a sender may come again for whom there was no room.
const crowdRetryAfter = 2 * time.Second

// crowd bounds the bytes of uploads that are in memory at once.
type crowd struct {
	room *semaphore.Weighted
	wait time.Duration
}

func newCrowd(l Limits) *crowd {
	return &crowd{room: semaphore.NewWeighted(max(l.InFlight, mostHeld)), wait: l.InFlightWait}
}

// enter waits a moment for room, or tells the sender to come again; nothing of the body
// was read then.
func (w *crowd) enter(c *gin.Context) (leave func(), err error) {
	held := c.Request.ContentLength
	if held < 0 || held > mostHeld || c.GetHeader("Content-Encoding") != "" {
		held = mostHeld
	}
	held = max(held, leastHeld)
	leave = func() { w.room.Release(held) }
	if w.room.TryAcquire(held) {
		return leave, nil
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), w.wait)
	defer cancel()
	if err := w.room.Acquire(ctx, held); err != nil {
		if gone := c.Request.Context().Err(); gone != nil {
			return nil, gone
		}
		return nil, errCrowded.WithRetryAfter(crowdRetryAfter)
	}
	return leave, nil
}
