package forward

import (
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/consent"
	"countersign/models"
)

// A report goes to the core on the OEM's own authority: no tenant, no grant, and
// nothing to settle with consent.
func TestRunOnce_report(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.uploadOf(t, samplePartner, models.UploadReport, 2)
		s.run(t, true)
		if up, _, _ := s.reload(t, u); up.State != models.UploadFinished || s.gate.used != 0 || s.gate.released != 0 {
			t.Errorf("upload %v, used %d, released %d", up.State, s.gate.used, s.gate.released)
		}
		if want := (consent.Ask{Partner: samplePartner, Client: "p-1", Scope: consent.ScopeFactoryReport}); s.gate.asked != want {
			t.Errorf("asked %+v", s.gate.asked)
		}
		if len(s.core.reported) != 1 {
			t.Fatalf("calls %v", s.core.calls)
		}
		sent := s.core.reported[0]
		if a := sent.Authority; a.Kind != models.ByFactory || a.PartnerID != samplePartner || a.TenantID != "" || a.GrantID != "" {
			t.Errorf("authority %+v", a)
		}
		for i, row := range sent.Rows {
			if row.SoldTo != "buyer" || row.Returned != (i == 1) || len(row.Identity.Hash) != 1 {
				t.Errorf("row %+v", row)
			}
		}
	})
}

// What becomes of a report that cannot be carried out never speaks of consent.
func TestRunOnce_reportThatCannotBeCarriedOut(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		never := s.uploadOf(t, samplePartner, models.UploadReport, 1)
		s.core.register = func(models.Submission) (models.Result, error) { return models.Result{}, errors.New("down") }
		s.core.resolve = func(models.TrackingID, []int) ([]models.Answer, error) { return nil, errors.New("down") }
		s.run(t, true)
		s.clock.Advance(26 * time.Hour)
		s.run(t, true)
		s.says(t, never, models.OutcomeStorageError, "may be on record")

		held := s.uploadOf(t, samplePartner, models.UploadReport, 1)
		s.gate.set(consent.VerdictHeld, consent.ReasonPartnerSuspended, 2)
		s.clock.Advance(25 * time.Hour)
		s.run(t, true)
		s.says(t, held, models.OutcomeStorageError, "suspended too long")
	})
}

func (s *stack) says(t *testing.T, u models.Upload, code models.OutcomeCode, words string) {
	t.Helper()
	_, rows, _ := s.reload(t, u)
	if rows[0].ErrorCode != code || !strings.Contains(rows[0].Detail, words) || strings.Contains(rows[0].Detail, "consent") {
		t.Errorf("row = %+v", rows[0])
	}
}
