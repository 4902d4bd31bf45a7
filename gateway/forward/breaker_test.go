package forward

import (
	"slices"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
)

func TestBreaker(t *testing.T) {
	t.Parallel()
	now := time.Date(2031, 2, 3, 10, 0, 0, 0, time.UTC)
	b := &breaker{}
	want := func(what string, ok, probe bool) {
		t.Helper()
		if gotOK, gotProbe := b.allow(now); gotOK != ok || gotProbe != probe {
			t.Fatalf("%s: allowed %v, probe %v", what, gotOK, gotProbe)
		}
	}
	for range breakAfter - 1 {
		b.silent(now)
	}
	want("four failures", true, false)
	b.answered()
	for range breakAfter {
		want("closed", true, false)
		b.silent(now)
	}
	want("open", false, false)
	if !b.open() {
		t.Error("it says that it is closed")
	}
	now = now.Add(firstPause)
	want("after the pause", true, true)
	want("while one tries", false, false)
	b.untried()
	want("after one that made no call", true, true)
	b.silent(now)
	now = now.Add(firstPause)
	want("within the longer pause", false, false)
	now = now.Add(firstPause)
	want("after the longer pause", true, true)
	now = now.Add(probeGivenUp)
	want("after one that never came back", true, true)
	for range 20 {
		b.silent(now)
	}
	now = now.Add(longestPause - 1)
	want("within the longest pause", false, false)
	now = now.Add(1)
	want("after the longest pause", true, true)
	b.answered()
	want("closed again", true, false)
	want("closed for all", true, false)
}

// A core that is down is asked five times, then once in a pause, however much waits; when
// it is back everything goes on.
func TestBreaker_sparesACoreThatIsDown(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		for range 8 {
			s.upload(t, samplePartner, 1)
		}
		down := true
		s.core.register = func(sub models.Submission) (models.Result, error) {
			if down {
				return models.Result{}, errs.New(errs.Unavailable, "core_unavailable", "connection refused")
			}
			return models.Result{Answers: registered(sub)}, nil
		}
		for range 8 {
			_, _ = s.f.RunOnce(t.Context())
		}
		if len(s.core.calls) != breakAfter {
			t.Fatalf("%d calls: %v", len(s.core.calls), s.core.calls)
		}
		if b, err := s.f.Backlog(t.Context()); err != nil || !b.Paused || b.Waiting != 8 {
			t.Errorf("backlog %+v, %v", b, err)
		}
		s.clock.Advance(firstPause)
		s.run(t, true)
		s.run(t, false)
		if len(s.core.calls) != breakAfter+1 {
			t.Errorf("%d calls", len(s.core.calls))
		}
		down = false
		s.clock.Advance(2 * time.Minute)
		for range 8 {
			s.run(t, true)
		}
		s.run(t, false)
		if b, err := s.f.Backlog(t.Context()); err != nil || b.Paused || b.Waiting != 0 {
			t.Errorf("backlog %+v, %v", b, err)
		}
	})
}

// A core that finds fault with a call is not down.
func TestBreaker_countsSilenceOnly(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		for range breakAfter + 2 {
			s.upload(t, samplePartner, 1)
		}
		s.core.register = func(models.Submission) (models.Result, error) {
			return models.Result{}, errs.New(errs.Invalid, "bad_submission", "No.")
		}
		for range breakAfter + 2 {
			s.run(t, true)
		}
		if slices.Contains(s.core.calls, "") || len(s.core.calls) != breakAfter+2 {
			t.Errorf("calls %v", s.core.calls)
		}
	})
}
