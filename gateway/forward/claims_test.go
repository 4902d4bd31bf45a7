package forward

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
)

const sampleOEM = models.PartnerID("10000000-0000-7000-8000-00000000000e")

// feed reads what the factory is told.
func (s *stack) feed(t *testing.T) []models.LedgerEntry {
	t.Helper()
	var found []models.LedgerEntry
	if err := s.db.Read().WithContext(t.Context()).Where("kind = 'record.claimed'").Order("id").Find(&found).Error; err != nil {
		t.Fatal(err)
	}
	return found
}

// known makes a partner that the gateway has a row of.
func (s *stack) known(t *testing.T, id models.PartnerID) {
	t.Helper()
	err := s.db.Write().Exec("INSERT INTO partners (id, kind, name, state, created_at) VALUES (?, 'indirect_provider', 'Elm', 'active', ?)",
		id, s.clock.Now()).Error
	if err != nil {
		t.Fatal(err)
	}
}

// The factory is told once of each claim, whatever became of calls and workers, and
// neither for whom nor by whom.
func TestClaims_areToldToTheFactoryOnce(t *testing.T) {
	bothDialects(t, func(t *testing.T, s *stack) {
		s.known(t, samplePartner)
		record := func(row int) models.RecordClaim {
			return models.RecordClaim{ReportedBy: sampleOEM, ProductKey: "4100000000001", SerialNumber: "SN-7", Report: "report-1", ReportRow: row}
		}
		lost := error(errs.New(errs.Unavailable, "core_unavailable", "the answer was lost"))
		s.core.register = func(models.Submission) (models.Result, error) {
			answers := []models.Answer{
				{Row: 1, Code: models.OutcomeRegistered, Record: record(1)},
				{Row: 2, Code: models.OutcomeRegistered},
				{Row: 3, Code: models.OutcomeNotFound},
				{Row: 4, Code: models.OutcomeRegistered, Record: record(9)},
			}
			err := lost
			lost = nil
			return models.Result{Answers: answers}, err
		}
		u := s.upload(t, samplePartner, 4)
		s.run(t, true)
		if n := len(s.feed(t)); n != 0 {
			t.Fatalf("%d events before the answer is settled", n)
		}
		s.clock.Advance(time.Minute)
		d, err := s.f.next(t.Context())
		if err != nil || d == nil {
			t.Fatal(err)
		}
		zombie, err := s.f.claim(t.Context(), *d)
		if err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(31 * time.Second)
		s.run(t, true) // another worker takes over
		late, _ := s.core.register(models.Submission{})
		if err := s.f.settle(t.Context(), zombie, settled{answers: late.Answers, final: true}); err != nil {
			t.Fatal(err)
		}
		got := s.feed(t)
		if len(got) != 2 {
			t.Fatalf("%d events: %+v", len(got), got)
		}
		const body = `{"claimedBy":"indirect_provider","productKey":"4100000000001","report":"report-1","reportRow":1,"serialNumber":"SN-7"}`
		e := got[0]
		if e.PartnerID != sampleOEM || e.TenantID != "" || e.ActorID != "" || e.SubjectID != "report-1/1" || e.Body != body || got[1].SubjectID != "report-1/9" {
			t.Errorf("the event: %+v", e)
		}
		for _, secret := range []string{string(sampleTenant), string(samplePartner), string(u.TrackingID), "Elm"} {
			if strings.Contains(e.Body+e.SubjectID, secret) {
				t.Errorf("the event names %s", secret)
			}
		}

		s.core.register = func(models.Submission) (models.Result, error) {
			return models.Result{Answers: []models.Answer{{Row: 1, Code: models.OutcomeRegistered, Record: record(2)}}}, nil
		}
		s.upload(t, "", 1)
		s.run(t, true)
		if got := s.feed(t); len(got) != 3 || !strings.Contains(got[2].Body, `"claimedBy":"customer"`) || got[2].Actor != models.ActorCustomer {
			t.Errorf("a customer's own claim: %+v", got[len(got)-1])
		}
	})
}
