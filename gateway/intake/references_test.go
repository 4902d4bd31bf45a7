package intake

import (
	"fmt"
	"slices"
	"testing"

	"countersign/models"
)

func (f *fixture) byOrder(scope Scope, order string) []models.TrackingID {
	f.t.Helper()
	found, _, err := f.reader.Uploads(f.t.Context(), scope, UploadFilter{Order: order}, Page{})
	if err != nil {
		f.t.Fatal(err)
	}
	var ids []models.TrackingID
	for _, up := range found {
		ids = append(ids, up.TrackingID)
	}
	return ids
}

// Whoever lost everything but the order number finds the upload again, small or large,
// by a row's own reference or the call's.
func TestReferences_findUploads(t *testing.T) {
	run(t, func(f *fixture) {
		row := func(o models.OrderData) Row {
			return Row{SerialNumber: fmt.Sprint("SN-", o), Manufacturer: "M", Model: "X", Order: o}
		}
		small := create("small")
		small.Defaults.OrderNumber = "4711"
		a := f.accept(small, list(
			row(models.OrderData{PurchaseOrder: " PO-9 "}), row(models.OrderData{DeliveryNote: "dn/Ä", CustomerReference: "ref"}),
			row(models.OrderData{OrderNumber: "4712", GroupTag: "tag", OrderLine: "10"}), Row{}, // refused rows count too
		))
		src := tuples(SmallRows + 5)
		plain := src.row
		src.row = func(i int) Row {
			r := plain(i)
			r.Order.OrderNumber = fmt.Sprint("big-", i%700)
			return r
		}
		b := f.accept(create("large"), src)
		other := create("small")
		other.PartnerID, other.Tenant, other.Defaults.OrderNumber = partnerB, tenantY, "4711"
		c := f.accept(other, tuples(1))

		own := Scope{Partner: partnerA}
		for order, want := range map[string]Accepted{
			"4711": a, "4712": a, "po-9": a, " PO-9": a, "DN/ä": a, "REF": a, "big-0": b, "BIG-699": b,
		} {
			if got := f.byOrder(own, order); !slices.Equal(got, []models.TrackingID{want.TrackingID}) {
				f.t.Errorf("%q finds %v", order, got)
			}
		}
		for _, order := range []string{"47", "tag", "10", "big-700", "%", "' OR 1=1 --"} {
			if got := f.byOrder(own, order); got != nil {
				f.t.Errorf("%q finds %v", order, got)
			}
		}
		if got := f.byOrder(Scope{Partner: partnerB}, "4711"); !slices.Equal(got, []models.TrackingID{c.TrackingID}) {
			f.t.Errorf("the other partner finds %v", got)
		}
		if got := f.byOrder(Scope{Tenant: tenantX}, "4711"); !slices.Equal(got, []models.TrackingID{a.TrackingID}) {
			f.t.Errorf("the customer finds %v", got)
		}
		if got := f.byOrder(Scope{Partner: partnerA, Tenant: tenantY}, "4711"); got != nil {
			f.t.Errorf("partner A at customer Y finds %v", got)
		}
		if n := f.count("upload_references"); n != 5+700+1 {
			f.t.Errorf("%d references are kept", n)
		}
	})
}

func TestReader_uploadsByTheirIds(t *testing.T) {
	run(t, func(f *fixture) {
		call := keyed(create("depot"), "req-1")
		call.CorrelationID = "corr-1"
		a := f.accept(call, tuples(1))
		f.accept(keyed(create("other"), "req-2"), tuples(1))
		for name, filter := range map[string]UploadFilter{
			"request": {RequestID: "req-1"}, "correlation": {CorrelationID: "corr-1"},
			"all": {RequestID: "req-1", CorrelationID: "corr-1", Kind: models.UploadRegister},
		} {
			found, _, err := f.reader.Uploads(f.t.Context(), Scope{Partner: partnerA}, filter, Page{})
			if err != nil || len(found) != 1 || found[0].TrackingID != a.TrackingID {
				f.t.Errorf("%s: %v, %v", name, found, err)
			}
		}
		for name, filter := range map[string]UploadFilter{
			"request": {RequestID: "req-3"}, "kind": {Kind: models.UploadRemove}, "report": {ReportID: "req-1"},
		} {
			if found, _, err := f.reader.Uploads(f.t.Context(), Scope{Partner: partnerA}, filter, Page{}); err != nil || len(found) != 0 {
				f.t.Errorf("%s: %v, %v", name, found, err)
			}
		}
	})
}
