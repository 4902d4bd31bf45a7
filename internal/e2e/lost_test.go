package e2e

import (
	"encoding/json"
	"slices"
	"testing"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

// Whoever lost everything but order numbers finds each upload since yesterday again, and
// what became of every row.
func TestLostState_uploadsAreFoundByOrderNumber(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		p.agree(r, p.tenant, p.customer)
		cl := p.as(r, p.reseller)
		sent := map[string][]string{}
		for _, order := range []string{"PO-4711", "PO-4712", "PO-4711"} {
			d := p.delivery(p.tenant, 2)
			d.Order = wire.OrderData{OrderNumber: order}
			receipt := p.send(cl, d)
			sent[order] = append(sent[order], receipt.TrackingID)
		}
		byRow := p.rowsOf(p.tenant, "by row", map[string]any{"HardwareHash": p.devices.Next().Hash(), "PurchaseOrder": "PO-4713"}, map[string]any{})
		receipt, err := cl.Submit(t.Context(), byRow)
		if err != nil {
			t.Fatal(err)
		}
		sent["PO-4713"] = []string{receipt.TrackingID}
		p.outcome(cl, p.tenant, receipt.TrackingID, 30e9)

		me := p.commandLine(r, p.reseller) // an empty folder: no journal, no receipt
		for order, want := range sent {
			var found struct{ Items []wire.Upload }
			if err := json.Unmarshal([]byte(me.run(0, "uploads", "--since", "yesterday", "--order", order, "-o", "json")), &found); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, up := range found.Items {
				got = append([]string{up.TrackingID}, got...) // the newest comes first
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: found %v, sent %v", order, got, want)
			}
		}
		rows, _, err := client.Collect(cl.UploadRows(t.Context(), client.Owner{}, receipt.TrackingID, client.RowFilter{Outcome: "failed"}), 0)
		if err != nil || len(rows) != 1 || rows[0].Row != 2 || rows[0].ErrorCode != "803" {
			t.Errorf("failed rows %+v, %v", rows, err)
		}
		_, other := p.newTenant("Contoso")
		for _, list := range [][]string{{"uploads", "--order", "PO-4711", "-o", "json"}} {
			var found struct{ Items []wire.Upload }
			if err := json.Unmarshal([]byte(p.commandLine(r, other).run(0, list...)), &found); err != nil || len(found.Items) != 0 {
				t.Errorf("another customer finds %+v, %v", found.Items, err)
			}
		}
	})
}
