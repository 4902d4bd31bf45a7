package consent

import (
	"fmt"
	"slices"
	"strings"

	"countersign/models"
)

// Limits are the customer's bounds inside a grant, each optional. The number is
// reserved when rows are accepted; group tag and purchase order are judged at the
// gateway, from the row or the call's default; the manufacturer by the core, from the
// decoded or found hash.
type Limits struct {
	Devices        *int64   // nil means any number
	Manufacturers  []string // compared cleaned and without case; nil means any
	GroupTags      []string // compared exactly; nil means any, also none
	PurchaseOrders []string // compared exactly; nil means any, also none
}

// longestList and longestValue bound a list of a limit, in entries and characters.
const (
	longestList  = 100
	longestValue = 200
)

// LimitsOf reads the limits of a grant. Those of a derived grant are its parent's.
func LimitsOf(g models.Grant) Limits { return limitsOf(g.DeviceLimit, g.GrantLists) }

func limitsOf(devices *int64, lists models.GrantLists) Limits {
	return Limits{
		Devices: devices, Manufacturers: lists.Manufacturers,
		GroupTags: lists.GroupTags, PurchaseOrders: lists.PurchaseOrders,
	}
}

// lists are the limits in the form in which they are stored.
func (l Limits) lists() models.GrantLists {
	return models.GrantLists{Manufacturers: l.Manufacturers, GroupTags: l.GroupTags, PurchaseOrders: l.PurchaseOrders}
}

// list is one limit that names what is allowed.
type list struct {
	field  string // as callers write it
	called string // as a sentence says it
	values *[]string
	fold   bool // compared without case
}

func (l *Limits) named() []list {
	return []list{
		{"manufacturers", "manufacturer", &l.Manufacturers, true},
		{"groupTags", "group tag", &l.GroupTags, false},
		{"purchaseOrders", "purchase order", &l.PurchaseOrders, false},
	}
}

// has reports whether the list allows a value.
func (l list) has(value string) bool {
	return slices.ContainsFunc(*l.values, func(allowed string) bool {
		return allowed == value || l.fold && strings.EqualFold(allowed, value)
	})
}

// Refuse says why a row with this order data is outside the limits, or "" if it is
// inside. The manufacturer is the core's to judge.
func (l Limits) Refuse(order models.OrderData) string {
	for _, stated := range []struct {
		list
		value string
	}{
		{list{field: "groupTag", called: "group tags", values: &l.GroupTags}, order.GroupTag},
		{list{field: "purchaseOrder", called: "purchase orders", values: &l.PurchaseOrders}, order.PurchaseOrder},
	} {
		switch {
		case *stated.values == nil || stated.has(stated.value):
		case stated.value == "":
			return fmt.Sprintf("The customer's consent is limited to certain %s and the row states no %s. Fill it in, or ask the customer to widen the consent.", stated.called, stated.field)
		default:
			return fmt.Sprintf("The customer's consent is limited to certain %s and %s %q is not one of them. Ask the customer to widen the consent.", stated.called, stated.field, stated.value)
		}
	}
	return ""
}

// limits brings limits to the form in which they are stored and compared.
func (f *faults) limits(in Limits) Limits {
	if in.Devices != nil && *in.Devices < 1 {
		f.add("deviceLimit", "must be at least 1; leave it out for no limit")
	}
	for _, one := range in.named() {
		*one.values = f.list(one)
	}
	return in
}

// list cleans one list: an empty one is no limit.
func (f *faults) list(l list) []string {
	var kept []string
	for _, value := range *l.values {
		value = f.text(l.field, value, longestValue)
		switch {
		case value == "":
			f.add(l.field, "holds an empty value")
		case !(list{values: &kept, fold: l.fold}).has(value):
			kept = append(kept, value)
		}
	}
	if len(kept) > longestList {
		f.add(l.field, fmt.Sprintf("holds more than %d values", longestList))
	}
	return kept
}

// narrowed applies terms to what was asked: a limit that the terms leave out is taken
// as asked, and none may be wider.
func (f *faults) narrowed(asked, terms Limits) Limits {
	terms = f.limits(terms)
	switch {
	case terms.Devices == nil:
		terms.Devices = asked.Devices
	case asked.Devices != nil && *terms.Devices > *asked.Devices:
		f.add("deviceLimit", fmt.Sprintf("is more than the %d devices that were asked for", *asked.Devices))
	}
	outer := asked.named()
	for i, one := range terms.named() {
		if *one.values == nil {
			*one.values = *outer[i].values
		} else if !one.inside(outer[i]) {
			f.add(one.field, "is wider than what was asked: "+strings.Join(*outer[i].values, ", "))
		}
	}
	return terms
}

// inside reports whether everything this list allows is allowed by the other too.
func (l list) inside(other list) bool {
	if *other.values == nil {
		return true
	}
	return *l.values != nil && !slices.ContainsFunc(*l.values, func(v string) bool { return !other.has(v) })
}

// Within reports whether nothing that these limits allow is outside the others.
func (l Limits) Within(other Limits) bool {
	if other.Devices != nil && (l.Devices == nil || *l.Devices > *other.Devices) {
		return false
	}
	outer := other.named()
	for i, one := range l.named() {
		if !one.inside(outer[i]) {
			return false
		}
	}
	return true
}
