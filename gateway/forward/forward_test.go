package forward

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"countersign/consent"
	"countersign/internal/errs"
	"countersign/models"
)

func TestRunOnce_registersAndFinishesTheUpload(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 3)
		var got models.Submission
		s.core.register = func(sub models.Submission) (models.Result, error) {
			got = sub
			a := registered(sub)
			a[1] = models.Answer{Row: 2, Code: models.OutcomeOtherTenant}
			return models.Result{Answers: a}, nil
		}
		s.run(t, true)
		s.run(t, false)

		if got.Upload != u.TrackingID || len(got.Rows) != 3 || got.Rows[2].Identity.SerialNumber != "SN-3" || got.Rows[2].Identity.Hash[0] != 2 {
			t.Errorf("the core was sent %+v", got)
		}
		if want := s.clock.Now().Add(consent.NotAfterBound); !got.Authority.NotAfter.Equal(want) {
			t.Errorf("notAfter = %v, want %v", got.Authority.NotAfter, want)
		}
		up, rows, ds := s.reload(t, u)
		if up.State != models.UploadFinishedWithErrors || up.OpenRows != 0 || up.ErrorRows != 1 || up.CompletedAt == nil || up.StartedAt == nil {
			t.Errorf("upload = %+v", up)
		}
		if rows[1].ErrorCode != "808" || rows[0].DeviceID == nil || *rows[0].DeviceID != "device-1" || rows[2].SettledAt == nil {
			t.Errorf("rows = %+v", rows)
		}
		if ds[0].State != models.DispatchDone || ds[0].Attempt != 1 {
			t.Errorf("dispatch = %+v", ds[0])
		}
		if s.gate.used != 2 || s.gate.released != 1 {
			t.Errorf("used %d released %d, want 2 and 1", s.gate.used, s.gate.released)
		}
		left, err := gorm.G[models.UploadHash](s.db.Read()).Where("upload_id = ?", u.ID).Count(t.Context(), "*")
		if err != nil || left != 0 {
			t.Errorf("%d hashes are left, %v", left, err)
		}
	})
}

func TestRunOnce_largeUploadIsSeveralDispatches(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 1001)
		for range 3 {
			s.run(t, true)
		}
		up, rows, ds := s.reload(t, u)
		if up.State != models.UploadFinished || len(ds) != 3 || rows[1000].SettledAt == nil {
			t.Errorf("upload %+v, %d dispatches", up, len(ds))
		}
	})
}

func TestRunOnce_goesRoundThePartners(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		busy, quiet := models.PartnerID("a-busy"), models.PartnerID("b-quiet")
		s.upload(t, busy, 1500)
		s.upload(t, quiet, 1)
		s.run(t, true)
		s.run(t, true)
		if want := []string{"register 500", "register 1"}; !slices.Equal(s.core.calls, want) {
			t.Errorf("calls %v, want %v: a backlog starves a single device", s.core.calls, want)
		}
	})
}

func TestRunOnce_unknownOutcomeIsTriedAgainAndNothingIsGuessed(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 1)
		s.core.register = func(models.Submission) (models.Result, error) {
			return models.Result{}, errors.New("connection reset")
		}
		s.run(t, true)
		up, rows, ds := s.reload(t, u)
		if rows[0].SettledAt != nil || up.OpenRows != 1 || ds[0].State != models.DispatchReady || !ds[0].EverSent {
			t.Fatalf("row %+v dispatch %+v", rows[0], ds[0])
		}
		s.run(t, false) // not before the backoff
		s.clock.Advance(time.Minute)
		s.core.register = nil
		s.run(t, true)
		if up, _, _ := s.reload(t, u); up.State != models.UploadFinished {
			t.Errorf("upload = %v", up.State)
		}
	})
}

func TestRunOnce_revokedAfterALostAnswerIsResolvedFirst(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 2)
		s.core.register = func(models.Submission) (models.Result, error) { return models.Result{}, errors.New("reset") }
		s.run(t, true)
		s.gate.set(consent.VerdictEnded, consent.ReasonRevoked, 2)
		s.core.resolve = func(models.TrackingID, []int) ([]models.Answer, error) {
			return []models.Answer{{Row: 1, DeviceID: "kept"}, {Row: 2, Absent: true}}, nil
		}
		s.clock.Advance(time.Minute)
		s.run(t, true)
		_, rows, _ := s.reload(t, u)
		if rows[0].ErrorCode != "" || rows[0].DeviceID == nil {
			t.Errorf("the core registered row 1 before the revoke; it says %+v", rows[0])
		}
		if rows[1].ErrorCode != models.OutcomeConsentEnded || rows[1].Detail == "" {
			t.Errorf("row 2 = %+v", rows[1])
		}
		if s.gate.used != 1 || s.gate.released != 1 {
			t.Errorf("used %d released %d", s.gate.used, s.gate.released)
		}
	})
}

func TestRunOnce_endedGrantIsNeverSent(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 2)
		s.gate.set(consent.VerdictEnded, consent.ReasonRevoked, 2)
		s.run(t, true)
		if len(s.core.calls) != 0 {
			t.Errorf("the core was called: %v", s.core.calls)
		}
		up, rows, _ := s.reload(t, u)
		if up.State != models.UploadFinishedWithErrors || rows[1].ErrorCode != models.OutcomeConsentEnded {
			t.Errorf("upload %v row %+v", up.State, rows[1])
		}
	})
}

func TestRunOnce_suspendedGrantIsHeldAndThenGivenUp(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 1)
		s.gate.set(consent.VerdictHeld, consent.ReasonSuspended, 2)
		s.run(t, true)
		_, rows, ds := s.reload(t, u)
		if rows[0].SettledAt != nil || ds[0].State != models.DispatchReady || ds[0].Attempt != 0 {
			t.Fatalf("row %+v dispatch %+v", rows[0], ds[0])
		}
		s.clock.Advance(25 * time.Hour)
		s.run(t, true)
		if _, rows, _ := s.reload(t, u); rows[0].ErrorCode != models.OutcomeConsentEnded {
			t.Errorf("row = %+v", rows[0])
		}
	})
}

func TestRunOnce_giveUpResolvesAndAnswers640(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 1)
		s.core.register = func(models.Submission) (models.Result, error) { return models.Result{}, errors.New("down") }
		s.core.resolve = func(models.TrackingID, []int) ([]models.Answer, error) { return nil, errors.New("down") }
		s.run(t, true)
		s.clock.Advance(24*time.Hour + time.Minute)
		s.run(t, true) // resolving fails too: still nothing is said
		if _, rows, _ := s.reload(t, u); rows[0].SettledAt != nil {
			t.Fatalf("row settled without the core's word: %+v", rows[0])
		}
		s.clock.Advance(2 * time.Hour)
		s.run(t, true)
		_, rows, _ := s.reload(t, u)
		if rows[0].ErrorCode != models.OutcomeStorageError || !strings.Contains(rows[0].Detail, "may be registered") {
			t.Errorf("row = %+v", rows[0])
		}
	})
}

func TestRunOnce_fencedWithAFreshEpochGoesAgain(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 1)
		s.core.register = func(sub models.Submission) (models.Result, error) {
			if sub.Authority.Epochs[0].Epoch < 2 {
				s.gate.set(consent.VerdictActive, "", 2) // resumed meanwhile
				return models.Result{Refusal: &models.Refusal{Reason: models.RefusedByFence, Subject: sub.Authority.Epochs[0], MinEpoch: 2}}, nil
			}
			return models.Result{Answers: registered(sub)}, nil
		}
		s.run(t, true)
		s.run(t, true)
		up, _, ds := s.reload(t, u)
		if up.State != models.UploadFinished || ds[0].GrantEpoch != 2 || s.gate.forced != 0 {
			t.Errorf("upload %v, dispatch %+v, forced %d", up.State, ds[0], s.gate.forced)
		}
	})
}

func TestRunOnce_coreAheadOfTheGatewayEndsTheGrant(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 1)
		s.core.register = func(sub models.Submission) (models.Result, error) {
			return models.Result{Refusal: &models.Refusal{Reason: models.RefusedByFence, Subject: sub.Authority.Epochs[0], MinEpoch: 7}}, nil
		}
		s.run(t, true)
		if s.gate.forced != 7 {
			t.Fatalf("a restored gateway still calls the grant active (forced %d)", s.gate.forced)
		}
		s.run(t, true)
		if _, rows, _ := s.reload(t, u); rows[0].ErrorCode != models.OutcomeConsentEnded {
			t.Errorf("row = %+v", rows[0])
		}
	})
}

func TestRunOnce_lateIsNeverARowsOutcome(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 1)
		s.core.register = func(models.Submission) (models.Result, error) {
			return models.Result{Refusal: &models.Refusal{Reason: models.RefusedAsLate}}, nil
		}
		s.run(t, true)
		if _, rows, ds := s.reload(t, u); rows[0].SettledAt != nil || ds[0].State != models.DispatchReady {
			t.Errorf("row %+v dispatch %+v", rows[0], ds[0])
		}
	})
}

func TestRunOnce_refusalKeepsStoredAnswers(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 3)
		s.core.register = func(sub models.Submission) (models.Result, error) {
			s.gate.set(consent.VerdictEnded, consent.ReasonRevoked, 2)
			return models.Result{
				Answers: registered(sub)[:1],
				Refusal: &models.Refusal{Reason: models.RefusedByFence, Subject: sub.Authority.Epochs[0], MinEpoch: 2},
			}, nil
		}
		s.run(t, true)
		s.run(t, true)
		up, rows, _ := s.reload(t, u)
		if rows[0].ErrorCode != "" || rows[1].ErrorCode != "9001" || rows[2].ErrorCode != "9001" || up.ErrorRows != 2 || up.OpenRows != 0 {
			t.Errorf("upload %+v rows %+v", up, rows)
		}
		if !slices.Contains(s.core.calls, "resolve 2") {
			t.Errorf("calls %v: rows that were sent must be resolved before 9001", s.core.calls)
		}
	})
}

func TestRunOnce_answersThatDoNotFitStopTheDispatch(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 2)
		s.core.register = func(sub models.Submission) (models.Result, error) {
			return models.Result{Answers: []models.Answer{{Row: 1}, {Row: 1}}}, nil
		}
		s.run(t, true)
		_, rows, ds := s.reload(t, u)
		if ds[0].State != models.DispatchStopped || rows[0].SettledAt != nil {
			t.Fatalf("dispatch %+v row %+v", ds[0], rows[0])
		}
		stopped, err := s.f.Stopped(t.Context(), 0, 10)
		if err != nil || len(stopped) != 1 {
			t.Fatalf("Stopped = %v, %v", stopped, err)
		}
		s.core.register = nil
		if err := s.f.Restart(t.Context(), stopped[0].ID); err != nil {
			t.Fatal(err)
		}
		s.run(t, true)
		if up, _, _ := s.reload(t, u); up.State != models.UploadFinished {
			t.Errorf("upload = %v", up.State)
		}
		if err := s.f.Restart(t.Context(), stopped[0].ID); !errors.Is(err, ErrNoDispatch) {
			t.Errorf("second restart: %v", err)
		}
	})
}

func TestRunOnce_brokenContractStops(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 1)
		s.core.register = func(models.Submission) (models.Result, error) {
			return models.Result{}, errs.New(errs.Invalid, "bad_submission", "The upload id is not a GUID.")
		}
		s.run(t, true)
		if _, _, ds := s.reload(t, u); ds[0].State != models.DispatchStopped || ds[0].LastError == "" {
			t.Errorf("dispatch = %+v", ds[0])
		}
	})
}

func TestLease_expiredOneIsTakenOverAndTheZombieChangesNothing(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 1)
		d, err := s.f.next(t.Context())
		if err != nil || d == nil {
			t.Fatal(err)
		}
		zombie, err := s.f.claim(t.Context(), *d)
		if err != nil {
			t.Fatal(err)
		}
		s.run(t, false) // leased
		s.clock.Advance(31 * time.Second)
		other := s.another("worker-2")
		if worked, err := other.RunOnce(t.Context()); err != nil || !worked {
			t.Fatalf("take-over: %v %v", worked, err)
		}
		late := settled{answers: []models.Answer{{Row: 1, Code: models.OutcomeOtherTenant}}, final: true}
		if err := s.f.settle(t.Context(), zombie, late); err != nil {
			t.Fatal(err)
		}
		if s.probing.misses != 0 {
			t.Error("the zombie's answer counted as a miss")
		}
		up, rows, _ := s.reload(t, u)
		if rows[0].ErrorCode != "" || up.State != models.UploadFinished || s.gate.used != 1 || s.gate.released != 0 {
			t.Errorf("the zombie wrote: row %+v upload %+v", rows[0], up)
		}
		if held, err := s.f.store.extend(t.Context(), zombie.dispatch, time.Minute); held || err != nil {
			t.Errorf("the zombie extended its lease: %v %v", held, err)
		}
	})
}

func TestLease_workersThatDieOverADispatchStopIt(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 1)
		s.core.register = func(models.Submission) (models.Result, error) { panic("poison") }
		for range 3 {
			if _, err := s.f.RunOnce(t.Context()); err == nil {
				t.Fatal("the panic was swallowed")
			}
			s.clock.Advance(31 * time.Second)
		}
		s.run(t, true)
		_, rows, ds := s.reload(t, u)
		if ds[0].State != models.DispatchStopped || ds[0].Crashes != 3 || ds[0].LastError == "" || rows[0].SettledAt != nil {
			t.Errorf("dispatch = %+v", ds[0])
		}
	})
}

func TestRunOnce_removal(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.uploadOf(t, samplePartner, models.UploadRemove, 1)
		s.run(t, true)
		if up, _, _ := s.reload(t, u); up.State != models.UploadFinished || s.gate.used != 0 {
			t.Errorf("upload %v used %d", up.State, s.gate.used)
		}
		if !slices.Equal(s.core.calls, []string{"remove to-remove"}) {
			t.Errorf("calls %v", s.core.calls)
		}
	})
}

func TestRun_startsWorkWhenWokenAndStopsClean(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		s.f.settings.Poll = time.Hour // only the wake-up can start the work
		done := make(chan struct{})
		s.core.register = func(sub models.Submission) (models.Result, error) {
			defer close(done)
			return models.Result{Answers: registered(sub)}, nil
		}
		ctx, stop := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() { s.f.Run(ctx); close(stopped) }()
		s.upload(t, samplePartner, 1)
		s.f.Wake()
		<-done
		stop()
		<-stopped
	})
}

func TestBackoff_growsToTheCapAndKeepsHalf(t *testing.T) {
	s := Settings{}.withDefaults()
	for _, c := range []struct {
		attempt int
		jitter  float64
		want    time.Duration
	}{
		{1, 0, 250 * time.Millisecond},
		{1, 1, 500 * time.Millisecond},
		{2, 1, time.Second},
		{30, 1, time.Minute},
		{1000, 0, 30 * time.Second},
	} {
		if got := backoff(s, c.attempt, func() float64 { return c.jitter }); got != c.want {
			t.Errorf("backoff(%d, %v) = %v, want %v", c.attempt, c.jitter, got, c.want)
		}
	}
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		s.upload(t, samplePartner, 501)
		s.clock.Advance(time.Minute)
		b, err := s.f.Backlog(t.Context())
		if err != nil || b.Waiting != 2 || b.Stopped != 0 || b.Oldest < 59 {
			t.Errorf("Backlog = %+v, %v", b, err)
		}
	})
}
