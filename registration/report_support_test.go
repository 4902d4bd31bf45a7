package registration_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// Two OEMs.
const (
	plant, rival = models.PartnerID("oem-plant"), models.PartnerID("oem-rival")
)

// factory is the authority of an OEM's report, all epochs 1.
func factory(p models.PartnerID) models.Authority {
	client := "p-" + string(p)
	return models.Authority{
		Kind: models.ByFactory, PartnerID: p, ClientID: models.ClientID(client), NotAfter: time.Now().Add(time.Hour),
		Epochs: []models.SubjectEpoch{
			{Kind: models.SubjectOfPartner, ID: string(p), Epoch: 1},
			{Kind: models.SubjectOfClient, ID: client, Epoch: 1},
		},
	}
}

// built is a row of a report; number it with reportOf.
func built(r *hardwarehash.Report) models.CoreRow { return models.CoreRow{Identity: hash(r)} }

// builtFor is built, sold to a partner.
func builtFor(r *hardwarehash.Report, to models.PartnerID) models.CoreRow {
	row := built(r)
	row.SoldTo = to
	return row
}

// returned is a row that gives a product key back.
func returned(key string) models.CoreRow {
	return models.CoreRow{Identity: models.DeviceIdentity{ProductKey: key}, Returned: true}
}

// reportOf makes a report of a new upload, rows numbered from 1.
func reportOf(p models.PartnerID, rows ...models.CoreRow) models.Submission {
	sub := models.Submission{Upload: newUpload(), Authority: factory(p), Rows: slices.Clone(rows)}
	for i := range sub.Rows {
		sub.Rows[i].Row = i + 1
	}
	return sub
}

// report executes a report that must not be refused.
func (c core) report(sub models.Submission) []models.Answer {
	c.t.Helper()
	return c.whole(c.Report(context.Background(), sub))
}

// build reports rows of an OEM and returns the answers.
func (c core) build(p models.PartnerID, rows ...models.CoreRow) []models.Answer {
	c.t.Helper()
	return c.report(reportOf(p, rows...))
}

// wantAnswer compares an answer with a code and a detail; it never has a device.
func wantAnswer(t testing.TB, what string, got models.Answer, code models.OutcomeCode, detail string) {
	t.Helper()
	if got.Code != code || got.Detail != detail || got.DeviceID != "" {
		t.Fatalf("%s: %+v, want code %q and %q", what, got, code, detail)
	}
}

// identities reads all identities, in the order of their numbers.
func (c core) identities() []models.Identity {
	c.t.Helper()
	var all []models.Identity
	if err := c.db.Read().WithContext(c.t.Context()).Order("id").Find(&all).Error; err != nil {
		c.t.Fatal(err)
	}
	return all
}

// live describes the records that are looked for, sorted: what they state and the
// report they carry. Numbers and times are left out.
func (c core) live() []string {
	c.t.Helper()
	var out []string
	for _, i := range c.identities() {
		if i.RetiredAt != nil {
			continue
		}
		out = append(out, fmt.Sprintf("%s|%s|%s|%s ek=%x uuid=%x macs=%x disk=%s by=%s report=%s/%d sold=%s",
			i.Manufacturer, i.Product, i.Serial, i.ProductKey, i.EKDigest, i.SMBIOSUUID, i.MACs, i.SystemDisk,
			i.ReportedBy, i.ReportTrackingID, i.ReportRow, i.SoldTo))
	}
	slices.Sort(out)
	return out
}

// statements reads what factories stated, sorted.
func (c core) statements() []string {
	c.t.Helper()
	var all []models.FactoryStatement
	if err := c.db.Read().WithContext(c.t.Context()).Order("key").Find(&all).Error; err != nil {
		c.t.Fatal(err)
	}
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = fmt.Sprintf("%x %s %s/%d", s.Key, s.PartnerID, s.TrackingID, s.Ordinal)
	}
	return out
}

// events lists the history, as kind and reason.
func (c core) events() []string {
	c.t.Helper()
	var all []models.DeviceEvent
	if err := c.db.Read().WithContext(c.t.Context()).Order("id").Find(&all).Error; err != nil {
		c.t.Fatal(err)
	}
	out := make([]string, len(all))
	for i, e := range all {
		out[i] = string(e.Kind)
		if e.Reason != "" {
			out[i] += " " + e.Reason
		}
	}
	return out
}

// wantSame compares two lists of texts.
func wantSame(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s:\n%q\nwant:\n%q", what, got, want)
	}
}

// checkArbiter fails unless the anchors that are owned are exactly those of active
// registrations and live records.
func (c core) checkArbiter() {
	c.t.Helper()
	const stray = `SELECT count(*) FROM registration_anchors a WHERE NOT EXISTS (
		SELECT 1 FROM identities i WHERE i.id = a.identity_id AND i.retired_at IS NULL AND (i.report_tracking_id <> '' OR EXISTS (
			SELECT 1 FROM registrations r WHERE r.identity_id = i.id AND r.state = 'active')))`
	const bare = `SELECT count(*) FROM identities i WHERE i.retired_at IS NULL AND (i.report_tracking_id <> '' OR EXISTS (
			SELECT 1 FROM registrations r WHERE r.identity_id = i.id AND r.state = 'active'))
		AND (SELECT count(*) FROM registration_anchors a WHERE a.identity_id = i.id) <>
			(CASE WHEN i.ek_digest IS NULL THEN 0 ELSE 1 END) + (CASE WHEN i.smbios_uuid IS NULL THEN 0 ELSE 1 END) +
			(CASE WHEN i.serial = '' OR i.product = '' OR i.manufacturer = '' THEN 0 ELSE 1 END)`
	for what, query := range map[string]string{"anchors without an owner": stray, "owners without their anchors": bare} {
		var n int
		if err := c.db.Read().WithContext(c.t.Context()).Raw(query).Scan(&n).Error; err != nil {
			c.t.Fatal(err)
		}
		if n != 0 {
			c.t.Fatalf("%d %s", n, what)
		}
	}
}

// withKey is a capture that states another product key id.
func withKey(t testing.TB, r *hardwarehash.Report, key string) *hardwarehash.Report {
	t.Helper()
	return edited(t, r, func(inv *hardwarehash.Inventory) { inv.ProductKeyID = key })
}

// reboarded is other hardware under the serial and product key id of a device, as
// rework on the line makes it.
func reboarded(t testing.TB, of, hardware *hardwarehash.Report) *hardwarehash.Report {
	t.Helper()
	return edited(t, hardware, func(inv *hardwarehash.Inventory) {
		inv.System, inv.ProductKeyID = of.Inventory.System, of.Inventory.ProductKeyID
	})
}
