// Package recent keeps answers for a moment, so that what every request asks is asked once
// in that moment and not once a request. An answer is never older than the cache's life,
// counted from before it was asked for; Clear makes a change of one's own count at once.
package recent

import (
	"context"
	"sync"
	"time"
)

// Cache keeps values by key. It is safe for concurrent use. Errors are not kept.
type Cache[K comparable, V any] struct {
	life time.Duration
	most int
	now  func() time.Time

	mu      sync.RWMutex
	kept    map[K]entry[V]
	cleared uint64
}

type entry[V any] struct {
	value V
	asked time.Time
}

// New makes a cache that keeps at most so many values for so long. now is the clock.
func New[K comparable, V any](life time.Duration, most int, now func() time.Time) *Cache[K, V] {
	return &Cache[K, V]{life: life, most: most, now: now, kept: map[K]entry[V]{}}
}

// Get returns the value of a key, asking for it when it is not known or too old.
func (c *Cache[K, V]) Get(ctx context.Context, key K, ask func(context.Context) (V, error)) (V, error) {
	began := c.now()
	c.mu.RLock()
	found, ok := c.kept[key]
	cleared := c.cleared
	c.mu.RUnlock()
	if age := began.Sub(found.asked); ok && age >= 0 && age < c.life {
		return found.value, nil
	}
	value, err := ask(ctx)
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cleared == cleared { // else the answer may be from before the change
		c.makeRoom(began)
		c.kept[key] = entry[V]{value, began}
	}
	return value, nil
}

// makeRoom drops what is too old, and everything when that is not enough.
func (c *Cache[K, V]) makeRoom(now time.Time) {
	if len(c.kept) < c.most {
		return
	}
	for key, e := range c.kept {
		if now.Sub(e.asked) >= c.life {
			delete(c.kept, key)
		}
	}
	if len(c.kept) >= c.most {
		clear(c.kept)
	}
}

// Clear forgets everything, and what is being asked for now.
func (c *Cache[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cleared++
	clear(c.kept)
}
