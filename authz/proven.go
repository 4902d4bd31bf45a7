package authz

import (
	"crypto/sha256"
	"sync"
)

// provenKept bounds how many tokens are remembered, in each of two halves.
const provenKept = 10_000

// proven remembers access tokens whose signature was verified, by their digest: a client
// sends the same token for its whole life, and verifying one costs more than everything
// else that is done about it. Only what was found good is remembered, so that nobody can
// fill it without keys of ours. What time says about a token is looked at every time.
type proven struct {
	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]provenToken
}

type provenToken struct {
	kid    string // under which it was verified; a key that is gone proves nothing
	claims claimSet
}

func (p *proven) find(digest [sha256.Size]byte) (provenToken, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if t, ok := p.young[digest]; ok {
		return t, true
	}
	t, ok := p.old[digest]
	return t, ok
}

func (p *proven) add(digest [sha256.Size]byte, t provenToken) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.young) >= provenKept || p.young == nil {
		p.young, p.old = make(map[[sha256.Size]byte]provenToken), p.young
	}
	p.young[digest] = t
}
