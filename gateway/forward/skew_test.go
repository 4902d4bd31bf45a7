package forward

import (
	"testing"
	"time"

	"countersign/consent"
	"countersign/models"
)

// skewed is a forwarder on a machine whose clock is off by d from the database's.
func (s *stack) skewed(d time.Duration) *Forwarder {
	f := s.another("skewed")
	f.now = func() time.Time { return s.clock.Now().Add(d) }
	return f
}

func TestRunOnce_aMachineThatIsBehindStartsAtOnce(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		s.upload(t, samplePartner, 1)
		if worked, err := s.skewed(-5 * time.Second).RunOnce(t.Context()); err != nil || !worked {
			t.Errorf("worked %v, %v; the upload is due by the database's clock", worked, err)
		}
	})
}

func TestRunOnce_aMachineThatIsAheadDoesNotSpin(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		s.upload(t, samplePartner, 1)
		s.gate.set(consent.VerdictHeld, consent.ReasonSuspended, 1)
		s.run(t, true) // held back for a while
		s.gate.set(consent.VerdictActive, "", 2)
		if worked, err := s.skewed(time.Hour).RunOnce(t.Context()); err != nil || worked {
			t.Errorf("worked %v, %v; nothing is due by the database's clock", worked, err)
		}
	})
}

// TestClaim_leavesALeaseThatWasRenewedMeanwhile: the heartbeat came between the
// look for work and the claim.
func TestClaim_leavesALeaseThatWasRenewedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verdict consent.Verdict
		crashes int
	}{
		"held":    {consent.VerdictHeld, 0},
		"stopped": {consent.VerdictActive, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothDialects(t, func(t *testing.T, s *stack) {
				w := s.renewed(t, c.crashes)
				s.gate.set(c.verdict, consent.ReasonSuspended, 1)
				if _, err := s.another("worker-2").claim(t.Context(), w); err == nil {
					t.Error("a lease that was renewed was taken")
				}
				var state models.DispatchState
				if err := s.db.Read().WithContext(t.Context()).Raw("SELECT state FROM dispatches").Scan(&state).Error; err != nil {
					t.Fatal(err)
				}
				if state != models.DispatchLeased {
					t.Errorf("the dispatch is %s while its worker is alive", state)
				}
			})
		})
	}
}

// renewed leases a dispatch and returns it as another worker saw it, just before
// the heartbeat that renewed the lease.
func (s *stack) renewed(t *testing.T, crashes int) models.Dispatch {
	t.Helper()
	s.upload(t, samplePartner, 1)
	found, err := s.f.next(t.Context())
	if err != nil || found == nil {
		t.Fatalf("found %v, %v", found, err)
	}
	found.Crashes = crashes
	w, err := s.f.claim(t.Context(), *found)
	if err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(s.f.settings.Lease + time.Second)
	stale, err := s.f.next(t.Context())
	if err != nil || stale == nil {
		t.Fatalf("found %v, %v", stale, err)
	}
	if held, err := s.f.store.extend(t.Context(), w.dispatch, s.f.settings.Lease); err != nil || !held {
		t.Fatalf("heartbeat: held %v, %v", held, err)
	}
	return *stale
}
