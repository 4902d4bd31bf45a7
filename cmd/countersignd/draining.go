package main

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// lastCalls is how long a server that stops answers on connections that are open, so that
// their callers learn by an answer that it goes. Closing them at once would break the call
// of whoever was just sending one.
const lastCalls = 2 * time.Second

// lastAnswers ends connections with the answer once the server stops.
func lastAnswers(next http.Handler, draining *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// connections counts those that are open.
type connections struct {
	mu   sync.Mutex
	n    int
	gone chan struct{} // closed when there is none; nil while nobody waits
}

// note is the server's hook.
func (c *connections) note(_ net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.n++
	case http.StateClosed, http.StateHijacked:
		if c.n--; c.n == 0 && c.gone != nil {
			close(c.gone)
			c.gone = nil
		}
	case http.StateActive, http.StateIdle:
	}
}

// await returns when none is open, or after so long.
func (c *connections) await(ctx context.Context, atMost time.Duration) {
	c.mu.Lock()
	gone := make(chan struct{})
	if c.n > 0 {
		c.gone = gone
	} else {
		close(gone)
	}
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	select {
	case <-gone:
	case <-ctx.Done():
	}
}
