package format

import (
	"strings"

	"countersign/gateway/intake"
)

// member returns where a named value of a device belongs, or nil for a name that
// means nothing to us. Names compare without case; ASCII only, so that no look-alike
// of another alphabet is taken for one of them.
func member(row *intake.Row, folded string) *string {
	switch folded {
	case "serialnumber":
		return &row.SerialNumber
	case "productkey":
		return &row.ProductKey
	case "hardwarehash":
		return &row.HardwareHash
	case "oemmanufacturername":
		return &row.Manufacturer
	case "modelname":
		return &row.Model
	case "purchaseorder":
		return &row.Order.PurchaseOrder
	case "ordernumber":
		return &row.Order.OrderNumber
	case "orderline":
		return &row.Order.OrderLine
	case "deliverynote":
		return &row.Order.DeliveryNote
	case "shipdate":
		return &row.Order.ShipDate
	case "grouptag":
		return &row.Order.GroupTag
	case "customerreference":
		return &row.Order.CustomerReference
	}
	return nil
}

// keyMember is member for a key of a build report. Maker and model stand in the hash.
func keyMember(row *intake.Row, folded string) *string {
	switch folded {
	case "productkeystate":
		return &row.KeyState
	case "soldto":
		return &row.SoldTo
	case "oemmanufacturername", "modelname":
		return nil
	}
	return member(row, folded)
}

// vocabulary is the members that a kind of device has.
type vocabulary struct {
	member   func(row *intake.Row, folded string) *string
	aliases  map[string]string // other folded names of members
	numbers  map[string]bool   // members that may be numbers
	guarded  map[string]bool   // members that are searched for secrets here, because they are no identifiers
	factory  bool              // rows are a factory's: what is not taken is searched for secrets, too
	policies bool
}

var (
	deviceWords = vocabulary{member: member, policies: true}
	keyWords    = vocabulary{
		member:  keyMember,
		aliases: map[string]string{"productkeyid": "productkey", "soldtocustomerid": "soldto"},
		numbers: map[string]bool{"productkeystate": true, "soldto": true},
		guarded: map[string]bool{"productkeystate": true, "soldto": true},
		factory: true,
	}
)

// canonical returns the name that counts for a folded name.
func (v *vocabulary) canonical(folded string) string {
	if name, ok := v.aliases[folded]; ok {
		return name
	}
	return folded
}

// secret reports whether a member may hold a product key by mistake of whoever made the
// body, beside the key id it means.
func (v *vocabulary) secret(folded string) bool { return v.aliases != nil && folded == "productkey" }

// memberNames are the names of member in the form they are documented.
var memberNames = []string{
	"serialNumber", "productKey", "hardwareHash", "oemManufacturerName", "modelName", "purchaseOrder",
	"orderNumber", "orderLine", "deliveryNote", "shipDate", "groupTag", "customerReference",
}

// columnNames are the headers of the partner CSV (Partner Center, "Windows Autopilot
// CSV"), folded; the member names are headers, too.
var columnNames = map[string]string{
	"deviceserialnumber": "serialnumber",
	"windowsproductid":   "productkey",
	"manufacturername":   "oemmanufacturername",
	"manufacturer":       "oemmanufacturername",
	"devicemodel":        "modelname",
}

// weakNames are headers that count only when no other column fills their member.
var weakNames = map[string]string{"model": "modelname"}

// assignedUser is a column of the customers' form that no partner may fill.
const assignedUser = "assigneduser"

// fold lowers ASCII letters.
func fold(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.Map(lower, s)
		}
	}
	return s
}

func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + ('a' - 'A')
	}
	return r
}
