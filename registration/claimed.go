package registration

import (
	"context"

	"countersign/internal/db"
	"countersign/models"
	"countersign/registration/match"
	"countersign/registration/recordbook"
)

// claimedRecord is a row that takes a factory's record.
type claimedRecord struct {
	row int
	of  *known
}

// takes notes that a row registers a factory's record.
func (p *plan) takes(row int, k *known) {
	if k.onRecord() {
		p.claimed = append(p.claimed, claimedRecord{row, k})
	}
}

// nameRecords says in the answers which factory's record was claimed. Its names are
// told only where the factory itself reported them: what a registration learned of a
// device is not the factory's to know.
func (p *plan) nameRecords(ctx context.Context, tx *db.Tx) error {
	if len(p.claimed) == 0 {
		return nil
	}
	var names [][]byte
	for _, c := range p.claimed {
		for _, name := range []string{nameIn(c.of, match.ProductKeyID), nameIn(c.of, match.Serial)} {
			if name != "" {
				names = append(names, []byte(name))
			}
		}
	}
	stated, err := recordbook.Stated(ctx, tx, names)
	if err != nil {
		return err
	}
	said := make(map[[2]string]bool, len(stated)) // by factory and name
	for _, s := range stated {
		said[[2]string{string(s.PartnerID), string(s.Key)}] = true
	}
	records := make(map[int]models.RecordClaim, len(p.claimed))
	for _, c := range p.claimed {
		records[c.row] = p.record(c.of, said)
	}
	for i, a := range p.given {
		p.given[i].Record = records[a.Row]
	}
	for i, a := range p.answers {
		p.answers[i].Record = records[a.Ordinal]
	}
	return nil
}

// record is what the answer tells of a claimed record.
func (p *plan) record(k *known, said map[[2]string]bool) models.RecordClaim {
	out := models.RecordClaim{
		ReportedBy: k.ReportedBy, Report: k.ReportTrackingID, ReportRow: k.ReportRow,
		Foreign: (&deciding{authority: p.sub.Authority}).foreign(k),
	}
	reported := func(kind match.Kind) bool { return said[[2]string{string(k.ReportedBy), nameIn(k, kind)}] }
	if reported(match.ProductKeyID) {
		out.ProductKey = k.ProductKey
	}
	if reported(match.Serial) {
		out.SerialNumber = k.Serial
	}
	return out
}

// nameIn is the key of statements about one of a device's names; empty when it has
// none of that kind.
func nameIn(k *known, kind match.Kind) string {
	for _, m := range match.Keys(deviceOf(&k.Identity)) {
		if m.Kind == kind {
			return m.Kind.String() + string(m.Local)
		}
	}
	return ""
}
