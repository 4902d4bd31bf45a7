package dbtest

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"countersign/internal/db"
)

// Wire stands between a test and the PostgreSQL server and counts round trips.
type Wire struct{ turns atomic.Int64 }

// Turns returns how often the server was spoken to after it had answered, or for the
// first time, over all connections.
func (w *Wire) Turns() int64 { return w.turns.Load() }

// WithWire sends everything to PostgreSQL through the wire until the test ends.
func WithWire(t testing.TB, w *Wire) Option {
	return func(cfg *db.Config) {
		to, err := url.Parse(cfg.URL)
		if err != nil {
			t.Fatal("the server's URL is unreadable")
		}
		server := to.Host
		to.Host = w.listen(t, server)
		cfg.URL = to.String()
	}
}

// listen forwards connections to the server and returns where.
func (w *Wire) listen(t testing.TB, server string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		open.Wait()
	})
	open.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { w.carry(from, server) })
		}
	})
	return l.Addr().String()
}

// carry forwards one connection in both directions until one side ends it.
func (w *Wire) carry(from net.Conn, server string) {
	defer from.Close()
	to, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	var answered atomic.Bool
	answered.Store(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(writerFunc(func(b []byte) (int, error) {
			answered.Store(true)
			return from.Write(b)
		}), to)
		_ = from.Close()
	}()
	_, _ = io.Copy(writerFunc(func(b []byte) (int, error) {
		if answered.CompareAndSwap(true, false) {
			w.turns.Add(1)
		}
		return to.Write(b)
	}), from)
	_ = to.Close()
	<-done
}

// writerFunc is a function that is written to.
type writerFunc func(b []byte) (int, error)

// Write implements io.Writer.
func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
