package consent

import (
	"slices"
	"strings"
	"testing"

	"countersign/models"
)

func TestRowsOutsideALimitAreNamed(t *testing.T) {
	t.Parallel()
	tags, orders := Limits{GroupTags: []string{"Sales", "Kiosk"}}, Limits{PurchaseOrders: []string{"PO 1"}}
	for name, c := range map[string]struct {
		limits Limits
		order  models.OrderData
		want   []string // words of the refusal; none means inside
	}{
		"no limit":          {Limits{}, models.OrderData{}, nil},
		"allowed tag":       {tags, models.OrderData{GroupTag: "Kiosk"}, nil},
		"other tag":         {tags, models.OrderData{GroupTag: "Lab"}, []string{"group tags", `"Lab"`}},
		"tag in other case": {tags, models.OrderData{GroupTag: "sales"}, []string{"group tags"}},
		"missing tag":       {tags, models.OrderData{PurchaseOrder: "Sales"}, []string{"states no groupTag"}},
		"allowed order":     {orders, models.OrderData{PurchaseOrder: "PO 1"}, nil},
		"other order":       {orders, models.OrderData{PurchaseOrder: "PO 2"}, []string{"purchase orders", `"PO 2"`}},
		"missing order":     {orders, models.OrderData{OrderNumber: "PO 1"}, []string{"states no purchaseOrder"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.limits.Refuse(c.order)
			if (got == "") != (c.want == nil) {
				t.Fatalf("refusal %q", got)
			}
			for _, word := range c.want {
				if !strings.Contains(got, word) {
					t.Errorf("%q does not say %q", got, word)
				}
			}
		})
	}
}

// E4: what is granted is never wider than what was asked, in any limit.
func TestGrantedLimitsOnlyNarrow(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		ask := w.newRequest()
		ask.Limits = Limits{
			Devices: ptr(int64(500)), Manufacturers: []string{" Contoso ", "contoso", "Fabrikam"}, GroupTags: []string{"A", "B"},
		}
		request, err := w.Request(t.Context(), w.byFirm, ask)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(request.Manufacturers, []string{"Contoso", "Fabrikam"}) {
			t.Errorf("asked for %q", request.Manufacturers)
		}
		for field, terms := range map[string]Limits{
			"deviceLimit":   {Devices: ptr(int64(501))},
			"manufacturers": {Manufacturers: []string{"Contoso", "Northwind"}},
			"groupTags":     {GroupTags: []string{"a"}},
		} {
			_, err := w.Grant(t.Context(), w.byCust, request.ID, Terms{Limits: terms})
			wantFault(t, err, field)
		}
		made, err := w.Grant(t.Context(), w.byCust, request.ID, Terms{Limits: Limits{
			Devices: ptr(int64(100)), Manufacturers: []string{"FABRIKAM"}, PurchaseOrders: []string{"PO 1"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		grant := w.readGrant(t, made.ID)
		got := LimitsOf(grant)
		if *got.Devices != 100 || !slices.Equal(got.Manufacturers, []string{"FABRIKAM"}) ||
			!slices.Equal(got.GroupTags, []string{"A", "B"}) || !slices.Equal(got.PurchaseOrders, []string{"PO 1"}) {
			t.Errorf("limits %+v", got)
		}
		var versions []models.GrantVersion
		if err := w.d.Read().WithContext(t.Context()).Find(&versions).Error; err != nil || len(versions) != 1 {
			t.Fatalf("versions %+v, %v", versions, err)
		}
		v := versions[0]
		if v.GrantID != grant.ID || v.Version != 1 || v.Change != models.GrantGiven || *v.DeviceLimit != 100 ||
			*v.RequestID != request.ID || v.Actor != models.ActorCustomer || !slices.Equal(v.GroupTags, []string{"A", "B"}) {
			t.Errorf("version %+v", v)
		}
	})
}

func TestLimitsWithinOthers(t *testing.T) {
	t.Parallel()
	five := Limits{Devices: ptr(int64(5)), GroupTags: []string{"A"}}
	for name, c := range map[string]struct {
		inner, outer Limits
		want         bool
	}{
		"nothing in nothing":  {Limits{}, Limits{}, true},
		"anything in nothing": {five, Limits{}, true},
		"nothing in a number": {Limits{}, Limits{Devices: ptr(int64(5))}, false},
		"more in less":        {Limits{Devices: ptr(int64(6))}, Limits{Devices: ptr(int64(5))}, false},
		"same":                {five, five, true},
		"no list in a list":   {Limits{Devices: ptr(int64(5))}, five, false},
		"other case of maker": {Limits{Manufacturers: []string{"DELL"}}, Limits{Manufacturers: []string{"Dell"}}, true},
	} {
		if got := c.inner.Within(c.outer); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestUnusableLimitsAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	for field, limits := range map[string]Limits{
		"manufacturers":  {Manufacturers: []string{"Dell", " "}},
		"groupTags":      {GroupTags: []string{"a\u202eb"}},
		"purchaseOrders": {PurchaseOrders: []string{strings.Repeat("x", longestValue+1)}},
	} {
		ask := w.newRequest()
		ask.Limits = limits
		_, err := w.Request(t.Context(), w.byFirm, ask)
		wantFault(t, err, field)
	}
	many := make([]string, longestList+1)
	for i := range many {
		many[i] = strings.Repeat("x", i+1)
	}
	ask := w.newRequest()
	ask.Limits.GroupTags = many
	_, err := w.Request(t.Context(), w.byFirm, ask)
	wantFault(t, err, "groupTags")
}
