package registration_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// operator is the authority of who runs the service.
func operator() models.Authority {
	return models.Authority{
		Kind: models.ByOperator, ClientID: "p-ops", NotAfter: time.Now().Add(time.Hour),
		Epochs: []models.SubjectEpoch{{Kind: models.SubjectOfClient, ID: "p-ops", Epoch: 1}},
	}
}

// caseOf reads the id of the case that an answer names.
func caseOf(t testing.TB, a models.Answer) models.CaseID {
	t.Helper()
	_, id, ok := strings.Cut(a.Detail, "It is case ")
	if a.Code != models.OutcomeNeedsAttention || !ok {
		t.Fatalf("the answer names no case: %+v", a)
	}
	return models.CaseID(strings.TrimSuffix(id, "."))
}

// settle settles a case, which must succeed.
func (c core) settle(a models.Authority, id models.CaseID, as models.Settlement, device models.DeviceID) registration.Case {
	c.t.Helper()
	done, err := c.Settle(context.Background(), models.Settling{Case: id, As: as, Device: device, Note: "seen on the desk", Authority: a})
	if err != nil {
		c.t.Fatalf("settle as %s: %v", as, err)
	}
	return done
}

// replacement is a row that replaces a device.
func replacement(id models.DeviceID, r *hardwarehash.Report) models.CoreRow {
	return models.CoreRow{DeviceID: id, Identity: hash(r)}
}

// replaceBy makes a submission of replacements, rows numbered from 1.
func replaceBy(a models.Authority, rows ...models.CoreRow) models.Submission {
	sub := models.Submission{Upload: newUpload(), Authority: a}
	for i, row := range rows {
		row.Row = i + 1
		sub.Rows = append(sub.Rows, row)
	}
	return sub
}

// replace executes replacements that must not be refused.
func (c core) replace(sub models.Submission) []models.Answer {
	c.t.Helper()
	return c.whole(c.Replace(context.Background(), sub))
}

// kindsOf lists the kinds of a device's history as a scope sees it.
func (c core) kindsOf(s registration.Scope, id models.DeviceID) string {
	c.t.Helper()
	events, _, err := c.History(context.Background(), s, id, registration.Page{})
	if err != nil {
		c.t.Fatal(err)
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, " ")
}

// conflict is a way in which the capture of a device can conflict with devices
// that are registered.
type conflict struct {
	name   string
	reason string
	make   func(t testing.TB, g *hardwarehash.Generator, own, donor hardwarehash.Device) *hardwarehash.Report
	donor  bool // the donor is involved, too
}

var conflicts = []conflict{
	{"a new TPM", "board-or-tpm-changed", func(_ testing.TB, g *hardwarehash.Generator, own, _ hardwarehash.Device) *hardwarehash.Report {
		return g.NewTPM(own).Report
	}, false},
	{"the serial of another device", "serial-collision", func(t testing.TB, g *hardwarehash.Generator, own, _ hardwarehash.Device) *hardwarehash.Report {
		return edited(t, g.Next().Report, func(inv *hardwarehash.Inventory) { inv.System = own.Report.Inventory.System })
	}, false},
	{"the board of another device", "split-identity", func(t testing.TB, _ *hardwarehash.Generator, own, donor hardwarehash.Device) *hardwarehash.Report {
		return edited(t, own.Report, func(inv *hardwarehash.Inventory) {
			from := donor.Report.Inventory
			inv.UUID, inv.EKPub, inv.OfflineID, inv.TPMVersion, inv.NICs = from.UUID, from.EKPub, from.OfflineID, from.TPMVersion, from.NICs
		})
	}, true},
	{"the disk of another device", "shared-part", func(t testing.TB, _ *hardwarehash.Generator, own, donor hardwarehash.Device) *hardwarehash.Report {
		return edited(t, own.Report, func(inv *hardwarehash.Inventory) {
			from := donor.Report.Inventory
			inv.Disks, inv.Drives, inv.SystemDisk = from.Disks, from.Drives, from.SystemDisk
		})
	}, true},
	{"an adapter of another device", "shared-part", func(t testing.TB, _ *hardwarehash.Generator, own, donor hardwarehash.Device) *hardwarehash.Report {
		return edited(t, own.Report, func(inv *hardwarehash.Inventory) {
			inv.NICs = append(inv.NICs[:len(inv.NICs):len(inv.NICs)], donor.Report.Inventory.NICs[0])
		})
	}, true},
}

// wiped empties the core but for its history and id series.
func (c core) wiped() {
	c.t.Helper()
	c.empty()
	for _, table := range []string{"registrations", "attention_cases", "case_captures", "case_parties", "settled_pairs"} {
		if err := c.db.Write().WithContext(c.t.Context()).Exec("DELETE FROM " + table).Error; err != nil {
			c.t.Fatal(err)
		}
	}
}
