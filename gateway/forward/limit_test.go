package forward

import (
	"fmt"
	"slices"
	"testing"

	"countersign/consent"
	"countersign/models"
)

// tagged gives rows of an upload their group tags, in input order.
func (s *stack) tagged(t *testing.T, u models.Upload, tags ...string) {
	t.Helper()
	for i, tag := range tags {
		err := s.db.Write().WithContext(t.Context()).Exec("UPDATE upload_rows SET order_data = ? WHERE upload_id = ? AND ordinal = ?",
			fmt.Sprintf(`{"GroupTag":%q}`, tag), u.ID, i+1).Error
		if err != nil {
			t.Fatal(err)
		}
	}
}

func codesOf(rows []models.UploadRow) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = string(r.ErrorCode)
		if r.SettledAt == nil {
			out[i] = "open"
		}
	}
	return out
}

// A limit that became narrower after the acceptance is looked at again by the claim.
func TestRowsOutsideANarrowedGrantAreNeverSent(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 3)
		s.tagged(t, u, "Sales", "Lab", "Sales")
		s.gate.limits = consent.Limits{GroupTags: []string{"Sales"}, Manufacturers: []string{"Contoso"}}
		var sent models.Submission
		s.core.register = func(sub models.Submission) (models.Result, error) {
			sent = sub
			return models.Result{Answers: registered(sub)}, nil
		}
		s.run(t, true)
		_, rows, ds := s.reload(t, u)
		if got := codesOf(rows); !slices.Equal(got, []string{"", "9002", ""}) || ds[0].State != models.DispatchDone {
			t.Errorf("rows %v, dispatch %s", got, ds[0].State)
		}
		if len(sent.Rows) != 2 || !slices.Equal(sent.Authority.Manufacturers, []string{"Contoso"}) {
			t.Errorf("sent %+v", sent)
		}
		if s.gate.used != 2 || s.gate.released != 1 {
			t.Errorf("used %d, released %d", s.gate.used, s.gate.released)
		}
	})
}

// A row is settled only with the core's word: what may have been sent is resolved
// before it is called outside.
func TestRowsThatMayHaveBeenSentAreResolvedFirst(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 3)
		s.tagged(t, u, "Lab", "Lab", "Sales")
		s.core.register = func(models.Submission) (models.Result, error) {
			return models.Result{Refusal: &models.Refusal{Reason: models.RefusedAsLate}}, nil
		}
		s.run(t, true)
		s.gate.limits = consent.Limits{GroupTags: []string{"Sales"}}
		s.core.resolve = func(_ models.TrackingID, rows []int) ([]models.Answer, error) {
			if !slices.Equal(rows, []int{1, 2}) {
				t.Errorf("resolved rows %v", rows)
			}
			return []models.Answer{{Row: 1, DeviceID: "d-1"}, {Row: 2, Absent: true}}, nil
		}
		s.core.register = nil
		s.clock.Advance(s.f.settings.BackoffCap)
		s.run(t, true)
		_, rows, _ := s.reload(t, u)
		if got := codesOf(rows); !slices.Equal(got, []string{"", "9002", ""}) {
			t.Errorf("rows %v", got)
		}
		if s.gate.used != 2 || s.gate.released != 1 {
			t.Errorf("used %d, released %d", s.gate.used, s.gate.released)
		}
	})
}

// A lowered device limit takes the first rows in input order and is counted once.
func TestRowsBeyondALoweredLimit(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 4)
		s.gate.version, s.gate.recount, s.gate.room = 2, 2, 3
		s.core.register = func(models.Submission) (models.Result, error) {
			return models.Result{Refusal: &models.Refusal{Reason: models.RefusedAsLate}}, nil
		}
		s.run(t, true)
		_, rows, ds := s.reload(t, u)
		if got := codesOf(rows); !slices.Equal(got, []string{"open", "open", "open", "9002"}) || ds[0].GrantVersion != 2 {
			t.Fatalf("rows %v, dispatch %+v", got, ds[0])
		}
		s.core.register = nil
		s.clock.Advance(s.f.settings.BackoffCap)
		s.run(t, true)
		if _, rows, _ = s.reload(t, u); !slices.Equal(codesOf(rows), []string{"", "", "", "9002"}) || s.gate.recounted != 3 {
			t.Errorf("rows %v, counted %d", codesOf(rows), s.gate.recounted)
		}
	})
}

func TestWorkWaitsForAnotherLookWhenTheRoomIsGone(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 2)
		s.gate.version, s.gate.recount, s.gate.room = 2, 2, 2
		s.gate.onRoom = func() { s.gate.room = 0 } // others take it in between
		s.run(t, true)
		up, rows, ds := s.reload(t, u)
		if up.OpenRows != 2 || len(s.core.calls) != 0 || ds[0].State != models.DispatchReady || ds[0].GrantVersion != 1 {
			t.Fatalf("upload %+v, rows %v, dispatch %+v, calls %v", up, codesOf(rows), ds[0], s.core.calls)
		}
		s.run(t, true)
		if _, rows, ds = s.reload(t, u); !slices.Equal(codesOf(rows), []string{"9002", "9002"}) || ds[0].State != models.DispatchDone {
			t.Errorf("rows %v, dispatch %+v", codesOf(rows), ds[0])
		}
	})
}
