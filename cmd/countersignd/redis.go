package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"countersign/gateway/ratelimit"
)

// sharedBudgets is where replicas count budgets together.
type sharedBudgets struct {
	*ratelimit.Fallback
	redis *ratelimit.Redis
}

// openBudgets returns where budgets are counted, and the same as sharedBudgets if
// that is Redis. It connects to nothing yet: a server starts without Redis too.
func openBudgets(c Config, log *slog.Logger) (ratelimit.Store, *sharedBudgets, error) {
	if c.RedisURL == "" {
		return ratelimit.NewMemory(time.Now, 0), nil, nil
	}
	redis, err := ratelimit.OpenRedis(c.RedisURL)
	if err != nil {
		return nil, nil, fmt.Errorf("redis_url %w", err)
	}
	// The id tells two processes apart that have the same number in two containers.
	s := &sharedBudgets{ratelimit.NewFallback(redis, workerName()+"-"+newID(), time.Now, log), redis}
	return s, s, nil
}

// gauge tells an operator when replicas count by themselves.
func (s *sharedBudgets) gauge() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "countersign_budgets_shared",
		Help: "1 while budgets are counted in Redis, 0 while this replica counts its own part because Redis does not answer.",
	}, func() float64 {
		if s.Shared() {
			return 1
		}
		return 0
	})
}

// close ends the connections; there are none without Redis.
func (s *sharedBudgets) close() error {
	if s == nil {
		return nil
	}
	return s.redis.Close()
}
