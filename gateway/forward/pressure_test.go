package forward

import (
	"errors"
	"testing"
	"time"

	"countersign/consent"
	"countersign/internal/errs"
	"countersign/models"
)

func TestAdmit_limitsWhatAPartnerHasWaiting(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		s.f.settings.PartnerWaiting = 1200
		admit := func(what string, partner models.PartnerID, want error) *errs.Error {
			t.Helper()
			err := s.f.Admit(t.Context(), partner)
			if !errors.Is(err, want) || want == nil && err != nil {
				t.Fatalf("%s: %v, want %v", what, err, want)
			}
			return errs.From(err)
		}
		admit("an empty queue", samplePartner, nil)
		s.upload(t, samplePartner, 1000)
		s.upload(t, samplePartner, 1000)
		s.upload(t, "other", 1)
		admit("within the second", samplePartner, nil)
		s.clock.Advance(lookFor)
		if e := admit("2000 of 1200", samplePartner, ErrTooMuchWaiting); e.RetryAfter != usualWait || e.Kind != errs.RateLimited {
			t.Errorf("%+v", e)
		}
		admit("another partner", "other", nil)
		admit("a tenant of its own", "", nil)
		// 500 in 5 seconds: the 300 that are too many take 3, and nobody is told less than 5.
		s.clock.Advance(speedFor)
		admit("to see the speed", samplePartner, ErrTooMuchWaiting)
		s.run(t, true)
		s.run(t, true) // the other partner's
		s.clock.Advance(speedFor)
		if e := admit("1500 of 1200", samplePartner, ErrTooMuchWaiting); e.RetryAfter != shortestWait {
			t.Errorf("told to wait %v", e.RetryAfter)
		}
		s.run(t, true)
		s.clock.Advance(lookFor)
		admit("1000 of 1200", samplePartner, nil)
	})
}

// What waits for a worker is behind; what waits for its own pause is not.
func TestAdmit_whileTheWorkersAreBehind(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		s.upload(t, samplePartner, 1)
		s.clock.Advance(9 * time.Minute)
		if err := s.f.Admit(t.Context(), "other"); err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(2 * time.Minute)
		if err := s.f.Admit(t.Context(), "other"); !errors.Is(err, ErrBehind) {
			t.Errorf("11 minutes behind: %v", err)
		}
		s.gate.set(consent.VerdictHeld, "suspended", 1)
		s.run(t, true) // put aside
		s.clock.Advance(lookFor)
		if err := s.f.Admit(t.Context(), "other"); err != nil {
			t.Errorf("held work is behind: %v", err)
		}
	})
}

func TestPressure_tellsHowLongToWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, now, over int64
		want              time.Duration
	}{
		"unknown":        {0, 0, 1, usualWait},
		"getting longer": {100, 200, 50, usualWait},
		"as it goes":     {1000, 900, 200, 20 * time.Second},
		"soon":           {1000, 0, 1, shortestWait},
		"very slow":      {1000, 999, 500, longestWait},
	} {
		p := &pressure{at: time.Unix(110, 0), beforeAt: time.Unix(100, 0), waiting: map[models.PartnerID]int64{"p": c.now}}
		if c.before > 0 {
			p.before = map[models.PartnerID]int64{"p": c.before}
		}
		if got := p.wait("p", c.over); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
