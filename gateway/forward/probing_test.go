package forward

import (
	"context"
	"slices"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// named makes rows of an upload name their devices without a hash.
func (s *stack) named(t *testing.T, u models.Upload, ordinals ...int) {
	t.Helper()
	if err := s.db.Write().Exec("DELETE FROM upload_hashes WHERE upload_id = ? AND ordinal IN ?", u.ID, ordinals).Error; err != nil {
		t.Fatal(err)
	}
}

// API6 (mass claiming): what answers tell a partner is counted, once.
func TestProbing_countsWhatAPartnerLearned(t *testing.T) {
	bothDialects(t, func(t *testing.T, s *stack) {
		s.known(t, samplePartner)
		u := s.upload(t, samplePartner, 8)
		s.named(t, u, 1, 2, 3, 4, 5)
		s.core.register = func(sub models.Submission) (models.Result, error) {
			foreign, own := models.RecordClaim{ReportedBy: "oem", Foreign: true}, models.RecordClaim{ReportedBy: "oem"}
			return models.Result{Answers: []models.Answer{
				{Row: 1, Code: models.OutcomeNotFound},
				{Row: 2, Code: models.OutcomeOtherTenant},
				{Row: 3, Code: models.OutcomeNeedsAttention},
				{Row: 4, Code: models.OutcomeRegistered, Record: foreign},
				{Row: 5, Code: models.OutcomeRegistered, Record: own},
				{Row: 6, Code: models.OutcomeOtherTenant},
				{Row: 7, Code: models.OutcomeNeedsAttention},
				{Row: 8, Code: models.OutcomeRegistered, Record: foreign},
			}}, nil
		}
		s.run(t, true)
		if s.probing.misses != 4 || s.probing.claims != 1 {
			t.Errorf("%d misses and %d claims, want 4 (812, 808 twice, 9003 without a hash) and 1", s.probing.misses, s.probing.claims)
		}
		s.run(t, false)

		s.core.register = func(sub models.Submission) (models.Result, error) {
			return models.Result{Answers: []models.Answer{{Row: 1, Code: models.OutcomeOtherTenant}}}, nil
		}
		s.upload(t, "", 1)
		s.run(t, true)
		s.uploadOf(t, samplePartner, models.UploadReport, 1)
		s.run(t, true)
		if s.probing.misses != 4 {
			t.Error("a customer's own upload or a build report counted as guesses")
		}
	})
}

// A partner that guessed too much goes on with hashes; its other rows wait, and are not
// forgotten.
func TestProbing_putsOffRowsWithoutHash(t *testing.T) {
	bothDialects(t, func(t *testing.T, s *stack) {
		mixed := s.upload(t, samplePartner, 6)
		s.named(t, mixed, 2, 5)
		s.probing.wait = 90 * time.Second
		s.run(t, true)
		up, rows, ds := s.reload(t, mixed)
		var open []int
		for _, r := range rows {
			if r.SettledAt == nil {
				open = append(open, r.Ordinal)
			}
		}
		if !slices.Equal(open, []int{2, 5}) || up.OpenRows != 2 || up.State != models.UploadProcessing || s.gate.used != 4 {
			t.Fatalf("open rows %v, upload %+v, %d used; want 2 and 5 open", open, up, s.gate.used)
		}
		if d := ds[0]; d.State != models.DispatchReady || d.LastError != "probing" || d.RunAt.Sub(s.clock.Now()) != 2*time.Minute {
			t.Errorf("the dispatch: %+v", d)
		}
		s.run(t, false)

		names := s.upload(t, samplePartner, 1)
		s.named(t, names, 1)
		before := len(s.core.calls)
		s.run(t, true)
		if len(s.core.calls) != before {
			t.Error("the core was asked about nothing")
		}
		own := s.upload(t, "", 1) // a customer's, to which no limit applies
		s.named(t, own, 1)
		s.run(t, true)
		if up, _, _ := s.reload(t, own); up.State != models.UploadFinished {
			t.Errorf("a customer's own upload: %s", up.State)
		}

		s.clock.Advance(2 * time.Minute)
		s.probing.wait = 0
		s.run(t, true)
		s.run(t, true)
		for _, u := range []models.Upload{mixed, names} {
			if up, _, _ := s.reload(t, u); up.State != models.UploadFinished || up.OpenRows != 0 {
				t.Errorf("afterwards: %+v", up)
			}
		}
		if s.gate.used != 7 {
			t.Errorf("%d devices used of the grant, want 7", s.gate.used)
		}
	})
}

// Who cannot be asked lets nothing through.
func TestProbing_unknownIsNoPermission(t *testing.T) {
	s := newStack(t, db.SQLite)
	u := s.upload(t, samplePartner, 1)
	s.named(t, u, 1)
	s.f.probing = unknownProbing{}
	s.run(t, true)
	if _, _, ds := s.reload(t, u); len(s.core.calls) != 0 || ds[0].State != models.DispatchReady {
		t.Errorf("%v, %+v", s.core.calls, ds[0])
	}
}

type unknownProbing struct{}

func (unknownProbing) Wait(context.Context, models.PartnerID) (time.Duration, error) {
	return 0, context.DeadlineExceeded
}

func (unknownProbing) Count(context.Context, models.PartnerID, int, int) error { return nil }
