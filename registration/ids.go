package registration

import (
	"context"
	"sync"
)

// identitySeries is the series of identity numbers, blockSize how many are drawn
// at once. Numbers left over when a process ends are lost, which costs nothing.
const (
	identitySeries = "identities"
	blockSize      = 10_000
)

// idBlock hands out identity numbers that no other process has. They are drawn
// before the registering transaction: within it, the counter's row would make all
// registrations wait for each other.
type idBlock struct {
	store     store
	mu        sync.Mutex
	next, end int64
}

// take returns the first of n consecutive numbers.
func (b *idBlock) take(ctx context.Context, n int) (int64, error) {
	if n == 0 {
		return 0, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.end-b.next < int64(n) {
		size := max(blockSize, int64(n))
		first, err := b.store.drawIDs(ctx, identitySeries, size)
		if err != nil {
			return 0, err
		}
		b.next, b.end = first, first+size
	}
	first := b.next
	b.next += int64(n)
	return first, nil
}
