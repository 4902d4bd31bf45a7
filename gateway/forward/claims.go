package forward

import (
	"context"
	"fmt"
	"slices"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/models"
)

// ofRecord is the subject of an event about a factory's record: the tracking id of the
// report and the row in it.
const ofRecord = "record"

// byCustomer stands for a claimant that is no partner.
const byCustomer = "customer"

// claimed tells a factory that a device of its report was registered. It never says for
// whom, nor by which partner.
type claimed struct {
	ProductKey   string            `json:"productKey,omitempty"`
	SerialNumber string            `json:"serialNumber,omitempty"`
	Report       models.TrackingID `json:"report"`
	ReportRow    int               `json:"reportRow"`
	ClaimedBy    string            `json:"claimedBy"` // a kind of partner, or customer
}

// tellClaimsTx writes an event for each claim on a factory's record, in the transaction
// that settles the row: a row is settled once, so the factory is told once.
func (s *store) tellClaimsTx(ctx context.Context, tx *db.Tx, w *work, answers []models.Answer) error {
	if !slices.ContainsFunc(answers, claims) {
		return nil
	}
	by, actor := byCustomer, models.ActorCustomer
	if w.dispatch.PartnerID != "" {
		kind, err := s.kindOfTx(ctx, tx, w.dispatch.PartnerID)
		if err != nil {
			return fmt.Errorf("find out what kind of partner claimed: %w", err)
		}
		by, actor = string(kind), models.ActorPartner
	}
	var entries []ledger.Entry
	for _, a := range answers {
		if !claims(a) {
			continue
		}
		r := a.Record
		entries = append(entries, ledger.Entry{
			Kind: ledger.RecordClaimed, Subject: ofRecord, SubjectID: fmt.Sprintf("%s/%d", r.Report, r.ReportRow),
			PartnerID: r.ReportedBy, Actor: actor,
			Body: claimed{ProductKey: r.ProductKey, SerialNumber: r.SerialNumber, Report: r.Report, ReportRow: r.ReportRow, ClaimedBy: by},
		})
	}
	return ledger.AddAllTx(ctx, tx, entries)
}

// claims reports whether an answer took a factory's record.
func claims(a models.Answer) bool {
	return a.Record.ReportedBy != "" && a.Code == models.OutcomeRegistered
}
