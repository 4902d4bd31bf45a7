package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/internal/db"
	"countersign/internal/redistest"
)

// lostRedis is what a replica logs when Redis does not answer.
const lostRedis = "Redis does not answer"

// Two replicas and one Redis: a partner has one device budget, wherever it calls.
func TestRedis_oneBudgetOverReplicas(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := newSite(t, db.Postgres, "COUNTERSIGN_REDIS_URL="+redis.URL(),
		"COUNTERSIGN_DEVICES_PER_HOUR=20", "COUNTERSIGN_TENANT_DEVICES_PER_HOUR=20")
	a, b := s.start(), s.start()
	p := newPeople(t, s)
	p.agree(a, p.tenant, p.customer)
	onA, onB := p.as(a, p.reseller), p.as(b, p.reseller)

	undisturbed(t, redis, []*replica{a, b}, func() error {
		_, large := refusal(t, onA, p.delivery(p.tenant, 21), http.StatusBadRequest, "upload_larger_than_budget")
		_, all := onA.Submit(t.Context(), p.delivery(p.tenant, 20).Submission) // so the refusal cost nothing
		retry, more := refusal(t, onB, p.delivery(p.tenant, 1), http.StatusTooManyRequests, "rate_limit_exceeded")
		if more == nil && (retry <= 0 || retry > 4*time.Minute) {
			more = fmt.Errorf("one device of 20 an hour may come after %v, want some 3 minutes", retry)
		}
		_, again := refusal(t, onB, p.delivery(p.tenant, 21), http.StatusBadRequest, "upload_larger_than_budget")
		return errors.Join(large, all, more, again)
	})

	if err := redis.Kill(); err != nil {
		t.Fatal(err)
	}
	p.send(onB, p.delivery(p.tenant, 1)) // of its own part
	a.awaitShared("0")                   // without a call: it announces itself
	b.awaitShared("0")
	b.awaitReady()
	if err := redis.Start(); err != nil {
		t.Fatal(err)
	}
	a.awaitShared("1")
	b.awaitShared("1")
	for _, r := range []*replica{a, b} {
		if log := r.log.String(); !strings.Contains(log, lostRedis) || strings.Contains(log, "default:") {
			t.Errorf("want a log that tells of the outage and not the password:\n%s", tail(log))
		}
	}
}

// undisturbed plays a story with fresh budgets, again if a busy machine made Redis
// look absent in the middle.
func undisturbed(t *testing.T, redis *redistest.Server, replicas []*replica, story func() error) {
	t.Helper()
	outages := func() (n int) {
		for _, r := range replicas {
			r.awaitShared("1")
			n += strings.Count(r.log.String(), lostRedis)
		}
		return n
	}
	for range 5 {
		before := outages()
		if err := redis.Do("FLUSHALL"); err != nil {
			t.Fatal(err)
		}
		err := story()
		if outages() > before {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("Redis looked absent in each of five tries")
}

// refusal sends a delivery that must be refused, and returns Retry-After.
func refusal(t *testing.T, cl *client.Client, d delivery, status int, reason string) (time.Duration, error) {
	t.Helper()
	_, err := cl.Submit(t.Context(), d.Submission)
	var refused *client.APIError
	if !errors.As(err, &refused) || refused.Status != status || refused.Reason != reason {
		return 0, fmt.Errorf("%d devices: %v, want status %d %s", d.rows, err, status, reason)
	}
	return refused.RetryAfter, nil
}

// awaitShared waits until the replica's gauge of shared budgets has a value.
func (r *replica) awaitShared(value string) {
	r.t.Helper()
	await(r.t, 30*time.Second, "budgets shared to be "+value, func(ctx context.Context) bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/metrics", nil)
		if err != nil {
			return false
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return err == nil && strings.Contains(string(text), "\ncountersign_budgets_shared "+value+"\n")
	})
}
