package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

func TestLastAnswers_endTheirConnections(t *testing.T) {
	t.Parallel()
	var draining atomic.Bool
	handler := lastAnswers(http.NotFoundHandler(), &draining)
	for _, stopping := range []bool{false, true} {
		draining.Store(stopping)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if got := w.Header().Get("Connection") == "close"; got != stopping {
			t.Errorf("stopping %v: Connection %q", stopping, w.Header().Get("Connection"))
		}
	}
}

func TestConnections_areAwaited(t *testing.T) {
	t.Parallel()
	var c connections
	c.await(t.Context(), time.Hour) // none is open
	c.note(nil, http.StateNew)
	c.note(nil, http.StateActive)
	c.note(nil, http.StateNew)
	done := make(chan struct{})
	go func() { c.await(t.Context(), time.Hour); close(done) }()
	c.note(nil, http.StateClosed)
	select {
	case <-done:
		t.Fatal("one is still open")
	default:
	}
	c.note(nil, http.StateIdle)
	c.note(nil, http.StateClosed)
	<-done
	c.note(nil, http.StateNew)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	c.await(ended, time.Hour) // whoever waits may give up
}
