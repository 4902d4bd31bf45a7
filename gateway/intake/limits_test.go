package intake

import (
	"slices"
	"strings"
	"testing"

	"countersign/consent"
	"countersign/models"
)

// tagged makes rows of the same call with these group tags.
func tagged(tags ...string) *body {
	b := tuples(len(tags))
	plain := b.row
	b.row = func(i int) Row {
		row := plain(i)
		row.Order.GroupTag = tags[i-1]
		return row
	}
	return b
}

func TestRowsOutsideTheGrantsLimits(t *testing.T) {
	run(t, func(f *fixture) {
		f.limits = consent.Limits{GroupTags: []string{"Sales"}}
		call := create("depot")
		call.Defaults.GroupTag = "Sales" // fills what rows leave empty
		a := f.accept(call, tagged("", "Lab", "Sales"))
		_, rows := f.upload(a)
		var codes []string
		for _, r := range rows {
			codes = append(codes, string(r.Outcome.Code))
		}
		if !slices.Equal(codes, []string{"", "9002", ""}) || !strings.Contains(rows[1].Sentence, `"Lab"`) {
			t.Errorf("rows %v, %q", codes, rows[1].Sentence)
		}
		if f.reserved != 2 {
			t.Errorf("%d devices are reserved, want 2", f.reserved)
		}
	})
}

// A row outside the limits does not stand in the way of the same device inside them.
func TestARowOutsideTheLimitsIsNobodysDuplicate(t *testing.T) {
	run(t, func(f *fixture) {
		f.limits = consent.Limits{PurchaseOrders: []string{"PO 1"}}
		src := tuples(2)
		plain := src.row
		src.row = func(i int) Row {
			row := plain(1)
			row.Order.PurchaseOrder = []string{"PO 2", "PO 1"}[i-1]
			return row
		}
		_, rows := f.upload(f.accept(create("depot"), src))
		if rows[0].Outcome.Code != models.OutcomeConsentLimit || rows[1].Outcome.Code != models.OutcomeRegistered {
			t.Errorf("rows %+v", rows)
		}
	})
}

func TestStrictRefusesAnyRowOutsideTheLimits(t *testing.T) {
	run(t, func(f *fixture) {
		f.limits = consent.Limits{GroupTags: []string{"Sales"}}
		call := create("depot")
		call.Strict = true
		_, err := f.svc.Accept(t.Context(), call, tagged("Sales", ""))
		wantCode(t, err, ErrLimitExceeded)
		if n := f.count("uploads"); n != 0 || f.reserved != 0 {
			t.Errorf("%d uploads, %d devices reserved", n, f.reserved)
		}
	})
}
