package main

import (
	"fmt"
	"slices"
	"testing"

	"countersign/gateway/intake"
	"countersign/internal/db"
	"countersign/models"
)

// What is foreseen happens: the forecast of an upload names the outcome of every row that
// the upload has afterwards, and leaves nothing in the core or in the gateway.
func TestForesee_happens(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		in.grant()
		known := in.fakes(3)
		in.mustSubmit("known", known)
		in.work()
		rows := append(slices.Clone(known), in.fakes(4)...)
		rows = append(rows, rows[4], intake.Row{SerialNumber: "alone"}, intake.Row{ProductKey: "3258505007954"},
			intake.Row{SerialNumber: "NB-1", Manufacturer: "Fjordtek AS", Model: "Skerry 14"})
		before := in.kept()
		var foreseen []models.OutcomeCode
		call := intake.Call{Caller: in.caller, Tenant: in.tenant, BatchName: "next", ValidateOnly: true}
		seen, err := in.s.uploads.Foresee(t.Context(), call, &listSource{rows: rows}, func(row intake.RowStatus) error {
			foreseen = append(foreseen, row.Outcome.Code)
			return nil
		})
		if err != nil || seen.Rows != len(rows) || seen.WouldFail != 7 {
			t.Fatalf("%+v, %v: %v", seen, err, foreseen)
		}
		if after := in.kept(); !slices.Equal(after, before) {
			t.Errorf("kept before %v and after %v", before, after)
		}
		up := in.mustSubmit("next", rows)
		in.work()
		if _, codes := in.outcomes(up); !slices.Equal(codes, foreseen) {
			t.Errorf("foreseen %v, became %v", foreseen, codes)
		}
	})
}

// kept counts the rows of every table that an upload writes.
func (in *installation) kept() []string {
	in.t.Helper()
	var out []string
	for _, d := range []struct {
		db     *db.DB
		tables []string
	}{
		{in.dbs.gateway, []string{"uploads", "upload_rows", "upload_hashes", "upload_references", "dispatches", "batches", "idempotency_keys"}},
		{in.dbs.core, []string{"identities", "identity_hashes", "identity_keys", "registrations", "registration_anchors", "device_events", "answers", "fences"}},
	} {
		for _, table := range d.tables {
			var n int
			if err := d.db.Read().WithContext(in.t.Context()).Raw("SELECT count(*) FROM " + table).Scan(&n).Error; err != nil {
				in.t.Fatal(err)
			}
			out = append(out, fmt.Sprintf("%d %s", n, table))
		}
	}
	return out
}
