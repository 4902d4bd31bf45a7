package forward

import (
	"context"
	"sync"
	"time"

	"countersign/internal/errs"
	"countersign/models"
)

// The refusals of uploads while too much waits. Both pass by waiting.
var (
	// ErrTooMuchWaiting: of this partner.
	ErrTooMuchWaiting = errs.New(errs.RateLimited, "too_much_waiting", "Too many of your devices wait to be registered.")
	// ErrBehind: of everybody; the workers do not keep up.
	ErrBehind = errs.New(errs.RateLimited, "service_behind", "The service is behind with registering.")
)

// Bounds of what a refused caller is told to wait.
const (
	shortestWait = 5 * time.Second
	usualWait    = 30 * time.Second // when nothing tells how fast the queue gets shorter
	longestWait  = 5 * time.Minute
)

// How old the look at the queue may be, and how far apart two looks tell a speed.
const (
	lookFor  = time.Second
	speedFor = 5 * time.Second
)

// pressure remembers, for a second, what waits over all replicas. It may be a second
// behind, so that a partner can pass its limit by what it sends in one.
type pressure struct {
	mu      sync.Mutex
	at      time.Time // of the last look
	waiting map[models.PartnerID]int64
	behind  time.Duration // how long the oldest due dispatch has been due

	before   map[models.PartnerID]int64 // an older look, to tell the speed
	beforeAt time.Time
}

// Admit refuses a partner's upload while too many of its devices wait or the workers are
// too far behind. What waits for a pause of its own, for example under a suspended
// consent or because the core is away, is not behind, but it does wait.
func (f *Forwarder) Admit(ctx context.Context, partner models.PartnerID) error {
	p := &f.pressure
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := f.look(ctx); err != nil {
		return err
	}
	if over := p.waiting[partner] - f.settings.PartnerWaiting; over > 0 {
		return ErrTooMuchWaiting.WithRetryAfter(p.wait(partner, over)).WithDetail(
			"%d of your devices wait to be registered; more are taken when these are fewer than %d. Send the upload again later, with the same request id.",
			p.waiting[partner], f.settings.PartnerWaiting)
	}
	if p.behind > f.settings.MostBehind {
		return ErrBehind.WithRetryAfter(usualWait).WithDetail(
			"The service is %d minutes behind with registering and takes nothing new until it has caught up. Nothing was stored. Send the upload again later, with the same request id.",
			int(p.behind.Minutes()))
	}
	return nil
}

// look reads what waits unless that was done just now.
func (f *Forwarder) look(ctx context.Context) error {
	p, now := &f.pressure, f.now()
	if age := now.Sub(p.at); p.waiting != nil && age >= 0 && age < lookFor {
		return nil
	}
	waiting, behind, err := f.store.waiting(ctx)
	if err != nil {
		return err
	}
	if p.waiting != nil && now.Sub(p.beforeAt) >= speedFor {
		p.before, p.beforeAt = p.waiting, p.at
	}
	p.waiting, p.behind, p.at = waiting, behind, now
	return nil
}

// wait is how long it takes until so many fewer of a partner's devices wait, as fast as
// their number went down lately.
func (p *pressure) wait(partner models.PartnerID, over int64) time.Duration {
	gone, in := p.before[partner]-p.waiting[partner], p.at.Sub(p.beforeAt)
	if p.before == nil || gone <= 0 || in <= 0 {
		return usualWait
	}
	need := time.Duration(float64(in) * float64(over) / float64(gone))
	return min(max(need, shortestWait), longestWait).Round(time.Second)
}
