package ratelimit

import "time"

// pool is a set of buckets: a slice that a hand can walk in small steps, and an
// index into it by id.
type pool struct {
	buckets []bucket
	index   map[string]int
	hand    int // where the sweep goes on
	limit   int // most buckets at a time; 0 means no limit
}

// bucket is spent up to the instant fullAt, when its budget is whole again.
type bucket struct {
	id     string
	fullAt time.Duration
}

func newPool(limit int) pool { return pool{index: map[string]int{}, limit: limit} }

// backlog returns what a bucket still owes. More than burst cannot come from
// spending (see the package comment); it is cut for good, because an obedient
// caller who waits as told must find the bucket as it was told.
func (p *pool) backlog(id string, burst, now time.Duration) time.Duration {
	i, ok := p.index[id]
	if !ok {
		return 0
	}
	b := &p.buckets[i]
	b.fullAt = min(b.fullAt, now+burst)
	return max(0, b.fullAt-now)
}

// put sets a bucket, adding it if need be.
func (p *pool) put(id string, fullAt time.Duration) {
	if i, ok := p.index[id]; ok {
		p.buckets[i].fullAt = fullAt
		return
	}
	if p.limit > 0 && len(p.buckets) >= p.limit {
		p.replace(p.nearestToEmpty(), bucket{id, fullAt})
		return
	}
	p.index[id] = len(p.buckets)
	p.buckets = append(p.buckets, bucket{id, fullAt})
}

// lower takes an amount off a bucket. One that was swept has nothing left to lower;
// one that falls into the past is simply empty.
func (p *pool) lower(id string, by time.Duration) {
	if i, ok := p.index[id]; ok {
		p.buckets[i].fullAt -= by
	}
}

func (p *pool) replace(i int, b bucket) {
	delete(p.index, p.buckets[i].id)
	p.buckets[i] = b
	p.index[b.id] = i
}

// evictionSample is how many buckets compete for being forgotten.
const evictionSample = 8

// nearestToEmpty looks at the next few buckets under the hand, and moves it on, so
// that successive evictions look at different ones.
func (p *pool) nearestToEmpty() int {
	best := p.step()
	for range evictionSample - 1 {
		if i := p.step(); p.buckets[i].fullAt < p.buckets[best].fullAt {
			best = i
		}
	}
	return best
}

// step returns the bucket under the hand and moves the hand on.
func (p *pool) step() int {
	i := p.hand % len(p.buckets)
	p.hand = i + 1
	return i
}

// sweep looks at up to n buckets and removes those that are empty again.
func (p *pool) sweep(n int, now time.Duration) {
	for range min(n, len(p.buckets)) {
		i := p.step()
		if p.buckets[i].fullAt <= now {
			p.remove(i)
			p.hand = i // the last bucket has come here and is looked at next
		}
	}
}

// remove puts the last bucket in the place of the removed one.
func (p *pool) remove(i int) {
	last := len(p.buckets) - 1
	delete(p.index, p.buckets[i].id)
	if i != last {
		p.buckets[i] = p.buckets[last]
		p.index[p.buckets[i].id] = i
	}
	p.buckets[last] = bucket{}
	p.buckets = p.buckets[:last]
}
