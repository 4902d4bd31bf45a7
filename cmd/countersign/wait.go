package main

import (
	"context"
	"time"

	"countersign/internal/pause"
)

// A small upload is finished within two seconds, so the first looks come quickly.
const (
	firstPoll = 150 * time.Millisecond
	lastPoll  = 2 * time.Second
)

// waiter paces looks at something that will be ready.
type waiter struct {
	first time.Duration
	until time.Time // zero: for ever
	next  time.Duration
}

// pause waits before the next look; more is false when there shall be none.
func (w *waiter) pause(ctx context.Context) (more bool, err error) {
	if w.next == 0 {
		w.next = w.first
	}
	if !w.until.IsZero() && time.Now().Add(w.next).After(w.until) {
		return false, nil
	}
	if err := pause.For(ctx, w.next); err != nil {
		return false, err
	}
	w.next = min(w.next*3/2, lastPoll)
	return true, nil
}
