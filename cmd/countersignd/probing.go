package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"countersign/gateway/ratelimit"
	"countersign/models"
)

// probing is the limit on what partners find out by trying which devices there are
// (docs/adr/0018). Uploads are refused by it, work that is accepted already waits.
type probing struct {
	missesPerHour int64
	limiter       *ratelimit.Limiter
	log           *slog.Logger

	learned  *prometheus.CounterVec // by what
	withheld *prometheus.CounterVec // by where
}

func newProbing(c Config, limiter *ratelimit.Limiter, log *slog.Logger) *probing {
	return &probing{
		missesPerHour: c.MissesPerHour, limiter: limiter, log: log,
		learned: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_probing_learned_total",
			Help: "What partners learned by naming devices: misses, and claims on factory records that do not name them.",
		}, []string{"what"}),
		withheld: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_probing_withheld_total",
			Help: "Uploads refused and dispatches put off because their partner guessed too much.",
		}, []string{"where"}),
	}
}

func (p *probing) collectors() []prometheus.Collector {
	return []prometheus.Collector{p.learned, p.withheld}
}

// Wait returns how long a partner has to wait before it may miss once more.
func (p *probing) Wait(ctx context.Context, partner models.PartnerID) (time.Duration, error) {
	d, err := p.peek(ctx, partner)
	if err == nil && !d.Admitted {
		p.withheld.WithLabelValues("dispatch").Inc()
	}
	return d.RetryAfter, err
}

// MayGuess refuses an upload while Wait is not zero.
func (p *probing) MayGuess(ctx context.Context, partner models.PartnerID) error {
	d, err := p.peek(ctx, partner)
	if err != nil || d.Admitted {
		return err
	}
	p.withheld.WithLabelValues("upload").Inc()
	return ratelimit.ErrExhausted.WithRetryAfter(d.RetryAfter).WithDetail(
		"Rate limit is exceeded. Try again in %d seconds. Too many devices that you named by product key id, or by manufacturer, model and serial number, were not to be had: the limit is %d an hour. Nothing was stored. Uploads that name every device by its hardware hash are taken meanwhile.",
		int64(d.RetryAfter/time.Second), p.missesPerHour)
}

func (p *probing) peek(ctx context.Context, partner models.PartnerID) (ratelimit.Decision, error) {
	return p.limiter.Peek(ctx, []ratelimit.Charge{p.charge(partner, ratelimit.MissPoints)})
}

// Count adds what a partner learned, and says so in the log when that was all it may.
func (p *probing) Count(ctx context.Context, partner models.PartnerID, misses, claims int) error {
	p.learned.WithLabelValues("misses").Add(float64(misses))
	p.learned.WithLabelValues("claims").Add(float64(claims))
	d, err := p.limiter.Take(ctx, p.charge(partner, int64(misses)*ratelimit.MissPoints+int64(claims)))
	if err == nil && misses+claims > 0 && d.Tightest.Remaining < ratelimit.MissPoints {
		p.log.WarnContext(ctx, "a partner has used up its probing limit: it names devices by hash only until some of it is earned back",
			"partner", partner, "misses", misses, "claims", claims)
	}
	return err
}

// Asked counts a consent request that names nobody known as a miss, and takes the same
// time for one that does.
func (p *probing) Asked(ctx context.Context, partner models.PartnerID, known bool) {
	misses := 1
	if known {
		misses = 0
	}
	if err := p.Count(ctx, partner, misses, 0); err != nil {
		p.log.WarnContext(ctx, "a consent request could not be counted against the probing limit", "partner", partner, "error", err)
	}
}

func (p *probing) charge(partner models.PartnerID, points int64) ratelimit.Charge {
	return ratelimit.ForGuesses(partner, p.missesPerHour, points)
}
