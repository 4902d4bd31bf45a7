package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// followed is what was read from files that change while the server runs: certificates are
// renewed, authorities replaced. It looks at them at most once a second, and goes on with
// what it has when they cannot be read. It is safe for concurrent use.
type followed[T any] struct {
	name string // for the log
	read func() (T, error)
	same func(a, b T) bool
	now  func() time.Time
	log  *slog.Logger

	mu     sync.Mutex
	held   bool
	value  T
	looked time.Time
}

// current is what the files say, an error only while they were never read.
func (f *followed[T]) current() (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if f.held && now.Sub(f.looked).Abs() < time.Second {
		return f.value, nil
	}
	f.looked = now
	read, err := f.read()
	switch {
	case err != nil && !f.held:
		return read, err
	case err != nil:
		f.log.ErrorContext(context.Background(), f.name+" cannot be read again; the server goes on with what it has", "error", err)
		return f.value, nil
	case f.held && !f.same(f.value, read):
		f.log.InfoContext(context.Background(), f.name+" has changed")
	}
	f.value, f.held = read, true
	return read, nil
}
