package forward

import (
	"testing"
	"time"

	"countersign/models"
)

// Only what is done, and has been for a week, is deleted.
func TestTrim(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		old := s.upload(t, samplePartner, 1001)
		for range 3 {
			s.run(t, true)
		}
		waiting := s.upload(t, samplePartner, 1)
		s.clock.Advance(doneKept - time.Minute)
		lately := s.upload(t, "other", 1)
		s.core.register = func(sub models.Submission) (models.Result, error) {
			return models.Result{Answers: registered(sub)}, nil
		}
		for range 2 {
			s.run(t, true)
		}
		left := func(u models.Upload) int {
			_, _, ds := s.reload(t, u)
			return len(ds)
		}
		if err := s.f.Trim(t.Context()); err != nil || left(old) != 3 {
			t.Fatalf("before their time: %d left, %v", left(old), err)
		}
		s.clock.Advance(2 * time.Minute)
		if err := s.f.Trim(t.Context()); err != nil || left(old) != 0 || left(lately) != 1 || left(waiting) != 1 {
			t.Errorf("%d of the old ones left, %d and %d of the others, %v", left(old), left(lately), left(waiting), err)
		}
		if up, rows, _ := s.reload(t, old); up.State != models.UploadFinished || len(rows) != 1001 {
			t.Errorf("upload %+v with %d rows", up, len(rows))
		}
	})
}
